//! What a connection asks of its descriptor beside sendmsg(2): it may be a socket, a pipe or
//! a terminal.
#![allow(unsafe_code, reason = "a system call")]

use std::io::{self, Read};
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd;

/// A descriptor that read(2) reads from, without a buffer in between that no mechanism sees.
#[derive(Clone, Copy)]
pub(super) struct Descriptor<'a>(pub(super) BorrowedFd<'a>);

/// The directions that a descriptor was opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Both,
    ReadOnly,
    WriteOnly,
}

/// What poll(2) found at a descriptor, without waiting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen(libc::c_short);

#[cfg(any(target_os = "linux", target_os = "android"))]
const POLLRDHUP: libc::c_short = libc::POLLRDHUP;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const POLLRDHUP: libc::c_short = 0;

impl Descriptor<'_> {
    /// Makes it non-blocking, unless it is, and returns what it was opened for.
    pub(super) fn prepare(self) -> io::Result<Access> {
        let flags = OFlag::from_bits_retain(fcntl(self.0, FcntlArg::F_GETFL)?);
        if !flags.contains(OFlag::O_NONBLOCK) {
            fcntl(self.0, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        }
        Ok(match flags & OFlag::O_ACCMODE {
            OFlag::O_RDONLY => Access::ReadOnly,
            OFlag::O_WRONLY => Access::WriteOnly,
            _ => Access::Both,
        })
    }

    /// Looks at it. If the kernel has no memory for that, nothing is seen.
    pub(super) fn look(self) -> Seen {
        let mut one = libc::pollfd {
            fd: self.0.as_raw_fd(),
            events: libc::POLLPRI | POLLRDHUP,
            revents: 0,
        };
        // SAFETY: the kernel reads and writes one entry, which lives through the call.
        unsafe { libc::poll(&raw mut one, 1, 0) };
        Seen(one.revents)
    }
}

impl Read for Descriptor<'_> {
    #[inline]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        Ok(unistd::read(self.0, into)?)
    }
}

impl Seen {
    /// Nothing goes through it any more, in either direction.
    pub(super) const fn is_hung_up(self) -> bool {
        self.0 & libc::POLLHUP != 0
    }

    /// Out-of-band data waits to be read.
    pub(super) const fn is_urgent(self) -> bool {
        self.0 & libc::POLLPRI != 0
    }

    pub(super) const fn has_failed(self) -> bool {
        self.0 & libc::POLLERR != 0
    }

    /// The peer will send no more than what waits to be read.
    pub(super) const fn is_half_closed(self) -> bool {
        self.0 & POLLRDHUP != 0
    }
}
