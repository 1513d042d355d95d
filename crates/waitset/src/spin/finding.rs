use std::fmt::{self, Write};
use std::os::fd::RawFd;
use std::time::Duration;

use waitset_core::Token;

use crate::text;

/// Waits that returned again and again with nothing done, as a
/// [`SpinDetector`](super::SpinDetector) reports them.
///
/// Printed with `{}`, it is a paragraph of 80 columns in the layout of
/// [`TraceReactor`](crate::TraceReactor)'s lines; with `{:#}`, a single line of any width.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spin {
    /// The reactor's name.
    pub reactor: &'static str,
    /// The source, timer or timeout that makes the waits return.
    pub culprit: Culprit,
    /// The reason why they return again and again.
    pub reason: Reason,
    /// The number of such waits in a row so far.
    pub waits: u64,
    /// How long they took.
    pub took: Duration,
}

/// The source, timer or timeout that makes the waits of a [`Spin`] return.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Culprit {
    /// A registered source.
    Source {
        /// Its descriptor.
        descriptor: RawFd,
        /// The token that it was registered with: [`Key::token`](crate::Key::token) of its key in a
        /// set or a loop.
        token: Token,
        /// Its kind and addresses: `TCP 127.0.0.1:80 -> 127.0.0.1:50312`, `Unix stream`, `pipe`.
        name: String,
    },
    /// A timer of a loop.
    Timer {
        /// The [`TimerKey::token`](crate::TimerKey::token) of its key.
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

/// The reason why waits return again and again with nothing done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// A source is writable, as most sources are most of the time, and nothing is written.
    UnusedWriteInterest,
    /// There is input, and the program does not read it.
    UndrainedInput,
    /// A connection in the backlog is not accepted: the program does not call `accept`, or the
    /// call fails because no descriptor is available (`EMFILE`).
    UnacceptedConnection,
    /// The peer has closed the connection, and the source is still registered.
    UnhandledHangup,
    /// An error is pending, and the program does not take it.
    UnhandledError,
    /// A timer of an event loop is armed again and again for a moment in the past.
    ZeroTimer,
    /// Timeouts of zero follow a wait that returned before the caller's deadline: the time left was
    /// rounded down.
    ZeroTimeout,
    /// Timeouts below 500 µs, each of which expires.
    ShortTimeout,
    /// The reactor returns before the timeout expires, without an event, a wakeup or a signal.
    EarlyReturn,
}

impl Reason {
    /// Returns the reason as a clause: `there is input that nobody reads`.
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

    /// Returns what to do about it, in a sentence.
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

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
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
