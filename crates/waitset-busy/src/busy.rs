use std::hint;
use std::io;
use std::time::Duration;

use waitset_core::{
    BorrowedSource, Capabilities, Deadline, Events, Interest, Mode, Reactor, ReactorWaker, Stats,
    Token, WakeFlag,
};

use crate::silent::Silent;

/// A reactor that spins another one with a zero timeout: the baseline without sleep.
///
/// It notices an event as soon as the mechanism can, and keeps a whole core busy. Its waker sets a
/// flag and makes no system call. A signal does not end its wait, because it is never inside a
/// system call that sleeps.
///
/// ```
/// use std::time::Duration;
/// use waitset_busy::Busy;
/// use waitset_core::{Events, Reactor};
/// use waitset_poll::PollReactor;
///
/// let mut busy = Busy::new(PollReactor::new()?);
/// busy.waker().wake();
/// busy.wait(&mut Events::with_capacity(8), None)?;
/// assert_eq!(busy.stats().wake_calls, 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Busy<R> {
    inner: R,
    wake: WakeFlag<Silent>,
    stats: Stats,
}

impl<R: Reactor> Busy<R> {
    /// Creates a reactor that spins `inner`.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            wake: WakeFlag::new(Silent),
            stats: Stats::default(),
        }
    }

    /// Returns the reactor that is spun.
    pub fn get_ref(&self) -> &R {
        &self.inner
    }
}

impl<R: Reactor> Reactor for Busy<R> {
    #[allow(unsafe_code, reason = "the registration outlives the borrow")]
    unsafe fn register(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { self.inner.register(source, token, interest, mode) }
    }

    fn modify(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        self.inner.modify(source, token, interest, mode)
    }

    fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()> {
        self.inner.deregister(source)
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        let deadline = Deadline::after(timeout);
        loop {
            // Before looking: what is ready when the time is up is still found.
            let is_past = deadline.is_past();
            let count = self.inner.wait(events, Some(Duration::ZERO))?;
            if self.wake.take() {
                events.set_woken();
            }
            if count > 0 || events.was_woken() || is_past {
                self.stats.count_wait(count);
                return Ok(count);
            }
            hint::spin_loop();
        }
    }

    fn waker(&self) -> ReactorWaker {
        self.wake.waker()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            timeout_resolution: Duration::from_nanos(1),
            sleeps: false,
            interrupted_by_stop: false,
            ..self.inner.capabilities()
        }
    }

    /// Returns the inner reactor's counts of system calls and events, and the waits as the caller
    /// sees them.
    fn stats(&self) -> Stats {
        Stats {
            waits: self.stats.waits,
            empty_returns: self.stats.empty_returns,
            ..self.inner.stats()
        }
    }

    fn name(&self) -> &'static str {
        "busy"
    }
}
