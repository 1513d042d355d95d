//! The callbacks of sources, channels and hooks, apart from all that a callback may change.
//!
//! While one of them runs, it is borrowed from here, and its [`Handle`] has the rest of the
//! loop. What it inserts and removes is noted as a [`Change`] and done when it has returned:
//! so nothing is counted or moved for an event, and what runs stays alive.

use waitset_core::Event;

use super::Handle;
use crate::Key;

/// Something with a callback, without its type.
pub(super) trait Dispatch<State, R> {
    /// Runs the callback. The event is a source's; of others it only has the key.
    fn run(&mut self, state: &mut State, event: &Event, handle: &mut Handle<'_, State, R>);
}

/// A callback and whatever it belongs to.
pub(super) type Callback<State, R> = Box<dyn Dispatch<State, R>>;

/// Callbacks by the places of their keys.
pub(super) struct Callbacks<State, R> {
    places: Vec<Place<State, R>>,
}

struct Place<State, R> {
    /// Of the key that is listened to; [`NONE`] while the callback rests.
    generation: u32,
    callback: Callback<State, R>,
}

/// No key has this generation.
const NONE: u32 = u32::MAX;

/// What is to be done to the callbacks when the one that runs has returned.
pub(super) enum Change<State, R> {
    Insert(Key, Callback<State, R>),
    Remove(Key),
    Disable(Key),
    Enable(Key),
}

impl<State, R> Callbacks<State, R> {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new() }
    }

    /// The callback of this key, if there is one and it is enabled.
    ///
    /// The generation keeps an event from whoever has taken the place, or the descriptor's
    /// number, of a source that was removed since the wait.
    #[inline]
    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut (dyn Dispatch<State, R> + 'static)> {
        match self.places.get_mut(key.index()) {
            Some(place) if place.generation == key.generation() => Some(&mut *place.callback),
            _ => None,
        }
    }

    /// Does what was noted, in that order.
    #[cold]
    pub(super) fn apply(&mut self, changes: &mut Vec<Change<State, R>>) {
        for change in changes.drain(..) {
            match change {
                Change::Insert(key, callback) => self.insert(key, callback),
                Change::Remove(key) => self.insert_at(key.index(), NONE, Box::new(Nobody)),
                Change::Disable(key) => self.places[key.index()].generation = NONE,
                Change::Enable(key) => self.places[key.index()].generation = key.generation(),
            }
        }
    }

    fn insert(&mut self, key: Key, callback: Callback<State, R>) {
        // Keys come from a slab, which grows by one place at a time.
        while self.places.len() <= key.index() {
            self.places.push(Place {
                generation: NONE,
                callback: Box::new(Nobody),
            });
        }
        self.insert_at(key.index(), key.generation(), callback);
    }

    fn insert_at(&mut self, index: usize, generation: u32, callback: Callback<State, R>) {
        // What stood there is dropped last, when all is in order.
        let place = Place {
            generation,
            callback,
        };
        drop(std::mem::replace(&mut self.places[index], place));
    }
}

/// Stands in a free place. Its box allocates nothing.
struct Nobody;

impl<State, R> Dispatch<State, R> for Nobody {
    fn run(&mut self, _: &mut State, _: &Event, _: &mut Handle<'_, State, R>) {}
}
