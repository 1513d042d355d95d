use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use waitset_core::{Events, Reactor, Token, WaitHint};

use super::Handle;
use super::callbacks::Change;
use super::entry::{Entry, Kind, Status};
use super::remote::Inbox;
use super::timer::OnTick;
use super::timers::{Clock, Nanos, Timers};
use crate::Key;
use crate::slab::Slab;

/// A call to be made once, later in the turn or in the next.
pub(super) type Call<State, R> = Box<dyn FnOnce(&mut State, &mut Handle<'_, State, R>)>;

/// What a callback may change: the loop without the callbacks.
///
/// [`Handle`]s borrow it and give nobody else a reference to it: two cores that were
/// swapped would watch each other's sources.
pub(super) struct Core<State, R> {
    pub(super) reactor: R,
    pub(super) entries: Slab<Entry>,
    /// What is still to be done to the callbacks.
    pub(super) changes: Vec<Change<State, R>>,
    beside: Beside<State, R>,
    /// Whether there may be more to do than events, so that a turn with nothing else looks
    /// no further.
    has_more: bool,
    /// How many events came for those that were removed or disabled.
    pub(super) unheard: usize,
    pub(super) is_stopped: bool,
    /// The token of the callback that runs.
    pub(super) running: Token,
}

/// What a loop does beside telling events.
pub(super) struct Beside<State, R> {
    pub(super) clock: Clock,
    pub(super) timers: Timers<OnTick<State, R>>,
    /// When a turn last looked for timers that are due.
    pub(super) looked: Nanos,
    /// Timers that are due in this turn and have not fired yet.
    pub(super) due: VecDeque<Key>,
    pub(super) deferred: VecDeque<Call<State, R>>,
    pub(super) hooks: Vec<Key>,
    pub(super) inbox: Inbox<State, R>,
}

/// A millisecond, longer than most turns.
const NEAR: Nanos = 1_000_000;

impl<State, R> Beside<State, R> {
    /// Whether a deadline is over. The clock is read if it can be, not for timeouts.
    pub(super) fn is_over(&self, deadline: Nanos) -> bool {
        let is_near = deadline <= self.looked.saturating_add(NEAR);
        is_near && deadline <= self.clock.now()
    }
}

impl<State, R> Core<State, R> {
    /// All that there is beside events, to be changed: what comes of it is looked for.
    pub(super) fn beside_mut(&mut self) -> &mut Beside<State, R> {
        self.has_more = true;
        &mut self.beside
    }

    pub(super) fn beside(&self) -> &Beside<State, R> {
        &self.beside
    }

    #[inline]
    pub(super) fn has_more(&self) -> bool {
        self.has_more
    }

    pub(super) fn set_has_more(&mut self) {
        self.has_more = true;
    }
}

impl<State, R: Reactor + 'static> Core<State, R> {
    pub(super) fn new(reactor: R) -> Self {
        let beside = Beside {
            clock: Clock::starting_at(Instant::now()),
            timers: Timers::new(),
            looked: 0,
            due: VecDeque::new(),
            deferred: VecDeque::new(),
            hooks: Vec::new(),
            inbox: Inbox::new(reactor.waker()),
        };
        Self {
            reactor,
            entries: Slab::new(),
            changes: Vec::new(),
            beside,
            has_more: false,
            unheard: 0,
            is_stopped: false,
            running: Token(0),
        }
    }

    /// Waits for at most `timeout`.
    #[inline]
    pub(super) fn wait(&mut self, batch: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        let answer = self.reactor.wait(batch, timeout);
        // A wait that failed may have taken a wake with it.
        if answer.is_err() || batch.was_woken() {
            self.beside_mut().inbox.has_mail = true;
        }
        answer.map(drop)
    }

    /// How long to wait for at most, so that nothing waits that is due. No clock is read
    /// unless a timer is armed.
    pub(super) fn shortened(&mut self, timeout: Option<Duration>) -> Option<Duration> {
        let beside = &self.beside;
        let deadline = beside.timers.next_deadline();
        if beside.inbox.has_work() || !beside.deferred.is_empty() || !beside.due.is_empty() {
            self.reactor.hint(WaitHint::Work);
            return Some(Duration::ZERO);
        }
        self.has_more = deadline.is_some() || !beside.hooks.is_empty();
        let Some(deadline) = deadline else {
            return timeout;
        };
        let left = beside.clock.until(deadline);
        if let Some(timeout) = timeout.filter(|timeout| *timeout < left) {
            return Some(timeout);
        }
        if let Some((key, is_zero)) = beside.timers.next() {
            let token = key.token();
            self.reactor.hint(WaitHint::Timer { token, is_zero });
        }
        Some(left)
    }

    /// Makes a disabled entry that something came for silent until it is enabled. What came
    /// for a removed one is dropped.
    #[cold]
    #[inline(never)]
    pub(super) fn mute(&mut self, token: Token) {
        self.unheard += 1;
        let key = self.entries.key_of(token);
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        if entry.status != Status::Resting {
            return;
        }
        let is_silent = match entry.kind {
            Kind::Source(watch) => watch.registered.deregister(entry, &mut self.reactor),
            Kind::Channel | Kind::Hook => true,
        };
        if is_silent {
            entry.status = Status::Muted;
        }
    }
}
