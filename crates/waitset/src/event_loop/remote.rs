use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::io;

use waitset_core::{Reactor, Waker};

use super::Handle;
use super::inner::Inner;
use super::shared::mpsc;
use crate::Key;

/// How many posted closures one turn runs: enough that a turn costs little beside them.
const POSTED_A_TURN: usize = 256;

type Posted<State, R> = Box<dyn FnOnce(&mut State, &mut Handle<'_, State, R>) + Send>;

/// Reaches an [`EventLoop`](crate::EventLoop) from other threads.
///
/// `Send` and `Clone` whatever the state is: a closure is sent to the state, not the
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
pub struct Remote<State, R> {
    post: mpsc::Sender<Posted<State, R>>,
    waker: Waker,
}

impl<State, R> Remote<State, R> {
    /// Has the loop run `call` in its thread, soon: closures of one thread run in the
    /// order they were posted, a bounded number a turn.
    ///
    /// # Errors
    ///
    /// [`LoopGone`] if the loop has been dropped; the closure is dropped too. One that
    /// was posted before the loop is dropped may be dropped with it.
    ///
    /// # Platform notes
    ///
    /// As [`Waker::wake`]: at most one system call, and none if a wake is pending.
    pub fn post<F>(&self, call: F) -> Result<(), LoopGone>
    where
        F: FnOnce(&mut State, &mut Handle<'_, State, R>) + Send + 'static,
    {
        // Publish, then wake: in the other order the loop could look, find nothing and
        // sleep with the closure in its queue.
        self.post.send(Box::new(call)).map_err(|_| LoopGone(()))?;
        self.waker.wake();
        Ok(())
    }

    /// Ends the loop's current or next wait. Does nothing if the loop is gone.
    pub fn wake(&self) {
        self.waker.wake();
    }
}

impl<State, R> Clone for Remote<State, R> {
    fn clone(&self) -> Self {
        Self {
            post: self.post.clone(),
            waker: self.waker.clone(),
        }
    }
}

impl<State, R> fmt::Debug for Remote<State, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("waker", &self.waker)
            .finish_non_exhaustive()
    }
}

/// The loop that a [`Remote`] belongs to has been dropped.
///
/// `?` turns it into an [`io::Error`] of the kind `BrokenPipe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopGone(());

impl fmt::Display for LoopGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the event loop has been dropped")
    }
}

impl Error for LoopGone {}

impl From<LoopGone> for io::Error {
    fn from(gone: LoopGone) -> Self {
        Self::new(io::ErrorKind::BrokenPipe, gone)
    }
}

/// The loop's end of its remotes and of its channels' bells.
///
/// A thread publishes in a queue and then wakes; the loop looks into the queues after a
/// wait that was woken. No wake is lost: `tests/loop_model.rs` has every interleaving of
/// "publish, then wake" with a loop that is about to sleep.
pub(super) struct Inbox<State, R> {
    posted: mpsc::Receiver<Posted<State, R>>,
    post: mpsc::Sender<Posted<State, R>>,
    /// Channels that were sent to and are not in `scheduled` yet.
    rung: mpsc::Receiver<Key>,
    ring: mpsc::Sender<Key>,
    waker: Waker,
    /// Channels to be looked into.
    scheduled: VecDeque<Key>,
    /// How many messages the channel that was looked into last has run.
    pub(super) messages: usize,
    /// Whether the queues may hold something. Set by a wake and cleared only when they
    /// were found empty after it, so that what a panic or the bound leaves is not
    /// forgotten.
    pub(super) has_mail: bool,
}

impl<State, R> Inbox<State, R> {
    pub(super) fn new(waker: Waker) -> Self {
        let (post, posted) = mpsc::channel();
        let (ring, rung) = mpsc::channel();
        Self {
            posted,
            post,
            rung,
            ring,
            waker,
            scheduled: VecDeque::new(),
            messages: 0,
            has_mail: false,
        }
    }

    pub(super) fn remote(&self) -> Remote<State, R> {
        Remote {
            post: self.post.clone(),
            waker: self.waker.clone(),
        }
    }

    /// What a channel's senders ring with.
    pub(super) fn ringer(&self) -> (mpsc::Sender<Key>, Waker) {
        (self.ring.clone(), self.waker.clone())
    }

    fn fetch_scheduled(&mut self) {
        while let Ok(channel) = self.rung.try_recv() {
            self.scheduled.push_back(channel);
        }
    }

    pub(super) fn schedule(&mut self, channel: Key) {
        self.scheduled.push_back(channel);
    }

    #[inline]
    pub(super) fn has_work(&self) -> bool {
        self.has_mail || !self.scheduled.is_empty()
    }
}

impl<State, R: Reactor + 'static> Inner<State, R> {
    /// Runs a bounded number of posted closures, and lets each channel that has messages
    /// as it begins run a bounded number of them.
    pub(super) fn run_inbox(&mut self, state: &mut State) -> usize {
        let mut ran = 0;
        if self.core.beside().inbox.has_mail {
            self.core.beside_mut().inbox.fetch_scheduled();
            ran += self.run_posted(state);
        }
        for _ in 0..self.core.beside().inbox.scheduled.len() {
            let inbox = &mut self.core.beside_mut().inbox;
            let Some(channel) = inbox.scheduled.pop_front() else {
                break;
            };
            inbox.messages = 0;
            self.tell(state, channel);
            ran += self.core.beside().inbox.messages;
        }
        ran
    }

    fn run_posted(&mut self, state: &mut State) -> usize {
        for ran in 0..POSTED_A_TURN {
            let inbox = &mut self.core.beside_mut().inbox;
            let Ok(call) = inbox.posted.try_recv() else {
                inbox.has_mail = false;
                return ran;
            };
            call(state, &mut self.handle());
        }
        POSTED_A_TURN
    }
}
