use std::fmt;
use std::io;
use std::mem;
use std::ops::Deref;
use std::rc::Rc;
use std::time::Duration;

use waitset_core::{Events, Reactor, ReactorWaker, WaitHint};

use super::core::{Core, Dispatch, Handle, LocalHandle, nobody};
use super::dispatch::Applying;
use super::driver::{Driver, Turned};
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
/// let handle = event_loop.handle();
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
///    messages of channels, then tasks, if waitset-async runs futures in the loop.
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
    driver: Rc<Driver<dyn Dispatch<State>, R>>,
    owned: Owned<State>,
    batch: Events,
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
        DefaultReactor::new().map(Self::with_reactor)
    }
}

impl<State, R: Reactor + 'static> EventLoop<State, R> {
    /// A loop over `reactor`, with room for 256 events a wait.
    ///
    /// ```
    /// use waitset::{Backend, EventLoop, Reactor};
    ///
    /// let reactor = Backend::Poll.open()?;
    /// let event_loop: EventLoop<(), Box<dyn Reactor + Send>> = EventLoop::with_reactor(reactor);
    /// assert_eq!(event_loop.reactor().name(), "poll");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn with_reactor(reactor: R) -> Self {
        Self::with_batch(reactor, BATCH)
    }

    /// A loop over `reactor`, with room for `capacity` events per wait, at least one.
    ///
    /// The room is chosen here and stays: a loop in use may hold events whose callbacks have
    /// not run.
    ///
    /// ```
    /// use waitset::{EventLoop, PollReactor};
    ///
    /// let event_loop: EventLoop<(), PollReactor> = EventLoop::with_batch(PollReactor::new()?, 16);
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
        let driver = Rc::new(Driver::new(reactor, nobody));
        let core = Core::new(driver.clone());
        Self {
            driver,
            owned: Owned(LocalHandle(Rc::new(core))),
            batch: Events::with_capacity(capacity.max(1)),
        }
    }

    /// What changes the loop from outside of its callbacks.
    pub fn handle(&mut self) -> Handle<'_, State> {
        self.owned.0.as_handle()
    }

    /// What only ends the loop's current or next wait, from any thread, as
    /// [`LocalHandle::waker`].
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
    pub fn waker(&self) -> ReactorWaker {
        self.owned.0.waker()
    }

    /// Returns the reactor: its name, capabilities and counts, and what else it has.
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
    pub fn reactor(&self) -> impl Deref<Target = R> + '_ {
        self.driver.lend()
    }

    /// Turns until a callback calls [`LocalHandle::stop`], whose turn is brought to its end.
    ///
    /// Hooks run before the first wait too.
    ///
    /// # Errors
    ///
    /// As [`turn`](Self::turn); the loop can be run again.
    pub fn run(&mut self, state: &mut State) -> io::Result<()> {
        self.owned.0.run_hooks(state);
        while !self.owned.0.0.is_stopped.take() {
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
        if !self.driver.has_only_events() {
            return self.turn_with_more(state, timeout);
        }
        let local = &self.owned.0;
        let applying = Applying(local);
        let turned = self
            .driver
            .turn(&mut self.batch, timeout, |callback, event| {
                callback.run(event, state, local);
            });
        mem::forget(applying);
        match turned {
            Turned::Done => Ok(self.batch.len()),
            Turned::Waited(waited) => self.end_of_wait(state, waited),
            Turned::Interrupted(left) => self.end_of_turn(state, left),
        }
    }

    /// The rest of a turn whose batch was interrupted.
    #[inline(never)]
    fn end_of_turn(&mut self, state: &mut State, left: usize) -> io::Result<usize> {
        Ok(self.rest_of_turn(state, left, 0))
    }

    /// The rest of a turn whose wait failed or was woken.
    #[cold]
    fn end_of_wait(&mut self, state: &mut State, waited: io::Result<()>) -> io::Result<usize> {
        self.owned.0.0.note_wake();
        waited?;
        self.end_of_turn(state, self.batch.len())
    }

    /// A turn with more to do than events.
    #[inline(never)]
    fn turn_with_more(
        &mut self,
        state: &mut State,
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        let has_more = self.owned.0.0.has_more();
        self.wait_for_more(timeout)?;
        let left = self.batch.len();
        self.driver.set_unfinished(Some(left));
        // 1. Timers that are due.
        let fired = match has_more {
            true => self.owned.0.run_due_timers(state),
            false => 0,
        };
        Ok(self.rest_of_turn(state, left, fired))
    }

    /// What a turn does when `ran` callbacks have run and `left` events of the batch have not
    /// been dispatched.
    #[inline(always)]
    fn rest_of_turn(&mut self, state: &mut State, left: usize, mut ran: usize) -> usize {
        let local = &self.owned.0;
        let core = &*local.0;
        self.driver.set_unfinished(Some(left));
        core.apply();
        // 2. Events.
        if left > 0 {
            let done = self.batch.len() - left;
            let unheard = core.unheard.get();
            local.dispatch_all(state, &self.batch.as_slice()[done..]);
            ran += self.batch.len() - (core.unheard.get() - unheard);
            self.driver.set_unfinished(Some(0));
        } else {
            ran += self.batch.len();
        }
        if core.has_more() {
            // 3. Deferred calls, posted closures, messages and tasks.
            ran += local.run_deferred(state);
            // 4. Before-sleep hooks.
            local.run_hooks(state);
        }
        self.driver.set_unfinished(None);
        if !core.has_more() {
            core.pay_attention();
        }
        ran
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let waited = self.driver.wait(&mut self.batch, timeout);
        if waited.is_err() || self.batch.was_woken() {
            self.owned.0.0.note_wake();
        }
        waited
    }

    /// Waits where there may be more to do than events.
    fn wait_for_more(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        if self.driver.is_closed() {
            return Err(inherited());
        }
        match self.driver.unfinished() {
            None => self.wait_shortened(timeout, false),
            // Hooks have not flushed what the turn gathered: no time to sleep. The look lets
            // sources have their turn beside a callback that always panics.
            Some(0) => self.wait_shortened(timeout, true),
            // The rest of the batch would be lost under edge and one-shot.
            Some(rest) => {
                let done = self.batch.len() - rest;
                self.batch.buffer_mut().copy_within(done.., 0);
                self.batch.replace(rest);
                Ok(())
            }
        }
    }

    fn wait_shortened(&mut self, timeout: Option<Duration>, is_hasty: bool) -> io::Result<()> {
        let guest = self.owned.0.guest();
        let is_ready = match &guest {
            Some(guest) => guest.begin_wait()?,
            None => false,
        };
        let mut timeout = self.owned.0.0.shortened(timeout, guest.is_some(), is_ready);
        if is_hasty {
            timeout = Some(Duration::ZERO);
        }
        let answer = self.wait(timeout);
        if let Some(guest) = guest {
            guest.end_wait();
        }
        answer
    }
}

impl<State> Core<State> {
    /// A wait was woken, or failed, which may have taken a wake with it.
    fn note_wake(&self) {
        self.set_has_more(true);
        self.inbox.note_mail();
    }

    /// How long to wait for at most, so that nothing waits that is due. No clock is read
    /// unless a timer is armed.
    fn shortened(
        &self,
        timeout: Option<Duration>,
        has_guest: bool,
        is_ready: bool,
    ) -> Option<Duration> {
        let schedule = self.schedule.borrow();
        let is_deferred = !self.deferred.borrow().is_empty();
        if is_ready || self.inbox.has_work() || is_deferred || !schedule.due.is_empty() {
            self.with_reactor(|reactor| reactor.hint(WaitHint::Work));
            return Some(Duration::ZERO);
        }
        let deadline = schedule.timers.next_deadline();
        let has_hooks = !self.hooks.borrow().is_empty();
        self.set_has_more(deadline.is_some() || has_hooks || has_guest);
        let Some(deadline) = deadline else {
            return timeout;
        };
        if timeout == Some(Duration::ZERO) {
            return timeout; // It cannot be shortened, whatever the clock says.
        }
        let left = self.clock.until(deadline);
        if let Some(timeout) = timeout.filter(|timeout| *timeout < left) {
            return Some(timeout);
        }
        if let Some((key, is_zero)) = schedule.timers.next() {
            let token = key.token();
            self.with_reactor(|reactor| reactor.hint(WaitHint::Timer { token, is_zero }));
        }
        Some(left)
    }
}

#[cold]
fn inherited() -> io::Error {
    io::Error::other(
        "this event loop belongs to the process that this one was forked from; make a new one \
         in the child",
    )
}

/// The loop's own handle. Dropping it closes the loop, whatever handles are left.
struct Owned<State>(LocalHandle<State>);

impl<State> Drop for Owned<State> {
    fn drop(&mut self) {
        self.0.0.close();
    }
}

impl<State, R: Reactor> fmt::Debug for EventLoop<State, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unfinished = self.driver.unfinished().unwrap_or(0);
        let core = &*self.owned.0.0;
        let mut described = core.describe("EventLoop", f);
        described.field("unfinished_events", &unfinished).finish()
    }
}
