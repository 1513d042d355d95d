use std::fmt::{self, Write};
use std::os::fd::RawFd;
use std::time::Duration;

use waitset_core::Token;

use crate::text;

/// Waits that came to nothing, as a [`SpinDetector`](super::SpinDetector) tells them.
///
/// Printed with `{}` it is a paragraph of 80 columns beside the lines of
/// [`Explain`](crate::Explain); with `{:#}` it is one line, however wide.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spin {
    /// The reactor's name.
    pub reactor: &'static str,
    /// What the waits come back for.
    pub culprit: Culprit,
    /// Why they come back again and again.
    pub reason: Reason,
    /// How many waits in a row came to nothing, so far.
    pub waits: u64,
    /// How long they took.
    pub took: Duration,
}

/// What the waits of a [`Spin`] come back for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Culprit {
    /// A registered source.
    Source {
        /// Its number.
        descriptor: RawFd,
        /// What it was registered with: [`Key::token`](crate::Key::token) of its key in a
        /// set or a loop.
        token: Token,
        /// What it is: `TCP 127.0.0.1:80 -> 127.0.0.1:50312`, `Unix stream`, `pipe`.
        name: String,
    },
    /// A timer of a loop.
    Timer {
        /// [`TimerKey::token`](crate::TimerKey::token) of its key.
        token: Token,
    },
    /// The timeout that was passed to the last wait.
    Timeout(Option<Duration>),
}

/// A [`Spin`] but for the reactor's name.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) culprit: Culprit,
    pub(super) reason: Reason,
    pub(super) waits: u64,
    pub(super) took: Duration,
}

impl Found {
    pub(super) fn in_reactor(self, reactor: &'static str) -> Spin {
        Spin {
            reactor,
            culprit: self.culprit,
            reason: self.reason,
            waits: self.waits,
            took: self.took,
        }
    }
}

/// Why waits come back again and again with nothing done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// A source is writable, as nearly all are nearly always, and nothing is written.
    UnusedWriteInterest,
    /// There is something to read, and it is not read.
    UndrainedInput,
    /// A connection waits to be accepted, and is not: `accept` is not called, or fails as
    /// there is no descriptor to be had (`EMFILE`).
    UnacceptedConnection,
    /// The peer has gone, and the source stays.
    UnhandledHangup,
    /// An error is pending, and nobody takes it.
    UnhandledError,
    /// A timer of an event loop is armed again and again for a moment that is over.
    ZeroTimer,
    /// After a wait until some moment, timeouts of zero up to it: what was left of the time
    /// was rounded down.
    ZeroTimeout,
    /// Timeouts below half a millisecond, each of which ran out.
    ShortTimeout,
    /// The reactor returns before the time is up, without an event, a wake or a signal.
    EarlyReturn,
}

impl Reason {
    /// The reason as a clause: `there is input that nobody reads`.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::UnusedWriteInterest => "it is writable, and nothing is written",
            Self::UndrainedInput => "there is input that nobody reads",
            Self::UnacceptedConnection => "a connection waits that nobody accepts",
            Self::UnhandledHangup => "its peer has gone, and it is still watched",
            Self::UnhandledError => "it has an error that nobody takes",
            Self::ZeroTimer => "it was due as it was armed, each time",
            Self::ZeroTimeout => "time is left, and it was rounded down to zero",
            Self::ShortTimeout => "it runs out at once, and nothing was due",
            Self::EarlyReturn => "the wait ended before it, with nothing",
        }
    }

    /// What to do about it, in a sentence.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::UnusedWriteInterest => {
                "Ask for writability only while there is something left to write."
            }
            Self::UndrainedInput => {
                "Read until WouldBlock, or do not ask for input while there is no room for it."
            }
            Self::UnacceptedConnection => {
                "Accept until WouldBlock; where accept fails for want of descriptors (EMFILE), \
                 keep one in reserve or rest the listener, as stream::Acceptor does."
            }
            Self::UnhandledHangup => "Read to the end and remove the source.",
            Self::UnhandledError => {
                "Take the error (a read, a write or take_error), and remove the source if it \
                 has ended."
            }
            Self::ZeroTimer => {
                "Arm it with the delay that is meant; for work in slices, defer a call."
            }
            Self::ZeroTimeout => {
                "Round timeouts up, or pass the Duration as it is. If work is left, say so with \
                 Reactor::hint."
            }
            Self::ShortTimeout => {
                "Wait until something is due, a waker wakes or a source is ready, not for a \
                 moment to look again."
            }
            Self::EarlyReturn => {
                "It is a defect of the reactor: a timeout must be rounded up, and what is left \
                 of it be waited for."
            }
        }
    }
}

impl fmt::Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source {
                descriptor,
                token,
                name,
            } => write!(f, "descriptor {descriptor} as token {}, {name}", token.0),
            Self::Timer { token } => write!(f, "timer {}", token.0),
            Self::Timeout(None) => f.write_str("no timeout"),
            Self::Timeout(Some(timeout)) => write!(f, "a timeout of {timeout:?}"),
        }
    }
}

impl fmt::Display for Spin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            reactor,
            culprit,
            reason,
            waits,
            took,
        } = self;
        let (why, remedy) = (reason.text(), reason.remedy());
        let found = format!("{culprit}: {why}");
        let mut counted = String::new();
        write!(
            counted,
            "{reactor}: {waits} waits in {took:.1?} came to nothing. {remedy}"
        )?;
        if f.alternate() {
            return write!(f, "spin on {found}: {counted}");
        }
        text::paragraph(f, "spin", [&found, &counted])
    }
}
