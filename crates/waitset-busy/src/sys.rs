//! The system call of this crate.
#![allow(unsafe_code, reason = "system calls")]

use std::io;
use std::os::fd::RawFd;

use waitset_core::{Interest, Readiness};

#[cfg(any(target_os = "linux", target_os = "android"))]
const POLLRDHUP: libc::c_short = libc::POLLRDHUP;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const POLLRDHUP: libc::c_short = 0;

/// `true` if a peer's half-close has a flag of its own.
pub(crate) const SEES_PEER_CLOSED: bool = POLLRDHUP != 0;

/// The result of one call.
#[derive(Debug)]
pub(crate) struct Observed {
    pub(crate) readiness: Readiness,
    pub(crate) is_dead: bool,
}

/// Polls one descriptor with a zero timeout.
///
/// The kernel returns `EINTR` from such a call only if a signal is pending and nothing is ready, so it
/// means the same as zero (`do_poll` in fs/select.c).
pub(crate) fn ask(fd: RawFd, interest: Interest) -> io::Result<Observed> {
    let peer_closed = if interest.is_readable() { POLLRDHUP } else { 0 };
    let mut one = libc::pollfd {
        fd,
        events: libc::c_short::from(interest.bits()) | peer_closed,
        revents: 0,
    };
    // SAFETY: the kernel reads and writes one entry, which lives through the call.
    if unsafe { libc::poll(&raw mut one, 1, 0) } == -1 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    let has = |bit: libc::c_short, readiness: Readiness| match one.revents & bit {
        0 => Readiness::default(),
        _ => readiness,
    };
    Ok(Observed {
        readiness: has(libc::POLLIN, Readiness::READABLE)
            | has(libc::POLLPRI, Readiness::PRIORITY)
            | has(libc::POLLOUT, Readiness::WRITABLE)
            | has(libc::POLLERR | libc::POLLNVAL, Readiness::ERROR)
            | has(libc::POLLHUP, Readiness::HANGUP)
            | has(POLLRDHUP, Readiness::PEER_CLOSED),
        is_dead: one.revents & libc::POLLNVAL != 0,
    })
}
