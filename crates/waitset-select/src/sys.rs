//! The system call of this crate.
#![allow(unsafe_code, reason = "system calls")]

use std::io;
use std::ptr;
use std::time::Duration;

use waitset_unix::timespec;

use crate::fd_set::{FdSets, Word};

const _: () = assert!(size_of::<Word>() == size_of::<libc::c_ulong>());

/// These kernels take sets of any size; `FD_SETSIZE` is the C library's.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
pub(crate) const LIMIT: Option<usize> = None;
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
pub(crate) const LIMIT: Option<usize> = Some(libc::FD_SETSIZE);

/// Some kernels refuse timeouts of more than 10⁸ seconds (select(2) of macOS and
/// FreeBSD, `EINVAL`).
#[cfg(any(target_os = "linux", target_os = "android"))]
const LONGEST: Duration = Duration::MAX;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const LONGEST: Duration = Duration::from_secs(100_000_000);

/// Returns `true` if one call can wait that long.
pub(crate) fn can_express(timeout: Option<Duration>) -> bool {
    timeout.is_none_or(|timeout| timeout <= LONGEST)
}

/// Waits, and returns how many bits are set in the result.
#[inline]
pub(crate) fn select(sets: &mut FdSets, timeout: Option<Duration>) -> io::Result<usize> {
    let timeout = timespec(timeout.map(|timeout| timeout.min(LONGEST)));
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    let (count, given) = sets.prepare();
    let [readable, priority, writable] =
        given.map(|set| set.map_or(ptr::null_mut(), |set| set.as_mut_ptr().cast()));
    // SAFETY: each set is null or has a bit for every descriptor below `count`, rounded
    // up to whole words, which is all that the kernel reads and writes; the timeout is
    // null or alive through the call; a null mask changes no signal.
    let ready = unsafe {
        libc::pselect(
            count as libc::c_int,
            readable,
            writable,
            priority,
            timeout,
            ptr::null(),
        )
    };
    match ready {
        -1 => Err(io::Error::last_os_error()),
        ready => Ok(ready as usize),
    }
}
