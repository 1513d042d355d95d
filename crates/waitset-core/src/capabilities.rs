use std::fmt;
use std::time::Duration;

use crate::{Interest, Mode};

/// How a mechanism provides something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum Support {
    /// The system call does it.
    Native,
    /// The reactor does it in user space.
    Emulated,
    /// The reactor refuses it with an error of the kind `Unsupported`.
    Unsupported,
}

/// `native`, `emulated` or `unsupported`.
impl fmt::Display for Support {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Native => "native",
            Self::Emulated => "emulated",
            Self::Unsupported => "unsupported",
        })
    }
}

/// What a mechanism provides, emulates or refuses, and where it reports less than others.
///
/// Two mechanisms differ only where a field of this struct says so. The cases of
/// `waitset-conformance` read these fields, and nothing else, to decide what to expect.
///
/// Fields are added in minor versions. The struct is not `non_exhaustive`, so that mechanisms in
/// other crates can list their differences: begin with [`FULL`](Self::FULL), as in the example,
/// and end patterns with `..`. A new field has the value in `FULL` that mechanisms which do not
/// know it already have.
///
/// ```
/// use waitset_core::{Capabilities, Mode, Support};
///
/// let poll = Capabilities {
///     edge: Support::Unsupported,
///     oneshot: Support::Emulated,
///     reports_closed_descriptors: true,
///     ..Capabilities::FULL
/// };
/// assert!(!poll.supports(Mode::Edge));
/// assert_eq!(poll.support(Mode::Oneshot), Support::Emulated);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
pub struct Capabilities {
    /// Support for [`Mode::Level`].
    pub level: Support,
    /// Support for [`Mode::Edge`].
    pub edge: Support,
    /// Support for [`Mode::Oneshot`].
    pub oneshot: Support,
    /// The number that descriptors must be below, or `None` if only the process's own limit
    /// applies.
    pub descriptor_limit: Option<usize>,
    /// The step to which a timeout is rounded up, before the kernel adds its timer slack.
    pub timeout_resolution: Duration,
    /// The directions in which a hang-up without other readiness is reported.
    pub hangup_shows_as: Interest,
    /// The directions in which an error without other readiness is reported.
    pub error_shows_as: Interest,
    /// `true` if [`Event::is_error`](crate::Event::is_error) and
    /// [`Event::is_hangup`](crate::Event::is_hangup) are reported. Otherwise an error or a
    /// hang-up looks like plain readiness.
    pub hints: bool,
    /// `true` if [`Event::is_peer_closed`](crate::Event::is_peer_closed) reports a half-close.
    pub peer_closed_hint: bool,
    /// `true` if the reactor notices a descriptor that was closed while registered, reports it
    /// once as an error and drops it. Otherwise the kernel drops it silently, when its last
    /// duplicate is closed.
    pub reports_closed_descriptors: bool,
    /// `true` if rule 10 of the [contract](crate::Reactor#the-contract) holds, in spite of the
    /// promise of [`register`](crate::Reactor::register) that was broken.
    ///
    /// Otherwise, after a descriptor was closed while registered, waits can report the old file
    /// forever if a duplicate keeps it open (epoll(7), question 6), and the number may not be
    /// registered again. `WaitSet` and `EventLoop` never close a source that is registered.
    pub tolerates_closed_descriptors: bool,
    /// `true` if a wait checks each source again before it reports it.
    ///
    /// Otherwise an event says what the kernel saw when it occurred. The readiness can be gone
    /// since then, even that of a level-triggered source whose event did not fit the previous
    /// buffer, and the event can name only the newest direction. Two arrivals at an
    /// edge-triggered source can be two events, of one wait or of two; if you drain the source
    /// after the first, the second finds nothing. So expect `WouldBlock` after every event, and
    /// do not take an event for a new arrival. A level-triggered or one-shot source still has at
    /// most one event per wait, and the first wait with room finds what is ready.
    pub rechecks_events: bool,
    /// `true` if a wait sleeps, so that other threads get the CPU. Otherwise it spins.
    pub sleeps: bool,
    /// `true` if a wait can end early, though no signal handler ran, when the process is stopped
    /// and continued: by `SIGSTOP` and `SIGCONT`, Control-Z and `fg`, a debugger, or a container
    /// that is paused (signal(7), "Interruption of system calls and library functions by stop
    /// signals").
    ///
    /// [`Events::was_interrupted`](crate::Events::was_interrupted) is `true` then, as after a
    /// handler. To wait for a whole timeout, wait again for the rest of it.
    pub interrupted_by_stop: bool,
}

impl Capabilities {
    /// Everything native and reported in full: the value to start from.
    pub const FULL: Self = Self {
        level: Support::Native,
        edge: Support::Native,
        oneshot: Support::Native,
        descriptor_limit: None,
        timeout_resolution: Duration::from_nanos(1),
        hangup_shows_as: Interest::ALL,
        error_shows_as: Interest::ALL,
        hints: true,
        peer_closed_hint: true,
        reports_closed_descriptors: false,
        tolerates_closed_descriptors: true,
        rechecks_events: true,
        sleeps: true,
        interrupted_by_stop: false,
    };

    /// Returns how `mode` is supported.
    #[must_use]
    pub const fn support(&self, mode: Mode) -> Support {
        match mode {
            Mode::Level => self.level,
            Mode::Edge => self.edge,
            Mode::Oneshot => self.oneshot,
        }
    }

    /// Returns `true` if sources can be registered with `mode`.
    #[must_use]
    pub const fn supports(&self, mode: Mode) -> bool {
        !matches!(self.support(mode), Support::Unsupported)
    }
}

/// [`Capabilities::FULL`].
impl Default for Capabilities {
    fn default() -> Self {
        Self::FULL
    }
}
