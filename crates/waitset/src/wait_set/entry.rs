use waitset_core::{Interest, Mode};

use crate::sys::Registered;

/// What a set keeps of a source.
pub(super) struct Entry<S, D> {
    pub(super) source: S,
    pub(super) data: D,
    pub(super) registered: Registered,
    pub(super) interest: Interest,
    pub(super) mode: Mode,
    pub(super) status: Status,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Enabled,
    /// Disabled, but registered until an event arrives: off and on again costs nothing.
    Resting,
    /// Disabled and deregistered.
    Muted,
}
