use crate::Token;

/// Why the next wait of a caller is to be short, see [`Reactor::hint`](crate::Reactor::hint).
///
/// ```
/// use waitset_core::{WaitHint, Token};
///
/// let token = Token(7);
/// assert_ne!(WaitHint::Work, WaitHint::Timer { token, is_zero: true });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitHint {
    /// There is work to go on with, and the wait only looks in between.
    Work,
    /// A timer is the next thing that is due.
    Timer {
        /// The caller's number for the timer.
        token: Token,
        /// Whether it was due as it was armed, so that no wait for it can sleep.
        is_zero: bool,
    },
}
