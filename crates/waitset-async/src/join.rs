use std::any::Any;
use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::budget::Share;
use crate::context;
use crate::task::Ticket;

/// Starts a task on the executor that runs on this thread.
///
/// # Panics
///
/// If none does: there is nothing that would run the task. Use
/// [`Executor::spawn`](crate::Executor::spawn) there, and in the callbacks of an event loop
/// [`Spawn`](crate::Spawn).
///
/// ```
/// # waitset_async::block_on(waitset::PollReactor::new()?, async {
/// let answer = waitset_async::spawn(async { 6 * 7 });
/// assert_eq!(answer.await.unwrap(), 42);
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn spawn<F: Future + 'static>(future: F) -> JoinHandle<F::Output> {
    let current = context::Context::current();
    let current = current.expect(
        "spawn needs an executor: call it within Executor::block_on or a task; in a callback, \
         call spawn of its handle",
    );
    JoinHandle::spawn(&current, future)
}

/// A task's output to be, or why there will be none.
///
/// Dropping it detaches the task, as with a thread; [`cancel`](Self::cancel) ends it.
///
/// # Panics
///
/// If it is polled again after it has returned the outcome, whether the task ended, panicked
/// or was cancelled. A loop that awaits a handle among other futures must keep track of
/// that, with an `Option` of the handle or `Fuse` of the futures crates.
///
/// # Panics in tasks
///
/// A panic ends its task and no other, also one of what the task owned, as that is
/// dropped. The panic hook has printed it, and who awaits the handle gets a [`JoinError`]
/// with what it carried: of several, the first.
pub struct JoinHandle<T> {
    outcome: Rc<Outcome<T>>,
    ticket: Arc<Ticket>,
    share: Share,
    /// Whether the outcome has been taken.
    has_ended: bool,
}

struct Outcome<T> {
    result: Cell<Option<Result<T, JoinError>>>,
    waiter: Cell<Option<Waker>>,
}

/// A task's future, which ends where that ends, panics or is cancelled, and tells it.
///
/// Asserts unwind safety: after a panic the future is only dropped.
struct Told<'a, F: Future> {
    /// None once it has ended.
    future: Pin<&'a mut Option<F>>,
    ticket: Arc<Ticket>,
    outcome: Rc<Outcome<F::Output>>,
}

impl<F: Future> Future for Told<'_, F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let result = match this.future.as_mut().as_pin_mut() {
            Some(future) if !this.ticket.is_cancelled() => {
                match catch_unwind(AssertUnwindSafe(|| future.poll(context))) {
                    Ok(Poll::Pending) => return Poll::Pending,
                    Ok(Poll::Ready(output)) => Ok(output),
                    Err(panic) => Err(JoinError { panic: Some(panic) }),
                }
            }
            _ => Err(JoinError { panic: None }),
        };
        this.end(result);
        Poll::Ready(())
    }
}

impl<F: Future> Told<'_, F> {
    fn end(&mut self, result: Result<F::Output, JoinError>) {
        // What the task owned is gone when its end is told.
        let dropped = catch_unwind(AssertUnwindSafe(|| self.future.set(None)));
        self.outcome.result.set(Some(match (result, dropped) {
            (Ok(_) | Err(JoinError { panic: None }), Err(panic)) => {
                Err(JoinError { panic: Some(panic) })
            }
            (result, _) => result,
        }));
        if Rc::strong_count(&self.outcome) == 1 {
            // The handle is gone: nobody is told how the drop of the output ends.
            let unread = self.outcome.result.take();
            let _ = catch_unwind(AssertUnwindSafe(|| drop(unread)));
        }
        if let Some(waiter) = self.outcome.waiter.take() {
            waiter.wake();
        }
    }
}

impl<T: 'static> JoinHandle<T> {
    pub(crate) fn spawn(
        context: &Rc<context::Context>,
        future: impl Future<Output = T> + 'static,
    ) -> Self {
        let outcome = Rc::new(Outcome {
            result: Cell::new(None),
            waiter: Cell::new(None),
        });
        let told = Rc::clone(&outcome);
        let ticket = context.start(|ticket| async move {
            let future = pin!(Some(future));
            let outcome = told;
            let told = Told {
                future,
                ticket,
                outcome,
            };
            told.await;
        });
        Self {
            outcome,
            ticket,
            share: Share::default(),
            has_ended: false,
        }
    }
}

impl<T> JoinHandle<T> {
    /// Ends the task at its next turn, unless it has ended: its future is dropped, with
    /// all that it owns, and this handle tells [`JoinError::is_cancelled`].
    ///
    /// ```
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let forever = waitset_async::spawn(std::future::pending::<()>());
    /// forever.cancel();
    /// assert!(forever.await.unwrap_err().is_cancelled());
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn cancel(&self) {
        self.ticket.cancel();
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(
            !self.has_ended,
            "this JoinHandle has already returned the outcome of its task: await it once only"
        );
        let Some(result) = self.outcome.result.take() else {
            let displaced = self.outcome.waiter.replace(Some(context.waker().clone()));
            drop(displaced);
            return Poll::Pending;
        };
        // A loop over tasks that have all ended would not let the others run.
        if context::Context::poll_charge_current(&[&self.share], context).is_pending() {
            self.outcome.result.set(Some(result));
            return Poll::Pending;
        }
        self.has_ended = true;
        Poll::Ready(result)
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").finish_non_exhaustive()
    }
}

/// Why a task has no output: it panicked, or was cancelled or dropped with its executor.
pub struct JoinError {
    panic: Option<Box<dyn Any + Send>>,
}

impl JoinError {
    /// Whether the task was cancelled, or dropped with its executor.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.panic.is_none()
    }

    /// What the panic carried, for [`std::panic::resume_unwind`].
    ///
    /// # Errors
    ///
    /// The error itself, if the task was cancelled.
    ///
    /// ```
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let task = waitset_async::spawn(async { panic!("on purpose") });
    /// let panic = task.await.unwrap_err().into_panic().unwrap();
    /// assert_eq!(panic.downcast_ref(), Some(&"on purpose"));
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_panic(self) -> Result<Box<dyn Any + Send>, Self> {
        self.panic.ok_or(Self { panic: None })
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(panic) = &self.panic else {
            return f.write_str("the task was cancelled");
        };
        let literal = panic.downcast_ref::<&str>().copied();
        match literal.or_else(|| panic.downcast_ref::<String>().map(String::as_str)) {
            Some(text) => write!(f, "the task panicked: {text}"),
            None => f.write_str("the task panicked"),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl Error for JoinError {}

impl From<JoinError> for io::Error {
    fn from(error: JoinError) -> Self {
        Self::other(error.to_string())
    }
}
