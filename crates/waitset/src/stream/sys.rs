//! What a connection asks of its descriptor beside sendmsg(2): it may be a socket, a pipe or
//! a terminal.
#![allow(unsafe_code, reason = "a system call")]

use std::io::{self, IoSlice, Read};
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::nonblocking::sys::set_nonblocking;

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
        let flags = set_nonblocking(self.0, true)?;
        Ok(match flags & libc::O_ACCMODE {
            libc::O_RDONLY => Access::ReadOnly,
            libc::O_WRONLY => Access::WriteOnly,
            _ => Access::Both,
        })
    }

    /// Writes the parts by writev(2), as many as it takes in one call.
    pub(super) fn write_parts(self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let count = parts.len().min(libc::c_int::MAX as usize) as libc::c_int;
        // SAFETY: an `IoSlice` has the layout of an iovec on Unix, and the slices of the first
        // `count` live through the call, which only reads them.
        let written = unsafe { libc::writev(self.0.as_raw_fd(), parts.as_ptr().cast(), count) };
        usize::try_from(written).map_err(|_| io::Error::last_os_error())
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
        let (start, len) = (into.as_mut_ptr().cast(), into.len());
        // SAFETY: the kernel writes at most `len` bytes to `into`, which is borrowed for that.
        let count = unsafe { libc::read(self.0.as_raw_fd(), start, len) };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
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
