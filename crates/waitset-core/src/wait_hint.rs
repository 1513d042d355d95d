use crate::Token;

/// The reason why a caller's next wait will be short, see
/// [`Reactor::hint`](crate::Reactor::hint).
///
/// ```
/// use waitset_core::{Token, WaitHint};
///
/// let token = Token(7);
/// assert_ne!(WaitHint::Work, WaitHint::Timer { token, is_zero: true });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitHint {
    /// The caller has work left, and the wait only checks for events in between.
    Work,
    /// The next thing due is a timer.
    Timer {
        /// The caller's number for the timer.
        token: Token,
        /// `true` if the timer was already due when it was armed, so that no wait for it can
        /// sleep.
        is_zero: bool,
    },
}
