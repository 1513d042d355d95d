use std::mem;
use std::slice;

use waitset_core::{Event, Interest, Reactor, Readiness};

use super::Handle;
use super::callbacks::{Callbacks, Context};
use super::core::Core;
use super::handle::Reach;
use crate::Key;

/// A loop: what callbacks may change, and the callbacks.
pub(super) struct Inner<State, R> {
    // Fields drop in this order, so that the reactor is gone and nothing is watched any
    // more when the sources close. That is what makes registering them sound.
    pub(super) core: Core<State, R>,
    callbacks: Callbacks<State, R>,
}

impl<State, R: Reactor + 'static> Inner<State, R> {
    pub(super) fn new(reactor: R) -> Self {
        Self {
            core: Core::new(reactor),
            callbacks: Callbacks::new(),
        }
    }

    /// A handle for when none of the callbacks runs.
    pub(super) fn handle(&mut self) -> Handle<'_, State, R> {
        Handle {
            core: &mut self.core,
            callbacks: Reach::Now(&mut self.callbacks),
        }
    }

    /// Runs, for each of these events, the callback that it is for, if there is one and it
    /// is enabled. What a callback that panics leaves untold is still there.
    ///
    /// Always inlined, so that `untold` is in registers.
    #[inline(always)]
    pub(super) fn tell_all(&mut self, state: &mut State, untold: &mut &[Event]) {
        let telling = Telling(self);
        let Self { core, callbacks } = &mut *telling.0;
        let handle = Handle {
            core,
            callbacks: Reach::Later,
        };
        let mut context = Context { state, handle };
        while let [event, rest @ ..] = *untold {
            *untold = rest;
            let Some(callback) = callbacks.get_mut(event.token()) else {
                context.handle.core.mute(event.token());
                continue;
            };
            context.handle.core.running = event.token();
            callback.run(event, &mut context);
            if let Reach::Noted = context.handle.callbacks {
                context.handle.callbacks = Reach::Later;
                callbacks.apply(&mut context.handle.core.changes);
            }
        }
        mem::forget(telling);
    }

    /// Runs the callback of a channel or hook, if it has not been removed and is enabled.
    #[inline(never)]
    pub(super) fn tell(&mut self, state: &mut State, key: Key) {
        let event = Event::new(key.token(), Interest::READABLE, Readiness::READABLE);
        self.tell_all(state, &mut slice::from_ref(&event));
    }

    /// Runs what was deferred before this step began, and what came from other threads.
    #[inline(never)]
    pub(super) fn run_deferred(&mut self, state: &mut State) -> usize {
        let mut ran = 0;
        for _ in 0..self.core.beside().deferred.len() {
            let Some(call) = self.core.beside_mut().deferred.pop_front() else {
                break;
            };
            call(state, &mut self.handle());
            ran += 1;
        }
        ran + self.run_inbox(state)
    }
}

/// Does what a callback has noted when it panics: what it removed must not be told the rest
/// of the batch.
struct Telling<'a, State, R>(&'a mut Inner<State, R>);

impl<State, R> Drop for Telling<'_, State, R> {
    fn drop(&mut self) {
        self.0.callbacks.apply(&mut self.0.core.changes);
    }
}
