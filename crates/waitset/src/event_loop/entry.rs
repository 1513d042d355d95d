use waitset_core::{Interest, Mode};

use super::tick::TimerKey;
use super::timers::Nanos;
use crate::Key;
use crate::sys::Registered;

/// What a loop knows of the callback behind a [`Key`](crate::Key).
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) status: Status,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Enabled,
    /// Disabled, but still registered, or scheduled when it is sent to, until something
    /// comes for it: off and on again costs nothing.
    Resting,
    /// Disabled, and nothing reaches it.
    Muted,
}

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Source(Watch),
    Channel,
    Hook,
    Group,
}

/// What a source is watched for.
#[derive(Clone, Copy)]
pub(super) struct Watch {
    pub(super) registered: Registered,
    pub(super) interest: Interest,
    pub(super) mode: Mode,
}

/// What belongs to a group.
#[derive(Clone, Copy)]
pub(super) enum Member {
    Entry(Key),
    Timer {
        timer: TimerKey,
        /// Its deadline, while the group is disabled.
        stopped: Option<Nanos>,
    },
}

impl Entry {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            status: Status::Enabled,
            kind,
        }
    }
}
