use std::time::{Duration, Instant};

/// The moment a wait is due, read from the monotonic clock once, at its start.
///
/// What lies beyond the clock's range is never due, so `Duration::MAX` means for ever.
///
/// ```
/// use std::time::Duration;
/// use waitset_core::Deadline;
///
/// assert_eq!(Deadline::after(None).remaining(), None);
/// assert_eq!(Deadline::after(Some(Duration::MAX)).remaining(), None);
/// assert_eq!(Deadline::after(Some(Duration::ZERO)).remaining(), Some(Duration::ZERO));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// The deadline of a wait that starts now. Without a timeout no clock is read.
    #[must_use]
    pub fn after(timeout: Option<Duration>) -> Self {
        Self(timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
    }

    /// What is left of the timeout: `None` for ever, zero when it is over.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.0
            .map(|due| due.saturating_duration_since(Instant::now()))
    }

    /// Whether the timeout is over.
    #[must_use]
    pub fn is_past(&self) -> bool {
        self.remaining() == Some(Duration::ZERO)
    }
}

/// A timeout in whole milliseconds for system calls that know no finer ones.
///
/// Rounds up, so that it never ends early and a nanosecond does not become zero, which
/// would spin. Saturates at `i32::MAX`, 24.8 days: the caller asks again.
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
pub fn millis_rounded_up(timeout: Duration) -> i32 {
    let millis = timeout.as_nanos().div_ceil(1_000_000);
    i32::try_from(millis).unwrap_or(i32::MAX)
}
