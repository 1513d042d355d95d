use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::PoisonError;
use std::time::Instant;

use waitset::TimerKey;

use crate::shared::{Mutex, MutexGuard};

/// What other threads reach of an executor: all that can end its sleep, under one lock.
///
/// `T` is what is queued there.
pub(crate) struct Inbox<T> {
    reactor: waitset::ReactorWaker,
    state: Mutex<State<T>>,
}

struct State<T> {
    woken: VecDeque<T>,
    timers: TimerChanges,
    /// Whether the executor sleeps, or is about to: who changes something rings.
    is_waiting: bool,
    is_closed: bool,
}

/// What is to be done to timers that were changed where their executor does not run: the
/// deadlines that they have from now on, or none of those that nobody waits for.
pub(crate) type TimerChanges = BTreeMap<TimerKey, Option<Instant>>;

impl<T> Inbox<T> {
    pub(crate) fn new(reactor: waitset::ReactorWaker) -> Self {
        let state = Mutex::new(State {
            woken: VecDeque::new(),
            timers: TimerChanges::new(),
            is_waiting: false,
            is_closed: false,
        });
        Self { reactor, state }
    }

    /// No user's code runs under the lock, so that it cannot be poisoned or taken twice.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Unlocks, and ends the executor's sleep if it sleeps.
    fn ring(&self, mut state: MutexGuard<'_, State<T>>) {
        let is_waiting = mem::take(&mut state.is_waiting);
        drop(state);
        if is_waiting {
            self.reactor.wake();
        }
    }

    /// Has the executor take `woken`.
    pub(crate) fn push(&self, woken: T) {
        let mut state = self.lock();
        if !state.is_closed {
            state.woken.push_back(woken);
            self.ring(state);
        }
    }

    /// Moves what was pushed to the end of `woken`. The sleep is over, if there was one.
    pub(crate) fn take_woken(&self, woken: &mut VecDeque<T>) {
        let mut state = self.lock();
        state.is_waiting = false;
        match woken.is_empty() {
            _ if state.woken.is_empty() => {}
            true => mem::swap(woken, &mut state.woken),
            false => woken.append(&mut state.woken),
        }
    }

    /// Before the executor sleeps: returns `true` if it may, because nothing was pushed and no
    /// timer changed. From then on, who changes something rings: what comes before the sleep
    /// ends it, since the reactor keeps a wake.
    pub(crate) fn begin_wait(&self) -> bool {
        let mut state = self.lock();
        state.is_waiting = state.woken.is_empty() && state.timers.is_empty();
        state.is_waiting
    }

    /// Takes the changes of timers that are to be made.
    pub(crate) fn take_timers(&self) -> TimerChanges {
        mem::take(&mut self.lock().timers)
    }

    /// The sleep is over.
    pub(crate) fn end_wait(&self) {
        self.lock().is_waiting = false;
    }

    /// Changes a timer from where the executor does not run.
    pub(crate) fn change_timer(&self, timer: TimerKey, deadline: Option<Instant>) {
        let mut state = self.lock();
        if state.is_closed {
            return;
        }
        state.timers.insert(timer, deadline);
        if deadline.is_some() {
            self.ring(state); // It may be the first that is due from now on.
        }
    }

    /// Lets go of everything for good.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        let woken = mem::take(&mut state.woken);
        state.timers.clear();
        drop(state);
        drop(woken);
    }
}
