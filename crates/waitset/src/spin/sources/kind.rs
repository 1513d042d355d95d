//! What a descriptor is, how it is called, and what proves that nothing happened to it.

use std::fs;
use std::io::IsTerminal;
use std::os::fd::{AsRawFd, BorrowedFd};

use socket2::{Domain, Protocol, SockAddr, SockRef, Type};
use waitset_core::Interest;

use super::super::STREAK;
use super::sys;

/// What a descriptor is, as far as it matters for [`Proof`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Tcp,
    TcpListener,
    /// A Unix socket that keeps order: `SOCK_STREAM`, `SOCK_SEQPACKET`.
    UnixStream,
    UnixDatagram,
    Udp,
    OtherListener,
    OtherSocket,
    Pipe,
    Terminal,
    Inotify,
    Eventfd,
    /// A timerfd or a pidfd: ready until it is read, or for ever.
    Flag,
    Signalfd,
    Other,
}

/// What proves that nothing was read from a source, or written to it, while it was ready.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proof {
    /// Whether marks alone do not, since they could have risen and fallen: nothing may have
    /// come to pass meanwhile either.
    pub(super) needs_silence: bool,
    /// For how many waits: more than a queue can hold whose length the kernel does not tell.
    pub(super) waits: u64,
}

/// The marks count what goes through, and only up.
const COUNTED: Proof = Proof {
    needs_silence: false,
    waits: STREAK,
};

/// The marks measure a queue.
pub(super) const MEASURED: Proof = Proof {
    needs_silence: true,
    waits: STREAK,
};

/// A queue of unknown length. `net.core.somaxconn` is 4096 by default; datagrams of 576
/// bytes, with what the kernel adds, fill a receive buffer of 32 MiB; some 30,000 signals
/// can be pending.
const UNMEASURED: Proof = Proof {
    needs_silence: true,
    waits: 65_536,
};

impl Kind {
    pub(super) fn of(source: BorrowedFd<'_>) -> Self {
        match sys::file_type(source.as_raw_fd()) {
            Some(libc::S_IFSOCK) => Self::of_socket(SockRef::from(&source)),
            Some(libc::S_IFIFO) => Self::Pipe,
            Some(libc::S_IFCHR) if source.is_terminal() => Self::Terminal,
            _ => match target(source).as_str() {
                "anon_inode:[eventfd]" => Self::Eventfd,
                "anon_inode:[timerfd]" | "anon_inode:[pidfd]" => Self::Flag,
                "anon_inode:[signalfd]" => Self::Signalfd,
                "anon_inode:inotify" => Self::Inotify,
                name if name.starts_with("pidfd:") => Self::Flag,
                _ => Self::Other,
            },
        }
    }

    fn of_socket(socket: SockRef<'_>) -> Self {
        let (Ok(domain), Ok(style)) = (socket.domain(), socket.r#type()) else {
            return Self::Other;
        };
        let is_tcp = socket.protocol().ok().flatten() == Some(Protocol::TCP);
        let is_listener = socket.is_listener().unwrap_or(false);
        let is_unix = domain == Domain::UNIX;
        let is_internet = domain == Domain::IPV4 || domain == Domain::IPV6;
        match style {
            Type::STREAM if is_internet && is_tcp && is_listener => Self::TcpListener,
            Type::STREAM if is_internet && is_tcp => Self::Tcp,
            _ if is_listener => Self::OtherListener,
            Type::DGRAM if is_internet => Self::Udp,
            Type::DGRAM if is_unix => Self::UnixDatagram,
            _ if is_unix => Self::UnixStream,
            _ => Self::OtherSocket,
        }
    }

    pub(super) fn is_listener(self) -> bool {
        matches!(self, Self::TcpListener | Self::OtherListener)
    }

    /// What is looked at for things that come to pass, in the bits of poll(2): the directions
    /// that are asked for. A read makes an eventfd writable, so there it is both.
    pub(super) fn directions(self, interest: Interest) -> u32 {
        match self {
            Self::Eventfd => Interest::ALL.bits().into(),
            _ => interest.bits().into(),
        }
    }

    /// That nothing was read, or accepted.
    pub(super) fn input(self) -> Option<Proof> {
        match self {
            Self::Tcp => Some(COUNTED),
            Self::TcpListener | Self::UnixStream | Self::Pipe => Some(MEASURED),
            Self::Terminal | Self::Inotify | Self::Eventfd | Self::Flag => Some(MEASURED),
            Self::UnixDatagram | Self::Udp | Self::OtherSocket => Some(UNMEASURED),
            Self::OtherListener | Self::Signalfd => Some(UNMEASURED),
            Self::Other => None,
        }
    }

    /// That nothing was written.
    pub(super) fn output(self) -> Option<Proof> {
        match self {
            Self::Tcp => Some(COUNTED),
            Self::UnixStream | Self::UnixDatagram | Self::Udp | Self::Eventfd => Some(MEASURED),
            // A reader that is quick enough leaves no trace.
            _ => None,
        }
    }

    /// The name of a source for people.
    pub(super) fn name(self, source: BorrowedFd<'_>) -> String {
        let name = match self {
            Self::Tcp => "TCP",
            Self::TcpListener => "TCP listener",
            Self::UnixStream => "Unix stream",
            Self::UnixDatagram => "Unix datagram",
            Self::Udp => "UDP",
            Self::OtherListener => "listener",
            Self::OtherSocket => "socket",
            Self::Pipe => return "pipe".to_owned(),
            Self::Terminal => "terminal",
            _ => {
                let target = target(source);
                let inner = target.trim_start_matches("anon_inode:");
                return inner.trim_matches(['[', ']']).to_owned();
            }
        };
        let socket = SockRef::from(&source);
        let near = socket.local_addr().ok().and_then(address);
        let far = socket.peer_addr().ok().and_then(address);
        match (near, far) {
            (Some(near), Some(far)) => format!("{name} {near} -> {far}"),
            (Some(near), None) => format!("{name} {near}"),
            (None, Some(far)) => format!("{name} -> {far}"),
            (None, None) => name.to_owned(),
        }
    }
}

/// An address with a port, or with a path.
fn address(address: SockAddr) -> Option<String> {
    let path = || Some(address.as_pathname()?.display().to_string());
    let internet = address.as_socket().map(|address| address.to_string());
    internet.or_else(path)
}

/// What the descriptor refers to, as proc(5) names it. No descriptor is needed to read it.
fn target(source: BorrowedFd<'_>) -> String {
    let link = format!("/proc/self/fd/{}", source.as_raw_fd());
    let target = fs::read_link(link).unwrap_or_default();
    target.display().to_string()
}
