//! What a future has of the state.

use std::cell::RefCell;
use std::future::poll_fn;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::{Rc, Weak};
use std::task::{self, Poll};
use std::thread;

use super::core::{Handle, LocalHandle};

/// A call that a future awaits.
enum Visit<T> {
    /// Nobody has polled the future since the call was deferred.
    Deferred,
    Awaited(task::Waker),
    Done(thread::Result<T>),
    /// The loop has dropped the call.
    Dropped,
}

/// The loop's end of a call. A future that is dropped takes the call back.
struct Visitor<T>(Weak<RefCell<Visit<T>>>);

impl<State> LocalHandle<State> {
    /// Has the loop call `call` with its state and its handle, and returns a future of what that
    /// returns: for tasks, which have no state otherwise.
    ///
    /// The call is made in the loop's next turn, among its deferred calls. If the future is
    /// dropped before, the call is not made.
    ///
    /// ```
    /// use std::task::{Context, Poll, Waker};
    /// use waitset::EventLoop;
    ///
    /// let mut event_loop = EventLoop::new()?;
    /// let mut future = Box::pin(event_loop.handle().with_state(|count, _| {
    ///     *count += 1;
    ///     *count
    /// }));
    /// let mut context = Context::from_waker(Waker::noop()); // a task has a better one
    /// assert!(future.as_mut().poll(&mut context).is_pending());
    /// event_loop.turn(&mut 6, None)?;
    /// assert_eq!(future.as_mut().poll(&mut context), Poll::Ready(7));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// A panic in `call` goes on in the future that awaits it. The future also panics if it is
    /// polled after the loop has been dropped, which takes a future that is no task of the loop.
    pub fn with_state<T, F>(&self, call: F) -> impl Future<Output = T> + use<T, F, State>
    where
        T: 'static,
        F: FnOnce(&mut State, &mut Handle<'_, State>) -> T + 'static,
    {
        let local = self.clone();
        async move {
            let visit = Rc::new(RefCell::new(Visit::Deferred));
            let visitor = Visitor(Rc::downgrade(&visit));
            local.defer(move |state, handle| visitor.run(|| call(state, handle)));
            poll_fn(|context| poll(&visit, context)).await
        }
    }
}

impl<T> Visitor<T> {
    fn run(&self, call: impl FnOnce() -> T) {
        if self.0.strong_count() > 0 {
            self.end(Visit::Done(catch_unwind(AssertUnwindSafe(call))));
        }
    }

    /// Tells the future, unless it is gone or was told before.
    fn end(&self, end: Visit<T>) {
        let Some(visit) = self.0.upgrade() else {
            return;
        };
        if let Visit::Done(_) | Visit::Dropped = *visit.borrow() {
            return;
        }
        if let Visit::Awaited(waker) = visit.replace(end) {
            waker.wake();
        }
    }
}

impl<T> Drop for Visitor<T> {
    fn drop(&mut self) {
        self.end(Visit::Dropped);
    }
}

fn poll<T>(visit: &RefCell<Visit<T>>, context: &task::Context<'_>) -> Poll<T> {
    // Cloned before and dropped after anything is borrowed.
    let awaited = Visit::Awaited(context.waker().clone());
    let before = mem::replace(&mut *visit.borrow_mut(), awaited);
    match before {
        Visit::Deferred | Visit::Awaited(_) => Poll::Pending,
        Visit::Done(Ok(value)) => Poll::Ready(value),
        Visit::Done(Err(panic)) => resume_unwind(panic),
        Visit::Dropped => panic!(
            "cannot call with the state of an event loop that has been dropped; await \
             with_state in a task of the loop"
        ),
    }
}
