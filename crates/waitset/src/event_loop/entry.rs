use waitset_core::{Event, Interest, Mode};

use super::Handle;
use super::callbacks::{Context, Dispatch};
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
}

/// What is asked of a source.
#[derive(Clone, Copy)]
pub(super) struct Watch {
    pub(super) registered: Registered,
    pub(super) interest: Interest,
    pub(super) mode: Mode,
}

impl Entry {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            status: Status::Enabled,
            kind,
        }
    }
}

/// A source and its callback.
pub(super) struct Watched<S, F> {
    pub(super) source: S,
    pub(super) callback: F,
}

impl<State, R, S, F> Dispatch<State, R> for Watched<S, F>
where
    F: FnMut(&mut State, &S, Event, &mut Handle<'_, State, R>),
{
    #[inline]
    fn run(&mut self, event: &Event, context: &mut Context<'_, State, R>) {
        let Context { state, handle } = context;
        (self.callback)(state, &self.source, *event, handle);
    }
}
