use std::time::{Duration, Instant};

/// The moment at which a wait's timeout expires, read from the monotonic clock once, when the
/// wait begins.
///
/// A moment beyond the clock's range never comes, so `Duration::MAX` means forever.
///
/// ```
/// use std::time::Duration;
/// use waitset_core::Deadline;
///
/// assert_eq!(Deadline::after(None).remaining(), None);
/// assert_eq!(Deadline::after(Some(Duration::MAX)).remaining(), None);
/// assert_eq!(Deadline::after(Some(Duration::ZERO)).remaining(), Some(Duration::ZERO));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// Creates the deadline of a wait that begins now. Reads the clock unless `timeout` is `None`.
    #[must_use]
    pub fn after(timeout: Option<Duration>) -> Self {
        Self(timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
    }

    /// Returns the rest of the timeout: zero if it has expired, `None` for forever.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.0
            .map(|due| due.saturating_duration_since(Instant::now()))
    }

    /// Returns `true` if the timeout has expired.
    #[must_use]
    pub fn is_past(&self) -> bool {
        self.remaining() == Some(Duration::ZERO)
    }
}

/// Returns a timeout in whole milliseconds, for system calls without a finer unit.
///
/// Rounds up, so that a wait never ends early and a nanosecond does not become zero, which would
/// spin. Saturates at `i32::MAX`, 24.8 days; after that the caller waits again.
///
/// ```
/// use std::time::Duration;
/// use waitset_core::millis_rounded_up;
///
/// assert_eq!(millis_rounded_up(Duration::ZERO), 0);
/// assert_eq!(millis_rounded_up(Duration::from_nanos(1)), 1);
/// assert_eq!(millis_rounded_up(Duration::MAX), i32::MAX);
/// ```
#[must_use]
pub const fn millis_rounded_up(timeout: Duration) -> i32 {
    let millis = timeout.as_nanos().div_ceil(1_000_000);
    if millis > i32::MAX as u128 {
        return i32::MAX;
    }
    millis as i32
}
