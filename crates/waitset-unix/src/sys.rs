//! The system calls of this crate.
#![allow(unsafe_code, reason = "system calls")]

use std::os::fd::RawFd;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::{
    io,
    os::fd::{FromRawFd, OwnedFd},
};

/// Whether `fd` is an open descriptor of this process: one `fcntl(F_GETFD)`.
#[must_use]
pub fn is_open(fd: RawFd) -> bool {
    // SAFETY: F_GETFD reads the descriptor's flags and touches no memory.
    unsafe { libc::fcntl(fd, libc::F_GETFD) != -1 }
}

/// An eventfd that is non-blocking and close-on-exec.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn eventfd() -> io::Result<OwnedFd> {
    // SAFETY: eventfd takes two integers.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if fd == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
pub(crate) fn is_readable_now(fd: RawFd) -> bool {
    let mut one = libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: `one` is one pollfd that lives through the call.
    unsafe { libc::poll(&raw mut one, 1, 0) == 1 }
}
