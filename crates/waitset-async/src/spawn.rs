use std::rc::Rc;

use waitset::{LocalHandle, LoopClosed, Remote};

use crate::JoinHandle;
use crate::context::Context;

/// Runs futures in an event loop of waitset, among its callbacks.
///
/// It is implemented for [`LocalHandle`], and so for the [`Handle`](waitset::Handle) that every
/// callback gets. There, [`spawn`](Self::spawn) returns a [`JoinHandle`]. For a [`Remote`], which
/// is for other threads, it takes a `Send` future without an output and returns an error if the
/// loop has been dropped.
///
/// ```
/// use std::thread;
/// use waitset::EventLoop;
/// use waitset_async::Spawn;
///
/// let mut event_loop = EventLoop::new()?;
/// let handle = event_loop.handle();
/// let answer = handle.spawn(async { 6 * 7 });
/// let (local, remote) = (handle.local(), handle.remote());
/// handle.spawn(async move {
///     let answer = answer.await.expect("it does not panic");
///     local.with_state(move |state, _| *state += answer).await;
/// });
/// let thread = thread::spawn(move || {
///     remote.spawn(async { println!("in the thread of the loop") })
/// });
/// let mut state = 0;
/// while state == 0 {
///     event_loop.turn(&mut state, None)?;
/// }
/// assert_eq!(state, 42);
/// thread.join().expect("it does not panic")?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # In a task
///
/// All of this crate works in a task of a loop as it does inside
/// [`Executor::block_on`](crate::Executor::block_on): [`Async`](crate::Async) registers with the
/// reactor of the loop, [`sleep`](crate::sleep) arms a timer of the loop,
/// [`spawn`](crate::spawn()) starts another task in it. A task has no state of its own and is
/// polled without the loop's, which it reaches through
/// [`with_state`](LocalHandle::with_state).
///
/// # In a callback
///
/// A callback is no task: create an `Async` in the task that awaits it. A
/// [`block_on`](crate::block_on()) in a callback or a task has a reactor of its own and works, but
/// the loop stands still until it returns.
///
/// # One turn
///
/// The loop polls each task that was woken once per turn, after the events of sources and what
/// was posted, and lets each do 32 [operations](crate::Executor#fairness). A task that wakes
/// itself is polled again in the next turn, after timers and events. Timers of tasks and callbacks
/// run in the order of their deadlines: tasks that were woken by an earlier timer are polled
/// before a later callback.
///
/// # Panics in tasks
///
/// Like in an [`Executor`](crate::Executor): the [`JoinHandle`] returns them. A panic in a waker
/// that a task calls goes through [`turn`](waitset::EventLoop::turn) like one in a callback.
///
/// # Dropping the loop
///
/// This drops its tasks, and their handles return [`JoinError`](crate::JoinError). Wakers and
/// sources that are left do nothing, or return errors.
///
/// # After a fork
///
/// In the child, the loop can be dropped with all that it has, and
/// [`turn`](waitset::EventLoop::turn) returns an error, as
/// [an executor does](crate::Executor#after-a-fork).
pub trait Spawn<F> {
    /// What [`spawn`](Self::spawn) returns.
    type Spawned;

    /// Starts a task that runs `future` in the loop.
    fn spawn(&self, future: F) -> Self::Spawned;
}

impl<State, F> Spawn<F> for LocalHandle<State>
where
    State: 'static,
    F: Future + 'static,
{
    type Spawned = JoinHandle<F::Output>;

    /// Starts a task, also from within a callback or a task. If the loop has been dropped, so is
    /// the future, and the handle says that the task was cancelled.
    fn spawn(&self, future: F) -> JoinHandle<F::Output> {
        JoinHandle::spawn(&context_of(self), future)
    }
}

impl<State, F> Spawn<F> for Remote<State>
where
    State: 'static,
    F: Future<Output = ()> + Send + 'static,
{
    type Spawned = Result<(), LoopClosed>;

    /// Has the loop start a task, from any thread. For a future that is not `Send`, post a closure
    /// that creates it: `remote.post(|_, handle| drop(handle.spawn(…)))`.
    fn spawn(&self, future: F) -> Result<(), LoopClosed> {
        self.post(|_, handle| drop(handle.spawn(future)))
    }
}

/// The context of a loop's tasks, which the first of them makes.
fn context_of<State: 'static>(local: &LocalHandle<State>) -> Rc<Context> {
    let present = local.guest().map(|guest| guest.into_any().downcast());
    if let Some(Ok(context)) = present {
        return context;
    }
    let context = Context::new(local.clone());
    local.set_guest(Rc::clone(&context) as _);
    context
}
