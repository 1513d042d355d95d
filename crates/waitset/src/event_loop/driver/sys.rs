//! One reactor and its callbacks, lent to a turn without a reference count or a flag of their
//! own.
//!
//! A turn borrows the reactor while it waits, and the callbacks while it runs them; handles
//! borrow either in between. [`Phase`] says which is borrowed, and every borrow in this file
//! changes it first.
#![allow(unsafe_code, reason = "the one place that lends a loop's parts")]

use std::cell::{Cell, UnsafeCell};
use std::io;
use std::mem::{self, ManuallyDrop};
use std::ops::Deref;
use std::ptr;
use std::time::Duration;

use waitset_core::{Event, Events, Reactor, Token};

use super::super::callbacks::Callbacks;
use super::phase::Phase;

pub(in super::super) struct Driver<D: ?Sized, R: ?Sized> {
    phase: Phase,
    /// Of a turn that has not come to its end: how many events of the batch have not been
    /// dispatched. Else [`FINISHED`].
    unfinished: Cell<usize>,
    /// How many [`Lent`] there are.
    lent: Cell<usize>,
    /// Borrowed while the phase counts callbacks.
    callbacks: UnsafeCell<Callbacks<D>>,
    /// Borrowed while the phase says so, and dropped when it is closed.
    reactor: UnsafeCell<ManuallyDrop<R>>,
}

const FINISHED: usize = usize::MAX;

/// How a turn went that had only events to do when it began.
pub(in super::super) enum Turned {
    /// The callbacks of all events have run, and nothing else is to be done.
    Done,
    /// The wait failed or was woken, and no callback has run.
    Waited(io::Result<()>),
    /// A callback left something to do, or there is none for an event; so many of the events
    /// are left.
    Interrupted(usize),
}

impl<D: ?Sized, R> Driver<D, R> {
    pub(in super::super) fn new(reactor: R, nobody: fn() -> Box<D>) -> Self {
        Self {
            phase: Phase::new(),
            unfinished: Cell::new(FINISHED),
            lent: Cell::new(0),
            callbacks: UnsafeCell::new(Callbacks::new(nobody)),
            reactor: UnsafeCell::new(ManuallyDrop::new(reactor)),
        }
    }
}

impl<D: ?Sized, R: ?Sized> Driver<D, R> {
    /// Returns how many events the last turn has left, if it has not come to its end.
    pub(in super::super) fn unfinished(&self) -> Option<usize> {
        Some(self.unfinished.get()).filter(|left| *left != FINISHED)
    }

    pub(in super::super) fn set_unfinished(&self, unfinished: Option<usize>) {
        self.unfinished.set(unfinished.unwrap_or(FINISHED));
    }

    pub(in super::super) fn set_attention(&self, needs_attention: bool) {
        let needs_attention = needs_attention || self.unfinished.get() != FINISHED;
        self.phase.set_attention(needs_attention);
    }

    /// Returns `true` if a turn has nothing to do but to wait and to run the callbacks of
    /// events.
    #[inline(always)]
    pub(in super::super) fn has_only_events(&self) -> bool {
        self.phase.is_plain()
    }

    pub(in super::super) fn is_closed(&self) -> bool {
        self.phase.is_closed()
    }

    /// Returns `true` while the reactor is borrowed, by a wait for example.
    #[inline]
    pub(in super::super) fn is_in_use(&self) -> bool {
        self.phase.is_in_use()
    }

    /// Calls `operation` with the reactor; `None` if it has been dropped.
    pub(in super::super) fn with_reactor<T>(
        &self,
        operation: impl FnOnce(&mut R) -> T,
    ) -> Option<T> {
        if self.is_closed() {
            return None;
        }
        self.check_unused();
        self.phase.set_in_use(true);
        let _borrowed = Borrowed(&self.phase);
        // SAFETY: it was not borrowed, is now said to be, and has not been dropped.
        let reactor = unsafe { &mut *self.reactor.get() };
        Some(operation(reactor))
    }

    /// Lends the reactor, which nothing can change meanwhile.
    pub(in super::super) fn lend(&self) -> impl Deref<Target = R> + '_ {
        assert!(!self.is_closed(), "the event loop has been closed");
        if self.lent.get() == 0 {
            self.check_unused();
            self.phase.set_in_use(true);
        }
        self.lent.set(self.lent.get() + 1);
        Lent(self)
    }

    #[track_caller]
    fn check_unused(&self) {
        assert!(
            !self.is_in_use(),
            "the reactor is in use: a method of the reactor, or whoever holds \
             `EventLoop::reactor`, cannot change the loop"
        );
    }

    /// Drops the reactor.
    pub(in super::super) fn close(&self) {
        if self.is_closed() {
            return;
        }
        self.check_unused();
        self.phase.set_closed();
        // SAFETY: it is not borrowed.
        let reactor = unsafe { &mut *self.reactor.get() };
        // SAFETY: from now on it is said to be closed, so that nothing uses it again.
        unsafe { ManuallyDrop::drop(reactor) };
    }

    /// Takes all callbacks out, unless they are running.
    pub(in super::super) fn take_callbacks(&self, empty: Callbacks<D>) -> Option<Callbacks<D>> {
        (!self.phase.is_turning()).then(|| {
            // SAFETY: they are not borrowed, and no other code runs within this line.
            mem::replace(unsafe { &mut *self.callbacks.get() }, empty)
        })
    }

    /// Changes the callbacks, unless they are running, which it returns.
    pub(in super::super) fn apply(&self, changes: impl FnOnce(&mut Callbacks<D>)) -> bool {
        if self.phase.is_turning() {
            return false;
        }
        self.phase.begin_dispatch(1);
        let _changing = Changing(&self.phase);
        // SAFETY: they were not borrowed, and are now said to be.
        changes(unsafe { &mut *self.callbacks.get() });
        true
    }
}

impl<D: ?Sized, R: Reactor> Driver<D, R> {
    /// Waits, and runs the callback of each event. Only if nothing else
    /// [is to be done](Self::has_only_events).
    ///
    /// Always inlined, so that the loop has its variables in registers.
    #[inline(always)]
    pub(in super::super) fn turn(
        &self,
        batch: &mut Events,
        timeout: Option<Duration>,
        mut run: impl FnMut(&mut D, &Event),
    ) -> Turned {
        assert!(self.has_only_events(), "there is more to do than events");
        self.phase.begin_wait();
        let waiting = Waiting(&self.phase);
        // SAFETY: nothing was unusual, so that it was not borrowed and has not been dropped, and
        // the phase now says that it is borrowed.
        let reactor = unsafe { &mut *self.reactor.get() };
        let waited = reactor.wait(batch, timeout);
        mem::forget(waiting);
        if waited.is_err() || batch.was_woken() {
            self.phase.end_wait();
            return Turned::Waited(waited.map(drop));
        }
        let events = batch.as_slice();
        self.phase.begin_dispatch(events.len());
        let Some(mut event) = events.first() else {
            return Turned::Done;
        };
        let running = Running(self);
        // SAFETY: a loop that waits does not run callbacks, so that they were not borrowed, and
        // the phase now counts them.
        let callbacks = unsafe { &mut *self.callbacks.get() };
        let is_complete = loop {
            let Some(callback) = callbacks.get_mut(event.token()) else {
                break false;
            };
            run(callback, event);
            if !self.phase.count_down() {
                break true;
            }
            // SAFETY: the phase counts the events down, and nothing that runs meanwhile adds to
            // its count, so there is another.
            let next = unsafe { ptr::from_ref(event).add(1) };
            // SAFETY: the batch is borrowed as long as this method runs.
            event = unsafe { &*next };
        };
        mem::forget(running);
        match is_complete && self.phase.is_plain() {
            true => Turned::Done,
            false => Turned::Interrupted(self.phase.end_dispatch()),
        }
    }
}

impl<D: ?Sized, R: Reactor> Driver<D, R> {
    /// Only waits. The reactor must not have been dropped.
    #[inline]
    pub(in super::super) fn wait(
        &self,
        batch: &mut Events,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        assert!(!self.is_closed(), "the event loop has been closed");
        assert!(!self.phase.is_turning(), "callbacks are running");
        self.check_unused();
        self.phase.begin_wait();
        let _waiting = Waiting(&self.phase);
        // SAFETY: it was not borrowed and has not been dropped, and the phase now says that it
        // is borrowed.
        let reactor = unsafe { &mut *self.reactor.get() };
        reactor.wait(batch, timeout).map(drop)
    }
}

impl<D: ?Sized, R: ?Sized> Driver<D, R> {
    /// Runs the callback of each of `events`, or `missed`, and has `then` change the callbacks after each.
    pub(in super::super) fn dispatch(
        &self,
        events: &[Event],
        mut run: impl FnMut(&mut D, &Event),
        missed: impl Fn(Token),
        mut then: impl FnMut(&mut Callbacks<D>),
    ) {
        assert!(!self.phase.is_turning(), "callbacks are running");
        self.phase.begin_dispatch(events.len());
        let running = Running(self);
        // SAFETY: they were not borrowed, and the phase now counts callbacks, if there are any.
        let callbacks = unsafe { &mut *self.callbacks.get() };
        for event in events {
            match callbacks.get_mut(event.token()) {
                Some(callback) => run(callback, event),
                None => missed(event.token()),
            }
            then(callbacks);
            self.phase.restore();
            self.phase.count_down();
        }
        mem::forget(running);
    }
}

impl<D: ?Sized, R: ?Sized> Drop for Driver<D, R> {
    fn drop(&mut self) {
        self.close();
    }
}

/// The reactor while a turn waits.
struct Waiting<'a>(&'a Phase);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.end_wait();
    }
}

/// The reactor while an operation has it.
struct Borrowed<'a>(&'a Phase);

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.0.set_in_use(false);
    }
}

/// The callbacks while they are dispatched. When one panics, notes how far the batch has come.
struct Running<'a, D: ?Sized, R: ?Sized>(&'a Driver<D, R>);

impl<D: ?Sized, R: ?Sized> Drop for Running<'_, D, R> {
    #[inline(always)]
    fn drop(&mut self) {
        let left = self.0.phase.end_dispatch().saturating_sub(1);
        self.0.unfinished.set(left);
        self.0.phase.set_attention(true);
    }
}

/// The callbacks while they are changed.
struct Changing<'a>(&'a Phase);

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.0.end_dispatch();
    }
}

/// The reactor while it is lent.
struct Lent<'a, D: ?Sized, R: ?Sized>(&'a Driver<D, R>);

impl<D: ?Sized, R: ?Sized> Deref for Lent<'_, D, R> {
    type Target = R;

    fn deref(&self) -> &R {
        // SAFETY: while there is one, the phase says that it is in use, so that there is no
        // other way to it, and it is not dropped.
        unsafe { &*self.0.reactor.get() }
    }
}

impl<D: ?Sized, R: ?Sized> Drop for Lent<'_, D, R> {
    fn drop(&mut self) {
        let others = self.0.lent.get() - 1;
        self.0.lent.set(others);
        if others == 0 {
            self.0.phase.set_in_use(false);
        }
    }
}
