//! The callbacks of sources, channels and hooks, apart from all that a callback may change.
//!
//! While one of them runs, it is borrowed from here. What it inserts and removes is noted as a
//! [`Change`] and done when it has returned: so nothing is counted or moved for an event, and
//! what runs stays alive.

use std::mem;

use waitset_core::Token;

use crate::Key;
use crate::slab::index_of;

/// Callbacks by the places of their keys.
pub(super) struct Callbacks<D: ?Sized> {
    places: Vec<Place<D>>,
    /// What stands in a free place.
    nobody: fn() -> Box<D>,
}

/// Two to a cache line of 64 bytes: none lies across two.
#[repr(align(32))]
struct Place<D: ?Sized> {
    /// What the events that are listened to carry; [`NOBODYS`] while the callback rests.
    token: Token,
    callback: Box<D>,
}

/// No event carries this.
const NOBODYS: Token = Token(u64::MAX);

/// What is to be done to the callbacks when the one that runs has returned.
pub(super) enum Change<D: ?Sized> {
    Insert(Key, Box<D>),
    /// With what stands in the place from then on.
    Remove(Key, Box<D>),
    Disable(Key),
    Enable(Key),
}

impl<D: ?Sized> Callbacks<D> {
    pub(super) const fn new(nobody: fn() -> Box<D>) -> Self {
        let places = Vec::new();
        Self { places, nobody }
    }

    /// The callback of the key with this token, if there is one and it is enabled.
    ///
    /// The generation keeps an event from whoever has taken the place, or the descriptor's
    /// number, of a source that was removed since the wait.
    #[inline]
    pub(super) fn get_mut(&mut self, token: Token) -> Option<&mut D> {
        match self.places.get_mut(index_of(token)) {
            Some(place) if place.token == token => Some(&mut *place.callback),
            _ => None,
        }
    }

    /// Does what was noted, in that order. What is no longer needed is in `changes` then.
    #[cold]
    pub(super) fn apply(&mut self, changes: &mut [Change<D>]) {
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
    }

    /// Keys come from a slab, which grows by one place at a time.
    fn reach(&mut self, key: Key) -> &mut Place<D> {
        while self.places.len() <= key.index() {
            self.places.push(Place {
                token: NOBODYS,
                callback: (self.nobody)(),
            });
        }
        &mut self.places[key.index()]
    }
}
