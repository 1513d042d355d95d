//! What a loop is made of, and the two ways to reach it.
//!
//! These types need each other's names: a callback is given a [`Handle`], which reaches the
//! [`Core`], which owns the callbacks. So they stand in one file, and the files of what can be
//! done to a loop import this one.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::ops::Deref;
use std::rc::Rc;
use std::task;
use std::time::Instant;

use waitset_core::{AsSource, Capabilities, Event, Reactor, ReactorWaker, Token};

use super::callbacks::{Callbacks, Change};
use super::driver::Driver;
use super::entry::{Entry, Kind, Member};
use super::guest::{Guest, Leaving};
use super::inbox::Inbox;
use super::schedule::Schedule;
use super::tick::Tick;
use super::timers::Clock;
use crate::Key;
use crate::slab::Slab;

/// Changes an [`EventLoop`](crate::EventLoop) from within its callbacks, and through
/// [`EventLoop::handle`](crate::EventLoop::handle) from outside.
///
/// It has all methods of [`LocalHandle`], which lists them by what they are for. There is only
/// one `Handle` at a time, so what takes a `&mut Handle`, such as
/// [`Connection::send`](crate::stream::Connection::send), cannot run while a part of the
/// connection is borrowed.
pub struct Handle<'a, State> {
    pub(super) local: &'a LocalHandle<State>,
    /// Of the callback that has this handle.
    pub(super) token: Token,
}

impl<State> Deref for Handle<'_, State> {
    type Target = LocalHandle<State>;

    fn deref(&self) -> &LocalHandle<State> {
        self.local
    }
}

/// Changes an [`EventLoop`](crate::EventLoop) from anywhere in its thread: a handle to keep.
///
/// Clones refer to the same loop. A callback gets one from its [`Handle`] by
/// [`local`](Self::local), and code outside of callbacks from
/// [`EventLoop::handle`](crate::EventLoop::handle) in the same way. Other threads use a
/// [`Remote`](crate::Remote).
///
/// | to | call |
/// |---|---|
/// | watch a descriptor | [`insert`](Self::insert), [`insert_mut`](Self::insert_mut), [`modify`](Self::modify) |
/// | run something later | [`arm_after`](Self::arm_after), [`arm_at`](Self::arm_at), [`arm_every`](Self::arm_every) |
/// | move or stop a timer | [`reset_after`](Self::reset_after), [`reset_at`](Self::reset_at), [`cancel`](Self::cancel) |
/// | run something after this turn's events | [`defer`](Self::defer) |
/// | call with the state, in a future | [`with_state`](Self::with_state) |
/// | do something before each sleep | [`before_sleep`](Self::before_sleep) |
/// | receive messages of other threads | [`channel`](Self::channel), [`sync_channel`](Self::sync_channel), [`remote`](Self::remote) |
/// | connect | [`connect_tcp`](Self::connect_tcp), [`connect_unix`](Self::connect_unix) |
/// | accept connections | [`listen`](Self::listen) |
/// | read and write a stream | [`insert_stream`](Self::insert_stream) |
/// | insert a value with several sources and timers | [`insert_group`](Self::insert_group) |
/// | pause a source, channel, hook or group | [`disable`](Self::disable), [`enable`](Self::enable) |
/// | remove it | [`remove`](Self::remove) |
/// | know which callback runs | [`key`](Handle::key) |
/// | end [`run`](crate::EventLoop::run) | [`stop`](Self::stop) |
///
/// # After the loop
///
/// When the loop is dropped, so are all callbacks and what they own. A handle that is left then
/// finds nothing and inserts nothing: what returns a `Result` returns `BrokenPipe`, a callback
/// that it is given is dropped, and the key that it returns refers to nothing.
pub struct LocalHandle<State>(pub(super) Rc<Core<State>>);

impl<State> Clone for LocalHandle<State> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

/// Something with a callback, without its type.
pub(super) trait Dispatch<State> {
    /// Runs the callback. The event is a source's; of others it only has the key.
    fn run(&mut self, event: &Event, state: &mut State, local: &LocalHandle<State>);
}

/// A callback and whatever it belongs to.
pub(super) type Callback<State> = Box<dyn Dispatch<State>>;

/// Stands in a free place. Its box allocates nothing.
struct Nobody;

impl<State> Dispatch<State> for Nobody {
    fn run(&mut self, _: &Event, _: &mut State, _: &LocalHandle<State>) {}
}

pub(super) fn nobody<State>() -> Callback<State> {
    Box::new(Nobody)
}

/// A call to be made once, later in the turn or in the next.
pub(super) type Call<State> = Box<dyn FnOnce(&mut State, &mut Handle<'_, State>)>;

/// A call that comes from another thread.
pub(super) type Posted<State> = Box<dyn FnOnce(&mut State, &mut Handle<'_, State>) + Send>;

/// The callback of a timer. Counted, so that it can cancel its own timer.
pub(super) type OnTick<State> = Rc<RefCell<dyn FnMut(&mut State, Tick, &mut Handle<'_, State>)>>;

/// What happens when a timer is due.
pub(super) enum Alarm<State> {
    Call(OnTick<State>),
    Wake(task::Waker),
}

impl<State> Clone for Alarm<State> {
    fn clone(&self) -> Self {
        match self {
            Self::Call(callback) => Self::Call(Rc::clone(callback)),
            Self::Wake(waker) => Self::Wake(waker.clone()),
        }
    }
}

/// A loop, shared by its handles.
///
/// Each part is borrowed for as long as one method changes it, and never while code of the
/// user runs. Only the callbacks are borrowed while they run: what changes them meanwhile is
/// noted in `changes`.
pub(super) struct Core<State> {
    pub(super) driver: Rc<Driver<dyn Dispatch<State>, dyn Reactor>>,
    pub(super) name: &'static str,
    pub(super) capabilities: Capabilities,
    pub(super) waker: ReactorWaker,
    /// Whether there may be more to do than events, so that a turn with nothing else looks
    /// no further.
    has_more: Cell<bool>,
    /// Whether `changes` holds something.
    has_changes: Cell<bool>,
    /// How many events came for those that were removed or disabled.
    pub(super) unheard: Cell<usize>,
    pub(super) is_stopped: Cell<bool>,
    /// Whether an outer loop waits for this one, so that changes from outside must wake it.
    pub(super) is_resting: Cell<bool>,
    pub(super) entries: RefCell<Slab<Entry>>,
    /// What is still to be done to the callbacks.
    changes: RefCell<Vec<Change<dyn Dispatch<State>>>>,
    pub(super) clock: Clock,
    pub(super) schedule: RefCell<Schedule<Alarm<State>>>,
    pub(super) deferred: RefCell<VecDeque<Call<State>>>,
    pub(super) hooks: RefCell<Vec<Key>>,
    /// The members of each group.
    pub(super) groups: RefCell<BTreeMap<Key, Vec<Member>>>,
    /// The members so far of the group that registers.
    pub(super) members: RefCell<Option<Vec<Member>>>,
    pub(super) inbox: Inbox<Posted<State>>,
    pub(super) guest: RefCell<Option<Rc<dyn Guest>>>,
    /// What the loop owns of sources that others share, by the places of their keys.
    pub(super) shared: RefCell<Vec<Option<Rc<dyn AsSource>>>>,
}

impl<State> Core<State> {
    pub(super) fn new(driver: Rc<Driver<dyn Dispatch<State>, dyn Reactor>>) -> Self {
        let (name, capabilities, waker) = {
            let reactor = driver.lend();
            (reactor.name(), reactor.capabilities(), reactor.waker())
        };
        Self {
            driver,
            name,
            capabilities,
            inbox: Inbox::new(waker.clone()),
            waker,
            has_more: Cell::new(false),
            has_changes: Cell::new(false),
            unheard: Cell::new(0),
            is_stopped: Cell::new(false),
            is_resting: Cell::new(false),
            entries: RefCell::new(Slab::new()),
            changes: RefCell::default(),
            clock: Clock::starting_at(Instant::now()),
            schedule: RefCell::new(Schedule::new()),
            deferred: RefCell::default(),
            hooks: RefCell::default(),
            groups: RefCell::default(),
            members: RefCell::new(None),
            guest: RefCell::new(None),
            shared: RefCell::default(),
        }
    }

    #[inline]
    pub(super) fn has_more(&self) -> bool {
        self.has_more.get()
    }

    #[inline]
    pub(super) fn set_has_more(&self, has_more: bool) {
        if self.has_more.replace(has_more) != has_more {
            self.pay_attention();
        }
        if has_more && self.driver.is_in_use() {
            // A method of the reactor does this, perhaps its wait: end that, as another thread
            // would.
            self.waker.wake();
        }
        self.rouse();
    }

    /// Has turns look for more to do than events, if there is.
    #[inline]
    pub(super) fn pay_attention(&self) {
        let needs_attention = self.has_more() || self.has_changes();
        self.driver.set_attention(needs_attention);
    }

    /// Has an outer loop run this one, if it waits for it.
    #[inline]
    pub(super) fn rouse(&self) {
        if self.is_resting.get() {
            self.is_resting.set(false);
            self.waker.wake();
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.driver.is_closed()
    }

    /// Calls `operation` with the reactor, if the loop has not been dropped.
    pub(super) fn with_reactor<T>(
        &self,
        operation: impl FnOnce(&mut dyn Reactor) -> T,
    ) -> Option<T> {
        self.driver.with_reactor(|reactor| operation(reactor))
    }

    /// Adds an entry and its callback. In a loop that has been dropped, drops the callback.
    pub(super) fn insert_callback(&self, kind: Kind, callback: Callback<State>) -> Key {
        if self.is_closed() {
            return self.entries.borrow_mut().next_key();
        }
        let key = self.entries.borrow_mut().insert(Entry::new(kind));
        self.note_member(Member::Entry(key));
        self.change(Change::Insert(key, callback));
        key
    }

    pub(super) fn remove_callback(&self, key: Key) {
        self.change(Change::Remove(key, nobody()));
    }

    /// Changes the callbacks: now, or when the one that runs has returned.
    pub(super) fn change(&self, change: Change<dyn Dispatch<State>>) {
        self.changes.borrow_mut().push(change);
        self.set_has_changes(true);
        self.apply();
    }

    pub(super) fn has_changes(&self) -> bool {
        self.has_changes.get()
    }

    fn set_has_changes(&self, has_changes: bool) {
        if self.has_changes.replace(has_changes) != has_changes {
            self.pay_attention();
        }
    }

    /// Does what was noted, unless callbacks are running; then their turn does it.
    #[inline]
    pub(super) fn apply(&self) {
        if self.has_changes() {
            self.apply_all();
        }
    }

    #[cold]
    fn apply_all(&self) {
        while self.has_changes() {
            let mut left = Vec::new();
            let apply = |callbacks: &mut _| left = self.apply_to(callbacks);
            if !self.driver.apply(apply) {
                return;
            }
        }
    }

    /// Does what was noted, and returns what is no longer needed. That is to be dropped when
    /// all is in order: a drop that panics must leave no change undone. A source whose
    /// insertion was lost would be closed while it is registered.
    #[must_use]
    pub(super) fn apply_to(
        &self,
        callbacks: &mut Callbacks<dyn Dispatch<State>>,
    ) -> Vec<Change<dyn Dispatch<State>>> {
        self.set_has_changes(false);
        let mut changes = self.changes.take();
        callbacks.apply(&mut changes);
        changes
    }

    /// Parts the loop from its reactor: nothing is registered or deregistered from then on, and
    /// the next turn returns an error.
    pub(super) fn abandon(&self) {
        self.set_has_more(true);
        self.driver.close();
    }

    /// Drops all that the loop owns, the reactor first. What is inserted from then on is
    /// dropped, too.
    ///
    /// Callbacks that are being dispatched go with the loop itself.
    pub(super) fn close(&self) {
        self.abandon();
        let callbacks = self.driver.take_callbacks(Callbacks::new(nobody));
        // A tuple drops the rest of its fields even if the drop of one panics.
        drop((
            Leaving(self.guest.take()),
            self.changes.take(),
            callbacks,
            self.schedule.replace(Schedule::new()),
            self.deferred.take(),
            self.inbox.close(),
            self.entries.replace(Slab::new()),
            self.shared.take(),
            mem::take(&mut *self.hooks.borrow_mut()),
        ));
    }
}
