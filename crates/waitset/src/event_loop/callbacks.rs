//! The callbacks of sources, channels and hooks, apart from all that a callback may change.
//!
//! While one of them runs, it is borrowed from here, and its [`Handle`] has the rest of the
//! loop. What it inserts and removes is noted as a [`Change`] and done when it has returned:
//! so nothing is counted or moved for an event, and what runs stays alive.

use std::mem;

use waitset_core::{Event, Token};

use super::Handle;
use crate::Key;
use crate::slab::index_of;

/// Something with a callback, without its type.
pub(super) trait Dispatch<State, R> {
    /// Runs the callback. The event is a source's; of others it only has the key.
    fn run(&mut self, event: &Event, context: &mut Context<'_, State, R>);
}

/// What all callbacks of a batch are given: one place for it, so that nothing is put
/// together for an event.
pub(super) struct Context<'a, State, R> {
    pub(super) state: &'a mut State,
    pub(super) handle: Handle<'a, State, R>,
}

/// A callback and whatever it belongs to.
pub(super) type Callback<State, R> = Box<dyn Dispatch<State, R>>;

/// Callbacks by the places of their keys.
pub(super) struct Callbacks<State, R> {
    places: Vec<Place<State, R>>,
}

/// Two to a cache line of 64 bytes: none lies across two.
#[repr(align(32))]
struct Place<State, R> {
    /// What the events that are listened to carry; [`NOBODYS`] while the callback rests.
    token: Token,
    callback: Callback<State, R>,
}

/// No event carries this.
const NOBODYS: Token = Token(u64::MAX);

/// What is to be done to the callbacks when the one that runs has returned.
pub(super) enum Change<State, R> {
    Insert(Key, Callback<State, R>),
    /// With what stands in the place from then on.
    Remove(Key, Callback<State, R>),
    Disable(Key),
    Enable(Key),
}

impl<State, R> Change<State, R> {
    pub(super) fn remove(key: Key) -> Self {
        Self::Remove(key, Box::new(Nobody))
    }
}

impl<State, R> Callbacks<State, R> {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new() }
    }

    /// The callback of the key with this token, if there is one and it is enabled.
    ///
    /// The generation keeps an event from whoever has taken the place, or the descriptor's
    /// number, of a source that was removed since the wait.
    #[inline]
    pub(super) fn get_mut(
        &mut self,
        token: Token,
    ) -> Option<&mut (dyn Dispatch<State, R> + 'static)> {
        match self.places.get_mut(index_of(token)) {
            Some(place) if place.token == token => Some(&mut *place.callback),
            _ => None,
        }
    }

    /// Does what was noted, in that order.
    ///
    /// What is no longer needed is dropped last, when all is in order: a drop that panics
    /// must leave no change undone. A source whose insertion was lost would be closed while
    /// it is registered.
    #[cold]
    pub(super) fn apply(&mut self, changes: &mut Vec<Change<State, R>>) {
        for change in changes.iter_mut() {
            match change {
                Change::Insert(key, callback) => {
                    let place = self.reach(*key);
                    place.token = key.token();
                    mem::swap(&mut place.callback, callback);
                }
                Change::Remove(key, callback) => {
                    let place = self.reach(*key);
                    place.token = NOBODYS;
                    mem::swap(&mut place.callback, callback);
                }
                Change::Disable(key) => self.reach(*key).token = NOBODYS,
                Change::Enable(key) => self.reach(*key).token = key.token(),
            }
        }
        changes.clear();
    }

    /// Keys come from a slab, which grows by one place at a time.
    fn reach(&mut self, key: Key) -> &mut Place<State, R> {
        while self.places.len() <= key.index() {
            self.places.push(Place {
                token: NOBODYS,
                callback: Box::new(Nobody),
            });
        }
        &mut self.places[key.index()]
    }
}

/// Stands in a free place. Its box allocates nothing.
struct Nobody;

impl<State, R> Dispatch<State, R> for Nobody {
    fn run(&mut self, _: &Event, _: &mut Context<'_, State, R>) {}
}
