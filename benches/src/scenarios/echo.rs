//! An echo server over TCP: the mechanisms under a real network stack.

use std::fs::File;
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset_core::Stats;

use super::connections::Connections;
use super::question::Question;
use crate::{Contestant, Workload};

/// `a` of `n` TCP clients send a message. A unit is a message echoed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Connections.
    pub n: usize,
    /// Clients that are active.
    pub a: usize,
}

impl Question for Asked {
    const GROUP: &'static str = "echo";

    type Shared = Connections;

    fn number(self) -> String {
        format!("{}x{}", self.n, self.a)
    }

    fn sources(self) -> usize {
        self.n
    }

    fn active(self) -> Option<usize> {
        Some(self.a)
    }

    fn units_a_step(self) -> usize {
        self.a
    }

    fn open(self) -> io::Result<Self::Shared> {
        Connections::open(self.n)
    }

    fn enter<C: Contestant>(
        self,
        shared: &Rc<Self::Shared>,
        capacity: usize,
    ) -> io::Result<Box<dyn Workload>> {
        let contestant = C::open(shared.servers().clone(), capacity)?;
        Ok(Box::new(Echo::new(contestant, shared.clone(), self.a)))
    }
}

/// What a message holds; small, so that the stack and not the copying is asked.
const MESSAGE_BYTES: usize = 64;

/// A unit is one message echoed. One thread drives both ends: it writes to the clients
/// that are active, waits on the server ends, echoes, and reads back.
///
/// The clients that are active follow one another in a random cycle.
#[derive(Debug)]
pub struct Echo<C> {
    contestant: C,
    connections: Rc<Connections>,
    active: usize,
    at: usize,
    sent: u64,
}

impl<C: Contestant> Echo<C> {
    /// The contestant as the server, with `active` clients talking at a time.
    #[must_use]
    pub fn new(contestant: C, connections: Rc<Connections>, active: usize) -> Self {
        Self {
            contestant,
            connections,
            active,
            at: 0,
            sent: 0,
        }
    }

    fn message(&self) -> [u8; MESSAGE_BYTES] {
        let mut message = [0; MESSAGE_BYTES];
        message[..8].copy_from_slice(&self.sent.to_ne_bytes());
        message
    }

    #[inline(never)]
    fn exchange(&mut self, messages: usize) -> io::Result<()> {
        let first = self.at;
        self.sent += 1;
        let message = self.message();
        for _ in 0..messages {
            self.connections.client(self.at).write_all(&message)?;
            self.at = self.connections.next(self.at);
        }
        self.serve(messages * MESSAGE_BYTES)?;
        self.at = first;
        for _ in 0..messages {
            let mut answer = [0; MESSAGE_BYTES];
            self.connections.client(self.at).read_exact(&mut answer)?;
            assert_eq!(answer, message, "the echo is not what was sent");
            self.at = self.connections.next(self.at);
        }
        Ok(())
    }

    fn serve(&mut self, bytes: usize) -> io::Result<()> {
        let servers = self.connections.servers();
        let mut left = bytes;
        let mut outcome = Ok(());
        while left > 0 && outcome.is_ok() {
            self.contestant
                .turn(|index| match echo(servers.file(index)) {
                    Ok(echoed) => left -= echoed,
                    Err(error) => outcome = Err(error),
                });
        }
        outcome
    }
}

/// Reads once what has come, writes it back and returns how much that was.
///
/// That nothing has come is not an error: readiness is advisory.
fn echo(mut server: &File) -> io::Result<usize> {
    let mut buffer = [0; 4096];
    let came = match server.read(&mut buffer) {
        Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(came) => came,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
        Err(error) => return Err(error),
    };
    server.write_all(&buffer[..came])?;
    Ok(came)
}

impl<C: Contestant> Workload for Echo<C> {
    fn attach(&mut self) -> io::Result<()> {
        self.contestant.add_all(self.connections.servers().len())
    }

    fn detach(&mut self) -> io::Result<()> {
        self.contestant.delete_all(self.connections.servers().len())
    }

    fn run(&mut self, units: u64) -> io::Result<Duration> {
        let start = Instant::now();
        let mut left = units;
        while left > 0 {
            let messages = left.min(self.active as u64);
            self.exchange(messages as usize)?;
            left -= messages;
        }
        Ok(start.elapsed())
    }

    /// Every client gets its own message back, byte for byte.
    fn verify(&mut self) -> io::Result<()> {
        let mut left = self.connections.servers().len();
        while left > 0 {
            let messages = left.min(self.active);
            self.exchange(messages)?;
            left -= messages;
        }
        assert_eq!(self.contestant.look()?, 0, "bytes are left over");
        Ok(())
    }

    fn stats(&self) -> Option<Stats> {
        self.contestant.stats()
    }
}
