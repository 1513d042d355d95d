use std::time::Duration;

/// Converts a timeout for `ppoll`, `pselect` and `epoll_pwait2`, exact to the nanosecond.
///
/// Returns `None`, which means forever, also for a timeout that the platform's seconds cannot hold.
///
/// ```
/// use std::time::Duration;
/// use waitset_unix::timespec;
///
/// let timeout = timespec(Some(Duration::new(2, 3))).unwrap();
/// assert_eq!((timeout.tv_sec, timeout.tv_nsec), (2, 3));
/// assert!(timespec(Some(Duration::MAX)).is_none());
/// ```
#[inline]
#[must_use]
pub fn timespec(timeout: Option<Duration>) -> Option<libc::timespec> {
    let timeout = timeout?;
    Some(libc::timespec {
        tv_sec: timeout.as_secs().try_into().ok()?,
        // Below 10⁹, which fits whatever the platform's type is.
        tv_nsec: timeout.subsec_nanos() as _,
    })
}
