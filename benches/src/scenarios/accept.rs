//! Connections that come and go.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset_core::Stats;

use super::connections::reset_on_close;
use super::question::Question;
use crate::sources::Sources;
use crate::sys::put_in_place_of;
use crate::{Contestant, Workload};

/// Connections come and go beside idle listeners. A unit is a connection's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Listeners that nobody connects to.
    pub idle: usize,
}

impl Question for Asked {
    const GROUP: &'static str = "accept";

    type Shared = Door;

    fn number(self) -> String {
        format!("idle{}", self.idle)
    }

    fn sources(self) -> usize {
        self.idle + 1
    }

    fn open(self) -> io::Result<Self::Shared> {
        Door::open(self.idle)
    }

    fn enter<C: Contestant>(
        self,
        shared: &Rc<Self::Shared>,
        capacity: usize,
    ) -> io::Result<Box<dyn Workload>> {
        let contestant = C::open(shared.sources().clone(), capacity)?;
        Ok(Box::new(Accept::new(contestant, shared.clone())))
    }
}

const LISTENER: usize = 0;
const SLOT: usize = 1;
const IDLE: usize = 2;

/// A listener, and the place where the connection that was accepted is put: sources have
/// their numbers for as long as a contestant lives, so the number is kept open and what it
/// stands for changes while it is not watched.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    address: SocketAddr,
    sources: Sources,
}

impl Door {
    /// Opens a listener beside `idle` more that nobody connects to.
    ///
    /// # Errors
    ///
    /// As socket(2) and listen(2).
    pub fn open(idle: usize) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let watched = OwnedFd::from(listener.try_clone()?);
        let slot = OwnedFd::from(File::open("/dev/null")?);
        let mut sources = vec![watched, slot];
        for _ in 0..idle {
            sources.push(OwnedFd::from(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?));
        }
        Ok(Self {
            address: listener.local_addr()?,
            listener,
            sources: sources.into_iter().collect(),
        })
    }

    /// The listener, the slot, the idle ones.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }
}

/// A unit is a connection's whole life: made, accepted, watched, a message echoed on it,
/// watched no more, closed.
#[derive(Debug)]
pub struct Accept<C> {
    contestant: C,
    door: Rc<Door>,
}

impl<C: Contestant> Accept<C> {
    /// The contestant at this door.
    #[must_use]
    pub fn new(contestant: C, door: Rc<Door>) -> Self {
        Self { contestant, door }
    }

    #[inline(never)]
    fn lives(&mut self, units: u64) -> io::Result<()> {
        (0..units).try_for_each(|_| self.life())
    }

    fn life(&mut self) -> io::Result<()> {
        let mut client = TcpStream::connect(self.door.address)?;
        reset_on_close(&client)?;
        self.await_one(LISTENER);
        let (server, _) = self.door.listener.accept()?;
        server.set_nonblocking(true)?;
        put_in_place_of(&OwnedFd::from(server), self.door.sources.get(SLOT))?;
        self.contestant.add(SLOT)?;
        client.write_all(b"ping")?;
        self.await_one(SLOT);
        let mut server = self.door.sources.file(SLOT);
        let mut message = [0; 8];
        let count = server.read(&mut message)?;
        server.write_all(&message[..count])?;
        let mut answer = [0; 4];
        client.read_exact(&mut answer)?;
        assert_eq!(&answer, b"ping", "the echo is not what was sent");
        self.contestant.delete(SLOT)
    }

    fn await_one(&mut self, expected: usize) {
        let mut is_told = false;
        while !is_told {
            self.contestant.turn(|index| {
                assert_eq!(index, expected, "an event of something else");
                is_told = true;
            });
        }
    }
}

impl<C: Contestant> Workload for Accept<C> {
    fn attach(&mut self) -> io::Result<()> {
        self.contestant.add(LISTENER)?;
        (IDLE..self.door.sources.len()).try_for_each(|index| self.contestant.add(index))
    }

    fn detach(&mut self) -> io::Result<()> {
        self.contestant.delete(LISTENER)?;
        (IDLE..self.door.sources.len()).try_for_each(|index| self.contestant.delete(index))
    }

    fn run(&mut self, units: u64) -> io::Result<Duration> {
        let start = Instant::now();
        self.lives(units)?;
        Ok(start.elapsed())
    }

    fn verify(&mut self) -> io::Result<()> {
        self.lives(3)?;
        assert_eq!(self.contestant.look()?, 0, "an event is left over");
        Ok(())
    }

    fn stats(&self) -> Option<Stats> {
        self.contestant.stats()
    }
}
