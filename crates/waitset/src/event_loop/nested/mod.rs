//! A loop as a source of another one.

mod sys;

use std::fmt;
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use waitset_core::{Reactor, WaitHint};

use self::sys::Lent;
use super::core::{Core, Handle};
use super::remote::LoopClosed;
use super::turn::EventLoop;
use crate::DefaultReactor;

/// The maximum number of turns per call, so that the outer loop's other sources are not starved.
const MOST_TURNS: usize = 16;

/// An [`EventLoop`] inside of another event loop: a source that is readable when the loop has
/// something to do.
///
/// The other loop can be another `EventLoop`, tokio, glib, calloop, or anything else that watches
/// descriptors. It watches this one for readability and calls [`turn`](Self::turn) when it is
/// readable. Timers, [deferred calls](crate::LocalHandle::defer), closures
/// [posted](crate::Remote) by other threads, messages and tasks make the descriptor readable like
/// sources do, and so does any change through a [`LocalHandle`](crate::LocalHandle) that the loop
/// must know about, such as a new timer.
///
/// ```
/// use std::time::Duration;
/// use waitset::{EventLoop, Interest, Mode};
///
/// # if cfg!(not(any(target_os = "linux", target_os = "android"))) { return Ok(()) }
/// let mut inner = EventLoop::new()?.into_nested()?;
/// let inner_handle = inner.handle().local();
/// let mut outer = EventLoop::new()?;
/// outer.handle().insert_mut(
///     inner,
///     Interest::READABLE,
///     Mode::Level,
///     |fired: &mut bool, inner, _, handle| {
///         inner.turn(fired).expect("epoll can be waited for");
///         if *fired {
///             handle.stop();
///         }
///     },
/// )?;
/// inner_handle.arm_after(Duration::from_millis(1), |fired, _, _| *fired = true);
/// let mut fired = false;
/// outer.run(&mut fired)?;
/// assert!(fired);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// In tokio, a task with an `AsyncFd<NestedLoop<State>>` does the same, as
/// `checks/examples/nested` in waitset's repository shows:
///
/// ```text
/// loop {
///     let mut guard = nested.readable_mut().await?;
///     guard.get_inner_mut().turn(&mut state)?;
///     guard.clear_ready();
/// }
/// ```
///
/// # Edge-triggered outer loops
///
/// They work, too: when `turn` returns, either the descriptor is not readable, or it will become
/// readable once more, because work is left.
///
/// # Platform notes
///
/// Linux and Android, over epoll and io_uring. The descriptor is that of an epoll instance, which
/// watches the loop's mechanism and a timerfd: two more descriptors per nested loop. Linux allows
/// five epoll instances inside each other (epoll_ctl(2), `ELOOP`), and a nested loop over epoll is
/// two of them. So it can nest another one, and not more if the outermost loop uses epoll, too.
///
/// A call of `turn` makes the system calls of its turns, and after each turn one `poll`, one or two
/// `epoll_ctl` and one `timerfd_settime`; over io_uring also one `read` and one `io_uring_enter`.
pub struct NestedLoop<State, R: Reactor + 'static = DefaultReactor> {
    event_loop: EventLoop<State, R>,
    lent: Lent,
}

impl<State, R: Reactor + 'static> EventLoop<State, R> {
    /// Turns this loop into a source of another one. See [`NestedLoop`].
    ///
    /// The descriptor is readable at first, so that the outer loop runs what there is to do.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the mechanism has no descriptor to wait for: [`Reactor::lend`] says which
    /// does. `EMFILE` if descriptors have run out. The loop is dropped in that case, so that it is
    /// best nested before anything is inserted.
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use waitset::{EventLoop, PollReactor};
    ///
    /// let event_loop: EventLoop<(), _> = EventLoop::with_reactor(PollReactor::new()?);
    /// let error = event_loop.into_nested().expect_err("poll(2) has no descriptor");
    /// assert_eq!(error.kind(), ErrorKind::Unsupported);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_nested(mut self) -> io::Result<NestedLoop<State, R>> {
        let lend = |reactor: &mut dyn Reactor| {
            let fd = reactor.lend()?;
            let lent = Lent::new()?;
            lent.watch(fd)?;
            Ok(lent)
        };
        let lent: io::Result<Lent> = self
            .handle()
            .local
            .0
            .with_reactor(lend)
            .ok_or(LoopClosed(()))?;
        let lent = lent?;
        lent.ring();
        Ok(NestedLoop {
            event_loop: self,
            lent,
        })
    }
}

impl<State, R: Reactor + 'static> NestedLoop<State, R> {
    /// Returns the handle that changes the loop from outside of its callbacks.
    ///
    /// What it does makes the descriptor readable, so that the outer loop calls
    /// [`turn`](Self::turn). [`LocalHandle::stop`](crate::LocalHandle::stop) has no effect, since
    /// the outer loop decides how long to run.
    pub fn handle(&mut self) -> Handle<'_, State> {
        self.event_loop.handle()
    }

    /// Runs what is ready and due without blocking, in up to 16 turns. Returns how many callbacks
    /// ran, hooks aside.
    ///
    /// If there is still something to do after that, the descriptor becomes readable again.
    ///
    /// # Errors
    ///
    /// As [`EventLoop::turn`]. The descriptor becomes readable again, also if a callback panics.
    pub fn turn(&mut self, state: &mut State) -> io::Result<usize> {
        let unfinished = Unfinished(&self.lent);
        let mut ran = 0;
        for _ in 0..MOST_TURNS {
            self.event_loop.handle().local.0.begin_nested_turn();
            ran += self.event_loop.turn(state, Some(Duration::ZERO))?;
            if self.event_loop.handle().local.0.rest(&self.lent)? {
                mem::forget(unfinished);
                break;
            }
        }
        Ok(ran)
    }

    /// Returns the loop, which is then its own again.
    #[must_use]
    pub fn into_event_loop(mut self) -> EventLoop<State, R> {
        self.event_loop.handle().local.0.is_resting.set(false);
        self.event_loop
    }
}

/// Makes the descriptor readable when it is dropped, since the loop has not come to rest: work is
/// left, a call has failed, or a callback has panicked.
struct Unfinished<'a>(&'a Lent);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.0.ring();
    }
}

impl<State> Core<State> {
    fn begin_nested_turn(&self) {
        self.is_resting.set(false);
        // A turn that does not wait is not a spin: the outer loop waits.
        self.with_reactor(|reactor| reactor.hint(WaitHint::Work));
    }

    /// Prepares for the outer loop's wait as a turn does for its own. Returns `false` if there is
    /// something to do first.
    fn rest(&self, lent: &Lent) -> io::Result<bool> {
        if self.has_work()? {
            return Ok(false);
        }
        let lend = |reactor: &mut dyn Reactor| lent.watch(reactor.lend()?);
        self.with_reactor(lend).ok_or(LoopClosed(()))??;
        let deadline = self.schedule.borrow().timers.next_deadline();
        lent.arm(deadline.map(|deadline| self.clock.until(deadline)))?;
        self.is_resting.set(true);
        // What became ready by now may have been noticed by an outer loop before, which reports it
        // only once in edge-triggered mode.
        Ok(!lent.is_readable())
    }

    /// Whether there is something to do that no descriptor shows. From now on, whoever wakes a task
    /// wakes the loop.
    fn has_work(&self) -> io::Result<bool> {
        let guest = self.guest.borrow().clone();
        let is_ready = match guest {
            Some(guest) => guest.begin_wait()?,
            None => false,
        };
        let is_due = !self.schedule.borrow().due.is_empty();
        let is_deferred = !self.deferred.borrow().is_empty();
        Ok(is_ready || is_due || is_deferred || self.inbox.has_work())
    }
}

impl<State, R: Reactor + 'static> AsFd for NestedLoop<State, R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.lent.as_fd()
    }
}

impl<State, R: Reactor + 'static> AsRawFd for NestedLoop<State, R> {
    fn as_raw_fd(&self) -> RawFd {
        self.lent.as_fd().as_raw_fd()
    }
}

impl<State, R: Reactor + 'static> fmt::Debug for NestedLoop<State, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NestedLoop")
            .field("event_loop", &self.event_loop)
            .field("lent", &self.lent)
            .finish()
    }
}
