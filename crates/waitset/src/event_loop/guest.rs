//! An executor of futures that runs in a loop: what waitset-async is to an
//! [`EventLoop`](crate::EventLoop).

use std::any::Any;
use std::io;
use std::mem;
use std::rc::Rc;

use waitset_core::{AsSource, Event, Interest, Mode, WaitHint};

use super::core::{Core, Dispatch, Handle, LocalHandle};
use super::entry::Kind;
use crate::Key;

/// Runs tasks in a loop, once a turn. Made for waitset-async, and subject to change.
#[doc(hidden)]
pub trait Guest: Any {
    /// The loop is about to wait. Returns `true` if there is something to run first. From now
    /// on, whoever wakes a task ends the wait.
    ///
    /// # Errors
    ///
    /// If the loop must not wait. The turn returns the error.
    fn begin_wait(&self) -> io::Result<bool>;

    /// The wait has ended. Until the next one, nobody has to be woken.
    fn end_wait(&self);

    /// Runs what was woken before this began, and returns how much that was.
    fn run(self: Rc<Self>) -> usize;

    /// The loop is being dropped.
    fn close(self: Rc<Self>);

    /// The executor itself.
    fn into_any(self: Rc<Self>) -> Rc<dyn Any>;
}

/// Closes an executor when it is dropped, as one of several things that must all be dropped.
pub(super) struct Leaving(pub(super) Option<Rc<dyn Guest>>);

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(guest) = self.0.take() {
            guest.close();
        }
    }
}

/// The callback of a source that the loop owns elsewhere.
struct Notified<F>(F);

impl<State, F> Dispatch<State> for Notified<F>
where
    F: FnMut(Event, &Handle<'_, State>),
{
    #[inline]
    fn run(&mut self, event: &Event, _: &mut State, local: &LocalHandle<State>) {
        (self.0)(*event, &local.as_handle_of(event.token()));
    }
}

#[doc(hidden)]
impl<State> LocalHandle<State> {
    /// The executor that runs in this loop.
    #[must_use]
    pub fn guest(&self) -> Option<Rc<dyn Guest>> {
        self.0.guest.borrow().clone()
    }

    /// Has an executor run in this loop. It replaces the one before, which is closed.
    pub fn set_guest(&self, guest: Rc<dyn Guest>) {
        if self.0.is_closed() {
            return guest.close();
        }
        self.0.set_has_more(true);
        let former = self.0.guest.replace(Some(guest));
        drop(Leaving(former));
    }

    /// Watches a source that others share. Unlike what [`insert`](Self::insert) is given, the
    /// loop's share is dropped before [`remove`](Self::remove) returns, also within a callback.
    ///
    /// # Errors
    ///
    /// As [`Reactor::register`](crate::Reactor::register).
    pub fn insert_shared<F>(
        &self,
        source: Rc<dyn AsSource>,
        interest: Interest,
        mode: Mode,
        callback: F,
    ) -> io::Result<Key>
    where
        F: FnMut(Event, &Handle<'_, State>) + 'static,
    {
        let watch = self.watch(&*source, interest, mode)?;
        let notified = Box::new(Notified(callback));
        let key = self.0.insert_callback(Kind::Source(watch), notified);
        self.0.keep(key, source);
        Ok(key)
    }

    /// Tells the reactor why the next wait is short.
    pub fn hint(&self, hint: WaitHint) {
        self.0.with_reactor(|reactor| reactor.hint(hint));
    }

    /// Parts the loop from its reactor, for good: for a child of a fork, which shares the
    /// kernel's side of the reactor with its parent and must not touch it. All that the loop
    /// owns is dropped with it.
    pub fn abandon(&self) {
        self.0.abandon();
    }
}

impl<State> Core<State> {
    /// Owns a source until [`let_go`](Self::let_go) is called with its key.
    fn keep(&self, key: Key, source: Rc<dyn AsSource>) {
        let mut shared = self.shared.borrow_mut();
        if shared.len() <= key.index() {
            shared.resize(key.index() + 1, None);
        }
        let former = shared[key.index()].replace(source);
        drop(shared);
        drop(former);
    }

    /// Drops the loop's share of a source that is no longer registered, if it has one.
    pub(super) fn let_go(&self, key: Key) {
        let place = self.shared.borrow_mut().get_mut(key.index()).map(mem::take);
        drop(place);
    }
}
