use std::fmt;
use std::io;
use std::mem;
use std::time::Duration;

use waitset_core::{Event, Events, Reactor, Waker};

use super::Handle;
use super::inner::Inner;
use crate::DefaultReactor;

/// Owns sources with a callback each, timers and channels, and runs what is due.
///
/// All that can be done to a loop is a method of its [`Handle`]: through
/// [`handle`](Self::handle) from outside, and as an argument in every callback, where
/// everything is allowed.
///
/// ```
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
/// use std::time::Duration;
/// use waitset::{EventLoop, Interest, Mode};
///
/// let (mut near, far) = UnixStream::pair()?;
/// let mut event_loop = EventLoop::new()?;
/// let mut handle = event_loop.handle();
/// handle.insert(
///     far,
///     Interest::READABLE,
///     Mode::Level,
///     |text: &mut String, mut far, _, handle| {
///         let mut bytes = [0; 5];
///         far.read_exact(&mut bytes).expect("five bytes were written");
///         text.push_str(std::str::from_utf8(&bytes).expect("they were ASCII"));
///         handle.stop();
///     },
/// )?;
/// handle.arm_after(Duration::ZERO, move |_, _, _| {
///     near.write_all(b"hello").expect("it is open");
/// });
/// let mut text = String::new();
/// event_loop.run(&mut text)?;
/// assert_eq!(text, "hello");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # One turn
///
/// A turn waits until something is ready or due, and then runs, in this order:
///
/// 1. **Timers** that are due, the earliest first.
/// 2. **Events** of sources, as many as one wait returns.
/// 3. **Deferred calls**, then closures [posted](super::Remote) by other threads and the
///    messages of channels.
/// 4. **Before-sleep hooks**, after which the next turn waits.
///
/// Nobody starves. What a step has to do is fixed when it begins: a timer that is armed
/// with a delay of zero, or a call that is deferred, in the step that runs such things
/// has its turn in the next one, after events. Of posted closures, and of each channel's
/// messages, a turn runs a bounded number. While something is left to do the wait only
/// looks.
///
/// # Removal
///
/// It takes effect at once: a source that was removed never runs again, even if its event
/// has already been fetched, and whoever gets its descriptor's number is told nothing of
/// it. The source is deregistered before `remove` returns. It is dropped then, too, or when
/// the callback of a source, channel or hook that is running has returned.
///
/// # Panics in a callback
///
/// They go through [`turn`](Self::turn) and leave the loop usable: the callback stays
/// where it was, a one-shot timer is gone, and what the turn had still to do, hooks
/// included, is done by the next one, which begins without waiting. The same goes for a
/// source that panics when it is dropped: what its callback had changed beside is done.
///
/// # Platform notes
///
/// A turn makes one system call, its wait, unless wakers or poll's and select's looking
/// first add to it. The clock is read twice a turn if a timer is armed, else never.
///
/// The loop belongs to one thread; other threads have a [`Remote`](super::Remote).
pub struct EventLoop<State, R: Reactor + 'static = DefaultReactor> {
    inner: Inner<State, R>,
    batch: Events,
    /// Of a turn that has not come to its end, since a callback has panicked: how many
    /// events of the batch have not been told.
    unfinished: Option<usize>,
}

/// How many events one wait takes unless told otherwise: more is not faster.
const BATCH: usize = 256;

impl<State> EventLoop<State> {
    /// A loop over the platform's best mechanism.
    ///
    /// # Errors
    ///
    /// As the mechanism's constructor, `EMFILE` above all.
    ///
    /// ```
    /// use waitset::EventLoop;
    ///
    /// let event_loop: EventLoop<()> = EventLoop::new()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> io::Result<Self> {
        DefaultReactor::new().map(Self::over)
    }
}

impl<State, R: Reactor + 'static> EventLoop<State, R> {
    /// A loop over `reactor`, with room for 256 events a wait.
    ///
    /// ```
    /// use waitset::{Backend, EventLoop, Reactor};
    ///
    /// let reactor = Backend::Poll.open()?;
    /// let event_loop: EventLoop<(), Box<dyn Reactor + Send>> = EventLoop::over(reactor);
    /// assert_eq!(event_loop.reactor().name(), "poll");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn over(reactor: R) -> Self {
        Self::with_batch(reactor, BATCH)
    }

    /// A loop over `reactor`, with room for `capacity` events per wait, at least one.
    ///
    /// The room is chosen here and stays: a loop in use may hold events whose callbacks have
    /// not run.
    ///
    /// ```
    /// use waitset::{EventLoop, Poll};
    ///
    /// let event_loop: EventLoop<(), Poll> = EventLoop::with_batch(Poll::new()?, 16);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// ```compile_fail,E0599
    /// use waitset::EventLoop;
    ///
    /// let used: EventLoop<()> = EventLoop::new()?;
    /// let used = used.with_batch(16);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn with_batch(reactor: R, capacity: usize) -> Self {
        Self {
            inner: Inner::new(reactor),
            batch: Events::with_capacity(capacity.max(1)),
            unfinished: None,
        }
    }

    /// What changes the loop from outside of its callbacks.
    pub fn handle(&mut self) -> Handle<'_, State, R> {
        self.inner.handle()
    }

    /// What only ends the loop's current or next wait, from any thread, as
    /// [`Handle::waker`].
    ///
    /// ```
    /// use waitset::EventLoop;
    ///
    /// let mut event_loop: EventLoop<()> = EventLoop::new()?;
    /// event_loop.waker().wake();
    /// assert_eq!(event_loop.turn(&mut (), None)?, 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.reactor().waker()
    }

    /// The reactor: its name, capabilities and counts, as [`Handle::reactor`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use waitset::{EventLoop, Reactor};
    ///
    /// let mut event_loop: EventLoop<()> = EventLoop::new()?;
    /// event_loop.turn(&mut (), Some(Duration::ZERO))?;
    /// assert_eq!(event_loop.reactor().stats().waits, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn reactor(&self) -> &R {
        &self.inner.core.reactor
    }

    /// Turns until a callback calls [`Handle::stop`], whose turn is brought to its end.
    ///
    /// Hooks run before the first wait too.
    ///
    /// # Errors
    ///
    /// As [`turn`](Self::turn); the loop can be run again.
    pub fn run(&mut self, state: &mut State) -> io::Result<()> {
        self.inner.run_hooks(state);
        while !mem::take(&mut self.inner.core.is_stopped) {
            self.turn(state, None)?;
        }
        Ok(())
    }

    /// Waits for at most `timeout`, and for less if a timer is due earlier, then runs
    /// what is ready and due. Returns how many callbacks ran, hooks aside.
    ///
    /// A wake, a signal handler, or a stop of the process (see
    /// [`Capabilities::interrupted_by_stop`](crate::Capabilities::interrupted_by_stop)) can end
    /// the wait with nothing to do, so 0 does not mean that the timeout expired. `None` waits
    /// forever. A timeout of zero is a non-blocking check.
    ///
    /// # Errors
    ///
    /// As [`Reactor::wait`]. No callback has run then, and nothing is lost.
    ///
    /// ```
    /// use std::time::Duration;
    /// use waitset::EventLoop;
    ///
    /// let mut event_loop = EventLoop::new()?;
    /// event_loop.handle().defer(|calls, _| *calls += 1);
    /// let mut calls = 0;
    /// assert_eq!(event_loop.turn(&mut calls, None)?, 1);
    /// assert_eq!(event_loop.turn(&mut calls, Some(Duration::ZERO))?, 0);
    /// assert_eq!(calls, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn turn(&mut self, state: &mut State, timeout: Option<Duration>) -> io::Result<usize> {
        let has_more = self.inner.core.has_more();
        match has_more {
            false => self.inner.core.wait(&mut self.batch, timeout)?,
            true => self.wait_for_more(timeout)?,
        }
        let mut turning = Turning {
            inner: &mut self.inner,
            untold: self.batch.as_slice(),
            unfinished: &mut self.unfinished,
        };
        let (mut ran, unheard) = (self.batch.len(), turning.inner.core.unheard);
        // 1. Timers that are due.
        if has_more {
            ran += turning.inner.run_due_timers(state);
        }
        // 2. Events.
        turning.inner.tell_all(state, &mut turning.untold);
        ran -= turning.inner.core.unheard - unheard;
        if turning.inner.core.has_more() {
            // 3. Deferred calls, posted closures and messages.
            ran += turning.inner.run_deferred(state);
            // 4. Before-sleep hooks.
            turning.inner.run_hooks(state);
        }
        mem::forget(turning);
        Ok(ran)
    }

    /// Waits where there may be more to do than events.
    #[inline(never)]
    fn wait_for_more(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let (core, batch) = (&mut self.inner.core, &mut self.batch);
        match self.unfinished {
            None => {
                let timeout = core.shortened(timeout);
                core.wait(batch, timeout)?;
            }
            // Hooks have not flushed what the turn gathered: no time to sleep. The look lets
            // sources have their turn beside a callback that always panics.
            Some(0) => {
                core.shortened(timeout);
                core.wait(batch, Some(Duration::ZERO))?;
            }
            // The rest of the batch would be lost under edge and one-shot.
            Some(untold) => {
                let told = batch.len() - untold;
                batch.buffer_mut().copy_within(told.., 0);
                batch.replace(untold);
            }
        }
        self.unfinished = None;
        Ok(())
    }
}

/// A turn whose steps are running.
///
/// When a callback panics it notes how far it has come, for the next to go on there; when
/// it comes to its end it is forgotten.
struct Turning<'a, State, R: Reactor + 'static> {
    inner: &'a mut Inner<State, R>,
    /// The events that have not been told.
    untold: &'a [Event],
    unfinished: &'a mut Option<usize>,
}

impl<State, R: Reactor + 'static> Drop for Turning<'_, State, R> {
    fn drop(&mut self) {
        *self.unfinished = Some(self.untold.len());
        self.inner.core.set_has_more();
    }
}

impl<State, R: Reactor> fmt::Debug for EventLoop<State, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner
            .core
            .describe("EventLoop", f)
            .field("untold_events", &self.unfinished.unwrap_or(0))
            .finish()
    }
}
