use waitset_core::{Event, Interest, Reactor, Readiness};

use super::Handle;
use super::callbacks::Callbacks;
use super::core::Core;
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
            callbacks: Some(&mut self.callbacks),
        }
    }

    /// Runs the callback that an event is for, if there is one and it is enabled.
    ///
    /// Always inlined: a call for each event would cost as much as the check of its key.
    #[inline(always)]
    pub(super) fn tell(&mut self, state: &mut State, event: &Event) {
        let telling = Telling(self);
        let Self { core, callbacks } = &mut *telling.0;
        match callbacks.get_mut(Key::of(*event)) {
            Some(callback) => {
                let callbacks = None;
                callback.run(state, event, &mut Handle { core, callbacks });
            }
            None => core.mute(event),
        }
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

/// Does what a callback has noted when it returns, and when it panics: what it removed must
/// not be told the rest of the batch.
struct Telling<'a, State, R>(&'a mut Inner<State, R>);

impl<State, R> Drop for Telling<'_, State, R> {
    #[inline]
    fn drop(&mut self) {
        let Inner { core, callbacks } = &mut *self.0;
        if !core.changes.is_empty() {
            callbacks.apply(&mut core.changes);
        }
    }
}

/// What channels and hooks are told with.
pub(super) fn event_of(key: Key) -> Event {
    Event::new(key.token(), Interest::READABLE, Readiness::READABLE)
}
