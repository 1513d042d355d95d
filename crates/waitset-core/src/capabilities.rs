use std::time::Duration;

use crate::{Interest, Mode};

/// How a mechanism provides something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Support {
    /// The system call does it.
    Native,
    /// The backend does it in user space.
    Emulated,
    /// It is refused with `Unsupported`.
    Unsupported,
}

/// What a mechanism does, emulates or refuses, and where its answers are coarser.
///
/// Two mechanisms differ in nothing that does not stand here.
///
/// ```
/// use waitset_core::{Capabilities, Mode, Support};
///
/// let readiness_of_old = Capabilities { edge: Support::Unsupported, ..Capabilities::FULL };
/// assert!(!readiness_of_old.supports(Mode::Edge));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// [`Mode::Level`].
    pub level: Support,
    /// [`Mode::Edge`].
    pub edge: Support,
    /// [`Mode::Oneshot`].
    pub oneshot: Support,
    /// Descriptor numbers must be below this; `None` if only the process's limit counts.
    pub descriptor_limit: Option<usize>,
    /// The step to which a timeout is rounded up before the kernel adds its own slack.
    pub timeout_resolution: Duration,
    /// The directions in which a hang-up that brings no other readiness shows itself.
    pub hangup_shows_as: Interest,
    /// The directions in which an error that brings no other readiness shows itself.
    pub error_shows_as: Interest,
    /// Whether [`Event::is_error`](crate::Event::is_error) and
    /// [`Event::is_hangup`](crate::Event::is_hangup) are told from plain readiness.
    pub hints: bool,
    /// Whether [`Event::is_peer_closed`](crate::Event::is_peer_closed) tells a half-close.
    pub peer_closed_hint: bool,
    /// `true` if a descriptor that was closed while registered is found, reported once as an
    /// error and dropped. Otherwise the kernel drops it silently, when its last duplicate is
    /// closed.
    pub reports_closed_descriptors: bool,
    /// Whether a source is looked at in the wait that tells of it.
    ///
    /// Otherwise an event says what the kernel saw when it came about: the readiness may
    /// have gone since, also that of a level-triggered source whose event did not fit the
    /// buffer before, and it may name the newest direction only. Two arrivals at an
    /// edge-triggered source may be two events, of one wait or of two, the second of which
    /// finds nothing if the first was drained. So expect `WouldBlock` after every event, and
    /// do not take an event for a new arrival. A level-triggered or one-shot source has at
    /// most one event per wait, and what is ready is found by the first wait with room.
    pub rechecks_events: bool,
    /// Whether a wait sleeps, so that other threads have the processor.
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
    /// Everything native, nothing coarse: what a backend starts from.
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
        rechecks_events: true,
        sleeps: true,
        interrupted_by_stop: false,
    };

    /// Whether sources can be registered with `mode`.
    #[must_use]
    pub fn supports(&self, mode: Mode) -> bool {
        let support = match mode {
            Mode::Level => self.level,
            Mode::Edge => self.edge,
            Mode::Oneshot => self.oneshot,
        };
        support != Support::Unsupported
    }
}
