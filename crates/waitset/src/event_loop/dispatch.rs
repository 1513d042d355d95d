//! Running the callbacks of a turn.

use std::mem;
use std::slice;

use waitset_core::{Event, Interest, Reactor, Readiness, Token};

use super::core::{Core, Handle, LocalHandle};
use super::entry::{Kind, Status};
use crate::Key;

/// The token of no entry.
const NO_ENTRYS: Token = Token(u64::MAX);

/// How many posted closures one turn runs: enough that a turn costs little beside them.
const POSTED_PER_TURN: usize = 256;

impl<State> LocalHandle<State> {
    /// The handle of a callback that is not an entry's.
    pub(super) fn as_handle(&self) -> Handle<'_, State> {
        self.as_handle_of(NO_ENTRYS)
    }

    /// The handle of the callback of the entry with this token.
    #[inline]
    pub(super) const fn as_handle_of(&self, token: Token) -> Handle<'_, State> {
        Handle { local: self, token }
    }

    /// Runs the callback of each of these events, if there is one and it is enabled, and does
    /// after each what it changed.
    pub(super) fn dispatch_all(&self, state: &mut State, events: &[Event]) {
        let core = &*self.0;
        let applying = Applying(self);
        core.driver.dispatch(
            events,
            |callback, event| callback.run(event, state, self),
            |token| core.mute(token),
            |callbacks| {
                while core.has_changes() {
                    drop(core.apply_to(callbacks));
                }
            },
        );
        mem::forget(applying);
    }

    /// Runs the callback of a channel or hook, if it has not been removed and is enabled.
    #[inline(never)]
    pub(super) fn dispatch(&self, state: &mut State, key: Key) {
        let event = Event::new(key.token(), Interest::READABLE, Readiness::READABLE);
        self.dispatch_all(state, slice::from_ref(&event));
    }

    /// Runs what was deferred before this step began, what came from other threads, and
    /// tasks.
    #[inline]
    pub(super) fn run_deferred(&self, state: &mut State) -> usize {
        let core = &*self.0;
        let is_idle = core.deferred.borrow().is_empty() && !core.inbox.has_work();
        match is_idle && core.guest.borrow().is_none() {
            true => 0,
            false => self.run_all_deferred(state),
        }
    }

    #[inline(never)]
    fn run_all_deferred(&self, state: &mut State) -> usize {
        let mut ran = 0;
        let count = self.0.deferred.borrow().len();
        for _ in 0..count {
            let Some(call) = self.0.deferred.borrow_mut().pop_front() else {
                break;
            };
            call(state, &mut self.as_handle());
            ran += 1;
        }
        ran += self.run_inbox(state);
        ran + self.run_tasks()
    }

    /// Runs the tasks that were woken before this step began.
    pub(super) fn run_tasks(&self) -> usize {
        self.guest().map_or(0, |guest| guest.run())
    }

    /// Runs a bounded number of posted closures, and lets each channel that has messages
    /// as it begins run a bounded number of them.
    fn run_inbox(&self, state: &mut State) -> usize {
        let inbox = &self.0.inbox;
        let mut ran = 0;
        if inbox.has_mail() {
            inbox.fetch_scheduled();
            while ran < POSTED_PER_TURN {
                let Some(call) = inbox.next_posted() else {
                    break;
                };
                call(state, &mut self.as_handle());
                ran += 1;
            }
        }
        for _ in 0..inbox.scheduled() {
            let Some(channel) = inbox.next_scheduled() else {
                break;
            };
            self.dispatch(state, channel);
            ran += inbox.messages();
        }
        ran
    }
}

impl<State> Core<State> {
    /// Makes a disabled entry that something came for silent until it is enabled. What came
    /// for a removed one is dropped.
    #[cold]
    #[inline(never)]
    pub(super) fn mute(&self, token: Token) {
        self.unheard.set(self.unheard.get() + 1);
        let mut entries = self.entries.borrow_mut();
        let key = entries.key_of(token);
        let Some(entry) = entries.get_mut(key) else {
            return;
        };
        if entry.status != Status::Resting {
            return;
        }
        let is_silent = match entry.kind {
            Kind::Source(watch) => {
                let silence = |mut reactor: &mut dyn Reactor| {
                    watch.registered.deregister(&*entry, &mut reactor)
                };
                self.with_reactor(silence) == Some(true)
            }
            Kind::Channel | Kind::Hook | Kind::Group => true,
        };
        if is_silent {
            entry.status = Status::Muted;
        }
    }
}

/// Does what a callback has noted when it panics: what it removed must not be called for the
/// rest of the batch.
pub(super) struct Applying<'a, State>(pub(super) &'a LocalHandle<State>);

impl<State> Drop for Applying<'_, State> {
    fn drop(&mut self) {
        self.0.0.apply();
    }
}
