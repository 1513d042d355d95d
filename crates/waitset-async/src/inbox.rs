use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::{Arc, PoisonError};
use std::task;
use std::time::{Duration, Instant};

use crate::shared::{Mutex, MutexGuard};
use crate::task::Ticket;

/// What other threads reach of an executor: all that can end its sleep, under one lock.
pub(crate) struct Inbox {
    reactor: waitset::ReactorWaker,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Arc<Ticket>>,
    timers: BTreeMap<TimerKey, task::Waker>,
    /// Whether the executor sleeps, or is about to: who changes something rings.
    is_waiting: bool,
    is_closed: bool,
}

/// When a timer is due, and a number to tell it from others of that moment.
pub(crate) type TimerKey = (Due, u64);

/// In the order in which they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    At(Instant),
    /// Beyond the clock's range. Such a timer is armed all the same: it may be reset.
    Never,
}

impl Due {
    pub(crate) fn is_over(self, now: Instant) -> bool {
        self <= Self::At(now)
    }
}

impl Inbox {
    pub(crate) fn new(reactor: waitset::ReactorWaker) -> Self {
        let state = Mutex::default();
        Self { reactor, state }
    }

    /// No user's code runs under the lock, so that it cannot be poisoned or taken twice:
    /// wakers are cloned before and dropped after.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Unlocks, and ends the executor's sleep if it sleeps.
    fn ring(&self, mut state: MutexGuard<'_, State>) {
        let is_waiting = mem::take(&mut state.is_waiting);
        drop(state);
        if is_waiting {
            self.reactor.wake();
        }
    }

    /// Has the executor poll this ticket's future.
    pub(crate) fn push(&self, ticket: &Arc<Ticket>) {
        let mut state = self.lock();
        if !state.is_closed {
            state.ready.push_back(Arc::clone(ticket));
            self.ring(state);
        }
    }

    /// Moves what was woken into `batch`.
    pub(crate) fn take_ready(&self, batch: &mut VecDeque<Arc<Ticket>>) {
        batch.append(&mut self.lock().ready);
    }

    /// How long the executor may sleep. From now on, who changes something rings: what
    /// comes before the sleep ends it, since the reactor keeps a wake.
    pub(crate) fn begin_wait(&self) -> Option<Duration> {
        let mut state = self.lock();
        if !state.ready.is_empty() {
            return Some(Duration::ZERO);
        }
        state.is_waiting = true;
        match state.timers.first_key_value()?.0 {
            (Due::At(due), _) => Some(due.saturating_duration_since(Instant::now())),
            (Due::Never, _) => None,
        }
    }

    /// The sleep is over: takes the wakers of the timers that are due.
    pub(crate) fn end_wait(&self, woken: &mut Vec<task::Waker>) {
        let mut state = self.lock();
        state.is_waiting = false;
        if state.timers.is_empty() {
            return;
        }
        let now = Instant::now();
        while let Some(timer) = state.timers.first_entry() {
            if !timer.key().0.is_over(now) {
                break;
            }
            woken.push(timer.remove());
        }
    }

    /// Has `waker` woken when the timer is due.
    pub(crate) fn arm(&self, timer: TimerKey, waker: &task::Waker) {
        let waker = waker.clone();
        let mut state = self.lock();
        if state.is_closed {
            return;
        }
        let displaced = state.timers.insert(timer, waker);
        match state.timers.first_key_value() {
            // The executor, if it sleeps, sleeps until this one at the least.
            Some((first, _)) if *first == timer && displaced.is_none() => self.ring(state),
            _ => drop(state),
        }
        drop(displaced);
    }

    /// Forgets a timer, unless it was due, and gives its waker back.
    pub(crate) fn disarm(&self, timer: TimerKey) -> Option<task::Waker> {
        self.lock().timers.remove(&timer)
    }

    /// Lets go of everything for good: tickets share the inbox, which would keep itself
    /// alive.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        let left = (mem::take(&mut state.ready), mem::take(&mut state.timers));
        drop(state);
        drop(left);
    }
}
