use std::cell::RefCell;
use std::rc::Rc;

use waitset_core::{Event, Interest, Mode};

use super::Handle;
use crate::sys::Registered;

/// Something with a callback, without its type.
pub(super) trait Dispatch<State, R> {
    /// Runs the callback and returns how often: a channel has one call a message.
    ///
    /// Taking a counted reference lets the callback remove its own entry, without a
    /// second look-up to put the entry back where it was.
    fn run(
        self: Rc<Self>,
        state: &mut State,
        event: &Event,
        handle: &mut Handle<'_, State, R>,
    ) -> usize;
}

/// What a loop keeps behind a [`Key`](crate::Key).
pub(super) struct Entry<State, R> {
    pub(super) callback: Rc<dyn Dispatch<State, R>>,
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

impl<State, R> Entry<State, R> {
    pub(super) fn new(callback: Rc<dyn Dispatch<State, R>>, kind: Kind) -> Self {
        Self {
            callback,
            status: Status::Enabled,
            kind,
        }
    }
}

/// A source and its callback.
///
/// The cell is never found borrowed: a callback cannot turn its own loop, which is
/// borrowed for as long as it runs.
pub(super) struct Watched<S, F> {
    pub(super) source: S,
    pub(super) callback: RefCell<F>,
}

impl<State, R, S, F> Dispatch<State, R> for Watched<S, F>
where
    F: FnMut(&mut State, &S, Event, &mut Handle<'_, State, R>),
{
    #[inline]
    fn run(
        self: Rc<Self>,
        state: &mut State,
        event: &Event,
        handle: &mut Handle<'_, State, R>,
    ) -> usize {
        (self.callback.borrow_mut())(state, &self.source, *event, handle);
        1
    }
}
