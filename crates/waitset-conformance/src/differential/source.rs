//! A descriptor in a program: the end that is registered, and its peer.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use nix::unistd::dup2;
use waitset_core::{Interest, Readiness};

use crate::sources::{await_sign, linger, pipe, regular_file, send_urgent, unix_pair};
use crate::sys;
use crate::watch::BOUND;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Unix,
    Tcp,
    PipeReader,
    PipeWriter,
    File,
    Null,
}

/// The other end of it.
#[derive(Debug)]
pub(crate) enum Peer {
    Unix(UnixStream),
    Tcp(TcpStream),
    Reads(File),
    Writes(File),
    None,
}

#[derive(Debug)]
pub(crate) struct Source {
    kind: Kind,
    near: OwnedFd,
    peer: Peer,
    sends: bool,
}

impl Peer {
    /// Whether nobody has the other end any more. Only TCP may take a moment to say so.
    pub(crate) fn sees_the_end(&self) -> bool {
        let end = Readiness::HANGUP | Readiness::ERROR | Readiness::PEER_CLOSED;
        let (far, millis) = match self {
            Self::Unix(far) => (far.as_fd(), 0),
            Self::Tcp(far) => (far.as_fd(), BOUND.as_millis() as i32),
            Self::Reads(far) | Self::Writes(far) => (far.as_fd(), 0),
            Self::None => return true,
        };
        sys::poll(far, end, millis).is_ok_and(|seen| seen.intersects(end))
    }
}

impl Source {
    pub(crate) fn new(kind: Kind, listener: &TcpListener) -> Self {
        let (near, peer) = match kind {
            Kind::Unix => {
                let (near, far) = unix_pair();
                (near.into(), Peer::Unix(far))
            }
            Kind::Tcp => {
                let (near, far) = tcp_pair(listener);
                (near.into(), Peer::Tcp(far))
            }
            Kind::PipeReader => {
                let (reader, writer) = pipe();
                (reader.into(), Peer::Writes(writer))
            }
            Kind::PipeWriter => {
                let (reader, writer) = pipe();
                (writer.into(), Peer::Reads(reader))
            }
            Kind::File => (regular_file().into(), Peer::None),
            Kind::Null => {
                let mut options = File::options();
                let null = options.read(true).write(true).open("/dev/null").unwrap();
                (null.into(), Peer::None)
            }
        };
        Self {
            kind,
            near,
            peer,
            sends: !matches!(kind, Kind::PipeWriter | Kind::File | Kind::Null),
        }
    }

    pub(crate) fn is_file(&self) -> bool {
        matches!(self.kind, Kind::File | Kind::Null)
    }

    pub(crate) fn is_socket(&self) -> bool {
        matches!(self.kind, Kind::Unix | Kind::Tcp)
    }

    pub(crate) fn try_clone(&self) -> OwnedFd {
        self.near.try_clone().unwrap()
    }

    /// Everything that raw poll(2) can tell of it.
    pub(crate) fn observe(&self) -> Readiness {
        let all = Readiness::from(Interest::ALL) | Readiness::PEER_CLOSED;
        sys::poll(self, all, 0).unwrap()
    }

    /// Whether the peer did send.
    pub(crate) fn arrive(&mut self) -> bool {
        if !self.sends {
            return false;
        }
        let sent = match &mut self.peer {
            Peer::Unix(far) => far.write(b"some"),
            Peer::Writes(far) => far.write(b"some"),
            Peer::Tcp(far) => far.write(b"some"),
            Peer::Reads(_) | Peer::None => return false,
        };
        self.await_delivery();
        sent.is_ok()
    }

    pub(crate) fn urge(&mut self) {
        if let (true, Peer::Tcp(far)) = (self.sends, &self.peer) {
            send_urgent(far);
            self.await_delivery();
        }
    }

    /// TCP delivers over loopback at once, unless the machine is too busy to.
    fn await_delivery(&self) {
        if let Peer::Tcp(far) = &self.peer {
            while sys::unacknowledged(far) > 0 {
                std::thread::yield_now();
            }
        }
    }

    pub(crate) fn read(&self, all: bool) {
        if self.is_file() {
            return;
        }
        let mut near = File::from(self.try_clone());
        let mut buffer = [0; 4096];
        let length = if all { buffer.len() } else { 1 };
        // At urgent data TCP finds nothing while a signal is pending, or the work with which
        // a ring that was closed interrupts its thread (`tcp_recvmsg_locked` in
        // net/ipv4/tcp.c). Nothing is so no longer when it is asked again.
        let mut once = || {
            near.read(&mut buffer[..length])
                .or_else(|_| near.read(&mut buffer[..length]))
        };
        while matches!(once(), Ok(1..)) && all {}
    }

    /// Not for TCP, where room comes back when the peer's kernel says so.
    pub(crate) fn fill(&self) {
        if self.is_file() || self.kind == Kind::Tcp {
            return;
        }
        let mut near = File::from(self.try_clone());
        while near.write(&[0; 4096]).is_ok() {}
        while near.write(&[0]).is_ok() {}
    }

    pub(crate) fn make_room(&mut self) {
        let mut buffer = [0; 65_536];
        match &mut self.peer {
            Peer::Unix(far) => while matches!(far.read(&mut buffer), Ok(1..)) {},
            Peer::Reads(far) => while matches!(far.read(&mut buffer), Ok(1..)) {},
            Peer::Tcp(_) | Peer::Writes(_) | Peer::None => {}
        }
    }

    pub(crate) fn half_close(&mut self) {
        match &self.peer {
            Peer::Unix(far) => far.shutdown(Shutdown::Write).unwrap(),
            Peer::Tcp(far) if self.sends => {
                far.shutdown(Shutdown::Write).unwrap();
                await_sign(&self.near, Readiness::PEER_CLOSED);
            }
            Peer::Tcp(_) | Peer::Reads(_) | Peer::Writes(_) | Peer::None => return,
        }
        self.sends = false;
    }

    pub(crate) fn peer_closes(&mut self, reset: bool) {
        match std::mem::replace(&mut self.peer, Peer::None) {
            Peer::Tcp(far) => {
                linger(&far, reset);
                drop(far);
                let sign = match reset {
                    true => Readiness::HANGUP,
                    false => Readiness::PEER_CLOSED,
                };
                await_sign(&self.near, sign);
            }
            peer => drop(peer),
        }
        self.sends = false;
    }

    /// Puts `new` under the number of this one, whose file lives on in its duplicates,
    /// with something to read; what is to be kept for that.
    pub(crate) fn replace(&mut self, new: Self) -> Peer {
        self.arrive();
        dup2(&new.near, &mut self.near).unwrap();
        let number = self.near.as_raw_fd();
        assert!(sys::descriptor_flags(number).is_some());
        let Self {
            kind, peer, sends, ..
        } = new;
        self.kind = kind;
        self.sends = sends;
        std::mem::replace(&mut self.peer, peer)
    }
}

impl AsFd for Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.near.as_fd()
    }
}

/// Both ends close with a reset, so that no port is kept waiting for late packets.
fn tcp_pair(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (near, _) = listener.accept().unwrap();
    for stream in [&near, &far] {
        stream.set_nonblocking(true).unwrap();
        stream.set_nodelay(true).unwrap();
        linger(stream, true);
    }
    (near, far)
}
