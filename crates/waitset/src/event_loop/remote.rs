use std::error::Error;
use std::fmt;
use std::io;

use waitset_core::ReactorWaker;

use super::core::{Handle, LocalHandle, Posted};
use super::shared::mpsc;

/// Reaches an [`EventLoop`](crate::EventLoop) from other threads.
///
/// A remote is `Send` and `Clone` whatever the state is: a closure is sent to the state, not the
/// state to a thread.
///
/// ```
/// use std::thread;
/// use waitset::EventLoop;
///
/// let mut event_loop = EventLoop::new()?;
/// let remote = event_loop.handle().remote();
/// let thread = thread::spawn(move || {
///     remote.post(|sum, handle| {
///         *sum += 7;
///         handle.stop();
///     })
/// });
/// let mut sum = 0;
/// event_loop.run(&mut sum)?;
/// assert_eq!(sum, 7);
/// thread.join().expect("it does not panic")?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Remote<State> {
    post: mpsc::Sender<Posted<State>>,
    waker: ReactorWaker,
}

impl<State> LocalHandle<State> {
    /// Returns a handle for other threads, which can post closures with it.
    #[must_use]
    pub fn remote(&self) -> Remote<State> {
        let (post, waker) = self.0.inbox.poster();
        Remote { post, waker }
    }
}

impl<State> Remote<State> {
    /// Has the loop run `call` in its thread. Closures of one thread run in the order in which
    /// they were posted, at most 256 per turn.
    ///
    /// # Errors
    ///
    /// [`LoopClosed`] if the loop has been dropped; the closure is dropped, too. One that
    /// was posted before the loop is dropped may be dropped with it.
    ///
    /// # Platform notes
    ///
    /// Like [`ReactorWaker::wake`]: at most one system call, and none if a wake is pending.
    pub fn post<F>(&self, call: F) -> Result<(), LoopClosed>
    where
        F: FnOnce(&mut State, &mut Handle<'_, State>) + Send + 'static,
    {
        // Publish, then wake: in the other order the loop could look, find nothing and
        // sleep with the closure in its queue.
        self.post.send(Box::new(call)).map_err(|_| LoopClosed(()))?;
        self.waker.wake();
        Ok(())
    }

    /// Ends the loop's current or next wait. Does nothing if the loop has been dropped.
    pub fn wake(&self) {
        self.waker.wake();
    }
}

impl<State> Clone for Remote<State> {
    fn clone(&self) -> Self {
        Self {
            post: self.post.clone(),
            waker: self.waker.clone(),
        }
    }
}

impl<State> fmt::Debug for Remote<State> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("waker", &self.waker)
            .finish_non_exhaustive()
    }
}

/// The error of an operation on a loop that has been dropped.
///
/// `?` turns it into an [`io::Error`] of the kind `BrokenPipe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopClosed(pub(super) ());

impl fmt::Display for LoopClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the event loop has been dropped")
    }
}

impl Error for LoopClosed {}

impl From<LoopClosed> for io::Error {
    fn from(closed: LoopClosed) -> Self {
        Self::new(io::ErrorKind::BrokenPipe, closed)
    }
}
