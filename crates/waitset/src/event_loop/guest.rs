//! An executor of futures that runs in a loop: what waitset-async is to an
//! [`EventLoop`](crate::EventLoop).

use std::any::Any;
use std::rc::Rc;

use super::core::LocalHandle;

/// Runs tasks in a loop, once a turn. Made for waitset-async, and subject to change.
#[doc(hidden)]
pub trait Guest: Any {
    /// The loop is about to wait. Returns `true` if there is something to run first. From now
    /// on, whoever wakes a task ends the wait.
    fn begin_wait(&self) -> bool;

    /// The wait has ended. Until the next one, nobody has to be woken.
    fn end_wait(&self);

    /// Runs what was woken before this began, and returns how much that was.
    fn run(&self) -> usize;

    /// The loop is being dropped.
    fn close(&self);

    /// The executor itself.
    fn into_any(self: Rc<Self>) -> Rc<dyn Any>;
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
        if let Some(former) = former {
            former.close();
        }
    }

    /// Drops the reactor and all that the loop owns: for a child of a fork, which shares the
    /// kernel's side of the reactor with its parent and must not touch it.
    pub fn abandon(&self) {
        self.0.close();
    }
}
