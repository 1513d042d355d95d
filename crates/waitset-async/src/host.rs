use std::io;
use std::rc::Rc;
use std::task::Waker;
use std::time::Instant;

use waitset::{AsSource, Handle, Interest, Key, LocalHandle, Mode, Stats, TimerKey, WaitHint};

use crate::waiters::Waiting;

/// The loop that a context runs in, whatever the type of its state.
///
/// A source here is one-shot and wakes those who wait for it. A timer wakes one waker and is
/// gone then.
pub(crate) trait Host {
    /// Watches a source for as long as [`remove`](Self::remove) is not called with its key.
    fn insert(
        &self,
        source: Rc<dyn AsSource>,
        waiting: Rc<Waiting>,
        interest: Interest,
    ) -> io::Result<Key>;

    fn modify(&self, source: Key, interest: Interest) -> io::Result<()>;

    /// Deregisters a source, and drops what the loop has of it.
    fn remove(&self, source: Key);

    /// How many sources the loop has.
    fn sources(&self) -> usize;

    /// Arms a timer; without a deadline, one that never fires unless it is reset.
    fn arm(&self, deadline: Option<Instant>, waker: &Waker) -> TimerKey;

    /// Has a timer wake `waker`. Returns `false` if it has fired.
    fn wake_instead(&self, timer: TimerKey, waker: &Waker) -> bool;

    fn reset(&self, timer: TimerKey, deadline: Instant);

    fn cancel(&self, timer: TimerKey);

    fn waker(&self) -> waitset::ReactorWaker;

    fn hint(&self, hint: WaitHint);

    fn stats(&self) -> Stats;

    /// Never touches the reactor again: it belongs to a parent process.
    fn abandon(&self);
}

impl<State: 'static> Host for LocalHandle<State> {
    fn insert(
        &self,
        source: Rc<dyn AsSource>,
        waiting: Rc<Waiting>,
        interest: Interest,
    ) -> io::Result<Key> {
        let notify = move |event, handle: &Handle<'_, State>| {
            waiting.notify(&event, |interest| {
                Self::modify(handle, handle.key(), interest, Mode::Oneshot)
            });
        };
        self.insert_shared(source, interest, Mode::Oneshot, notify)
    }

    fn modify(&self, source: Key, interest: Interest) -> io::Result<()> {
        Self::modify(self, source, interest, Mode::Oneshot)
    }

    fn remove(&self, source: Key) {
        Self::remove(self, source);
    }

    fn sources(&self) -> usize {
        self.len()
    }

    fn arm(&self, deadline: Option<Instant>, waker: &Waker) -> TimerKey {
        self.wake_at(deadline, waker.clone())
    }

    fn wake_instead(&self, timer: TimerKey, waker: &Waker) -> bool {
        Self::wake_instead(self, timer, waker)
    }

    fn reset(&self, timer: TimerKey, deadline: Instant) {
        self.reset_at(timer, deadline);
    }

    fn cancel(&self, timer: TimerKey) {
        Self::cancel(self, timer);
    }

    fn waker(&self) -> waitset::ReactorWaker {
        Self::waker(self)
    }

    fn hint(&self, hint: WaitHint) {
        Self::hint(self, hint);
    }

    fn stats(&self) -> Stats {
        Self::stats(self)
    }

    fn abandon(&self) {
        Self::abandon(self);
    }
}
