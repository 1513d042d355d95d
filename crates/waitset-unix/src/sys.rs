//! The system calls of this crate.
#![allow(unsafe_code, reason = "system calls")]

use std::os::fd::RawFd;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::{
    io,
    os::fd::{FromRawFd, OwnedFd},
};

/// Names a file and does not open it: nothing can be waited for.
#[cfg(any(target_os = "linux", target_os = "android"))]
const O_PATH: libc::c_int = libc::O_PATH;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const O_PATH: libc::c_int = 0;

/// Returns `true` if `fd` is a descriptor of this process that can be waited for: it is open,
/// and not with `O_PATH`. One `fcntl(F_GETFL)`.
#[must_use]
pub fn is_open(fd: RawFd) -> bool {
    // SAFETY: F_GETFL reads the flags of an open file description and touches no memory.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    flags != -1 && flags & O_PATH == 0
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
