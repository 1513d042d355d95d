use std::time::Instant;

use waitset_core::Token;

use crate::Key;

/// The handle of a timer. It never refers to a timer that was armed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerKey(pub(super) Key);

impl TimerKey {
    /// The number that a reactor is told for the timer, see
    /// [`SpinDetector`](crate::spin::SpinDetector).
    #[must_use]
    pub fn token(self) -> Token {
        self.0.token()
    }
}

/// What a timer's callback is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tick {
    /// The timer, for [`LocalHandle::reset_after`](crate::LocalHandle::reset_after) and
    /// [`LocalHandle::cancel`](crate::LocalHandle::cancel).
    pub timer: TimerKey,
    /// When it was due. The callback never runs earlier.
    pub due: Instant,
    /// How many further ticks of a repeating timer were due by then and are made up for
    /// by this one. 0 for a one-shot timer.
    pub missed: u64,
}
