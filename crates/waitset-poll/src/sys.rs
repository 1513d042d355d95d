//! The system call of this crate and its structure.
#![allow(unsafe_code, reason = "system calls")]

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use libc::{c_int, c_short, pollfd};
use waitset_core::{Interest, Readiness};

const _: () = {
    assert!(libc::POLLIN as u32 == Readiness::READABLE.bits());
    assert!(libc::POLLPRI as u32 == Readiness::PRIORITY.bits());
    assert!(libc::POLLOUT as u32 == Readiness::WRITABLE.bits());
    assert!(libc::POLLERR as u32 == Readiness::ERROR.bits());
    assert!(libc::POLLHUP as u32 == Readiness::HANGUP.bits());
};

#[cfg(any(target_os = "linux", target_os = "android"))]
const POLLRDHUP: c_short = libc::POLLRDHUP;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const POLLRDHUP: c_short = 0;

/// `true` if a peer's half-close has a flag of its own.
pub(crate) const SEES_PEER_CLOSED: bool = POLLRDHUP != 0;

/// Returns the entry that asks the kernel for `interest`.
#[inline]
pub(crate) fn entry(fd: RawFd, interest: Interest) -> pollfd {
    let peer_closed = if interest.is_readable() { POLLRDHUP } else { 0 };
    pollfd {
        fd,
        events: c_short::from(interest.bits()) | peer_closed,
        revents: 0,
    }
}

/// Makes the kernel skip the entry, hang-ups included: poll(2) ignores negative descriptors.
#[inline]
pub(crate) fn disarm(entry: &mut pollfd) {
    entry.fd = !entry.fd;
}

/// Returns the descriptor of an entry, armed or not.
#[inline]
pub(crate) fn descriptor(entry: &pollfd) -> RawFd {
    if entry.fd < 0 { !entry.fd } else { entry.fd }
}

/// Returns `true` if the kernel found the descriptor closed.
#[inline]
pub(crate) fn is_dead(entry: &pollfd) -> bool {
    entry.revents & libc::POLLNVAL != 0
}

/// Returns the readiness that the kernel observed.
#[inline]
pub(crate) fn observed(entry: &pollfd) -> Readiness {
    let bits = entry.revents as u16;
    let low = Readiness::from_bits(u32::from(bits) & 0x1f);
    let dead = match is_dead(entry) {
        true => Readiness::ERROR,
        false => Readiness::EMPTY,
    };
    let peer_closed = match entry.revents & POLLRDHUP {
        0 => Readiness::EMPTY,
        _ => Readiness::PEER_CLOSED,
    };
    low | dead | peer_closed
}

/// Returns how many entries from the front have nothing to report.
///
/// Eight at a time with one branch, which compilers turn into vector code.
#[inline]
pub(crate) fn idle_prefix(entries: &[pollfd]) -> usize {
    let is_idle = |eight: &&[pollfd]| eight.iter().fold(0, |any, one| any | one.revents) == 0;
    let idle = entries.chunks_exact(8).take_while(is_idle).count() * 8;
    let busy = entries[idle..].iter().position(|one| one.revents != 0);
    busy.map_or(entries.len(), |position| idle + position)
}

fn checked(result: c_int) -> io::Result<usize> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        ready => Ok(ready as usize),
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
mod mechanism {
    use super::*;
    use std::ptr;
    use waitset_unix::timespec;

    pub(crate) const RESOLUTION: Duration = Duration::from_nanos(1);

    /// Returns `true` if one call can wait that long.
    pub(crate) fn can_express(_: Option<Duration>) -> bool {
        true
    }

    #[inline]
    pub(crate) fn poll(entries: &mut [pollfd], timeout: Option<Duration>) -> io::Result<usize> {
        let count = entries.len() as libc::nfds_t;
        let timeout = timespec(timeout);
        let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: the kernel reads and writes `count` entries of the slice and reads the
        // timeout, null or alive through the call; a null mask changes no signal.
        checked(unsafe { libc::ppoll(entries.as_mut_ptr(), count, timeout, ptr::null()) })
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
mod mechanism {
    use super::*;
    use waitset_core::millis_rounded_up;

    pub(crate) const RESOLUTION: Duration = Duration::from_millis(1);

    /// Returns `true` if one call can wait that long.
    pub(crate) fn can_express(timeout: Option<Duration>) -> bool {
        timeout.is_none_or(|timeout| millis_rounded_up(timeout) < i32::MAX)
    }

    pub(crate) fn poll(entries: &mut [pollfd], timeout: Option<Duration>) -> io::Result<usize> {
        let count = entries.len() as libc::nfds_t;
        let millis = timeout.map_or(-1, millis_rounded_up);
        // SAFETY: the kernel reads and writes `count` entries of the slice.
        checked(unsafe { libc::poll(entries.as_mut_ptr(), count, millis) })
    }
}

pub(crate) use mechanism::{RESOLUTION, can_express, poll};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_prefix_stops_at_the_first_answer_wherever_it_stands() {
        let mut entries: Vec<_> = (0..29).map(|fd| entry(fd, Interest::ALL)).collect();
        assert_eq!(idle_prefix(&entries), 29);
        for position in (0..29).rev() {
            entries[position].revents = libc::POLLIN;
            assert_eq!(idle_prefix(&entries), position);
        }
        assert_eq!(idle_prefix(&[]), 0);
    }

    #[test]
    fn disarming_keeps_the_descriptor() {
        for fd in [0, 1, i32::MAX] {
            let mut entry = entry(fd, Interest::READABLE);
            disarm(&mut entry);
            assert!(entry.fd < 0);
            assert_eq!(descriptor(&entry), fd);
        }
    }
}
