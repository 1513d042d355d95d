//! Datagrams to one of N sockets.

use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset_core::Stats;

use super::question::Question;
use crate::pipes::random_cycle;
use crate::sources::Sources;
use crate::{Contestant, Workload};

/// A datagram for one of `n` sockets. A unit is a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Sockets.
    pub n: usize,
}

impl Question for Asked {
    const GROUP: &'static str = "udp";

    type Shared = Sockets;

    fn number(self) -> String {
        self.n.to_string()
    }

    fn sources(self) -> usize {
        self.n
    }

    fn descriptors(self) -> usize {
        self.n + 1
    }

    fn open(self) -> io::Result<Self::Shared> {
        Sockets::open(self.n)
    }

    fn enter<C: Contestant>(
        self,
        shared: &Rc<Self::Shared>,
        capacity: usize,
    ) -> io::Result<Box<dyn Workload>> {
        let contestant = C::open(shared.receivers().clone(), capacity)?;
        Ok(Box::new(Datagrams::new(contestant, shared.clone())))
    }
}

/// What a datagram holds.
const BYTES: usize = 64;

/// N bound UDP sockets, non-blocking, and one that sends to them.
#[derive(Debug)]
pub struct Sockets {
    receivers: Sources,
    addresses: Vec<SocketAddr>,
    sender: UdpSocket,
    next: Vec<usize>,
}

impl Sockets {
    /// Opens `count` receivers.
    ///
    /// # Errors
    ///
    /// As socket(2) and bind(2).
    pub fn open(count: usize) -> io::Result<Self> {
        let mut receivers = Vec::with_capacity(count);
        let mut addresses = Vec::with_capacity(count);
        for _ in 0..count {
            let receiver = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            receiver.set_nonblocking(true)?;
            addresses.push(receiver.local_addr()?);
            receivers.push(OwnedFd::from(receiver));
        }
        Ok(Self {
            receivers: receivers.into_iter().collect(),
            addresses,
            sender: UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?,
            next: random_cycle(count),
        })
    }

    /// The receivers.
    #[must_use]
    pub fn receivers(&self) -> &Sources {
        &self.receivers
    }
}

/// A unit is a datagram sent to one of N sockets, the wait that finds it, and its reading.
#[derive(Debug)]
pub struct Datagrams<C> {
    contestant: C,
    sockets: Rc<Sockets>,
    at: usize,
    sent: u64,
}

impl<C: Contestant> Datagrams<C> {
    /// The contestant among these sockets.
    #[must_use]
    pub fn new(contestant: C, sockets: Rc<Sockets>) -> Self {
        Self {
            contestant,
            sockets,
            at: 0,
            sent: 0,
        }
    }

    #[inline(never)]
    fn exchange(&mut self, units: u64) -> io::Result<()> {
        for _ in 0..units {
            let mut message = [0; BYTES];
            self.sent += 1;
            message[..8].copy_from_slice(&self.sent.to_ne_bytes());
            let sockets = &self.sockets;
            let at = self.at;
            sockets.sender.send_to(&message, sockets.addresses[at])?;
            let mut is_there = false;
            while !is_there {
                self.contestant.turn(|index| {
                    assert_eq!(index, at, "an event of a socket that nobody wrote to");
                    let mut came = [0; 2 * BYTES];
                    if let Ok(count) = sockets.receivers.file(index).read(&mut came) {
                        assert_eq!(came[..count], message, "not the datagram that was sent");
                        is_there = true;
                    }
                });
            }
            self.at = sockets.next[at];
        }
        Ok(())
    }
}

impl<C: Contestant> Workload for Datagrams<C> {
    fn attach(&mut self) -> io::Result<()> {
        self.contestant.add_all(self.sockets.receivers.len())
    }

    fn detach(&mut self) -> io::Result<()> {
        self.contestant.delete_all(self.sockets.receivers.len())
    }

    fn run(&mut self, units: u64) -> io::Result<Duration> {
        let start = Instant::now();
        self.exchange(units)?;
        Ok(start.elapsed())
    }

    fn verify(&mut self) -> io::Result<()> {
        self.exchange(self.sockets.receivers.len() as u64)?;
        assert_eq!(self.contestant.look()?, 0, "a datagram is left over");
        Ok(())
    }

    fn stats(&self) -> Option<Stats> {
        self.contestant.stats()
    }
}
