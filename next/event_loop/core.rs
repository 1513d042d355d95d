use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset_core::{Event, Events, Reactor};

use super::entry::{Entry, Kind, Status};
use super::remote::Inbox;
use super::timer::OnTick;
use super::timers::{Clock, Timers};
use super::{Handle, hook};
use crate::Key;
use crate::slab::Slab;

/// A call to be made once, later in the turn or in the next.
pub(super) type Call<State, R> = Box<dyn FnOnce(&mut State, &mut Handle<'_, State, R>)>;

/// What a loop consists of, apart from the batch that is being told.
///
/// [`Handle`]s borrow it and give nobody else a reference to it: two cores that were
/// swapped would watch each other's sources.
pub(super) struct Core<State, R> {
    // Fields drop in this order, so that nothing is watched any more when the sources
    // close. That is what makes registering them sound.
    pub(super) reactor: R,
    pub(super) entries: Slab<Entry<State, R>>,
    pub(super) clock: Clock,
    pub(super) timers: Timers<OnTick<State, R>>,
    /// Timers that are due in this turn and have not fired yet.
    pub(super) due: VecDeque<Key>,
    pub(super) deferred: VecDeque<Call<State, R>>,
    pub(super) hooks: Vec<Key>,
    pub(super) inbox: Inbox<State, R>,
    pub(super) is_stopped: bool,
}

impl<State, R: Reactor + 'static> Core<State, R> {
    pub(super) fn new(reactor: R) -> Self {
        let inbox = Inbox::new(reactor.waker());
        Self {
            reactor,
            entries: Slab::new(),
            clock: Clock::starting_at(Instant::now()),
            timers: Timers::new(),
            due: VecDeque::new(),
            deferred: VecDeque::new(),
            hooks: Vec::new(),
            inbox,
            is_stopped: false,
        }
    }

    /// Waits for at most `timeout`, and no longer than until the next thing is due.
    #[inline]
    pub(super) fn wait(&mut self, batch: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        let timeout = self.shortened(timeout);
        let answer = self.reactor.wait(batch, timeout);
        // A wait that failed may have taken a wake with it.
        if batch.was_woken() || answer.is_err() {
            self.inbox.has_mail = true;
        }
        answer.map(drop)
    }

    /// No clock is read unless a timer is armed.
    #[inline]
    fn shortened(&self, timeout: Option<Duration>) -> Option<Duration> {
        if self.inbox.has_work() || !self.deferred.is_empty() || !self.due.is_empty() {
            return Some(Duration::ZERO);
        }
        let Some(deadline) = self.timers.next_deadline() else {
            return timeout;
        };
        let left = self.clock.until(deadline);
        Some(timeout.map_or(left, |timeout| timeout.min(left)))
    }

    /// Runs the callback that an event is for, if there is one, and returns how often.
    ///
    /// The key's generation keeps an event from whoever has taken the place, or the
    /// descriptor's number, of a source that was removed since the wait.
    #[inline]
    pub(super) fn tell(&mut self, state: &mut State, event: &Event) -> usize {
        let key = Key::of(*event);
        let Some(entry) = self.entries.get(key) else {
            return 0;
        };
        if entry.status != Status::Enabled {
            self.mute(key);
            return 0;
        }
        // The callback may remove its own entry: the count keeps what runs alive until
        // it has returned.
        let callback = Rc::clone(&entry.callback);
        callback.run(state, event, &mut Handle::new(self))
    }

    /// Makes a disabled entry that something came for silent until it is enabled.
    #[cold]
    fn mute(&mut self, key: Key) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        entry.status = Status::Muted;
        if let Kind::Source(watch) = entry.kind {
            let source = watch.registered.source(&entry.callback);
            // It fails only if the mechanism has lost the source already.
            let _ = self.reactor.deregister(source);
        }
    }

    /// Runs what was deferred before this step began, and what came from other threads.
    #[inline]
    pub(super) fn run_deferred(&mut self, state: &mut State) -> usize {
        let mut ran = 0;
        for _ in 0..self.deferred.len() {
            let Some(call) = self.deferred.pop_front() else {
                break;
            };
            call(state, &mut Handle::new(self));
            ran += 1;
        }
        if self.inbox.has_work() {
            ran += self.run_inbox(state);
        }
        ran
    }

    #[inline]
    pub(super) fn run_hooks(&mut self, state: &mut State) {
        if !self.hooks.is_empty() {
            hook::run_all(self, state);
        }
    }
}
