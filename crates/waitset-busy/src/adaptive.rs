use std::hint;
use std::io;
use std::time::{Duration, Instant};

use waitset_core::{
    BorrowedSource, Capabilities, Deadline, Events, Interest, Mode, Reactor, ReactorWaker, Stats,
    Token,
};

use crate::budget::Budget;

/// A reactor that spins another one for as long as that has paid lately, then sleeps in it.
///
/// If events arrive within tens of microseconds and there is a spare CPU, it saves the cost of a
/// sleep and a wakeup. If they do not, it soon stops spinning. See [`Budget`] for the rule.
///
/// ```
/// use std::time::Duration;
/// use waitset_busy::{Adaptive, Budget};
/// use waitset_core::{Events, Reactor};
/// use waitset_poll::PollReactor;
///
/// let budget = Budget::new(Duration::from_micros(20));
/// let mut adaptive = Adaptive::new(PollReactor::new()?).with_budget(budget);
/// adaptive.waker().wake();
/// adaptive.wait(&mut Events::with_capacity(8), None)?;
/// assert_eq!(adaptive.budget().limit(), Duration::from_micros(20));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Adaptive<R> {
    inner: R,
    budget: Budget,
    stats: Stats,
}

impl<R: Reactor> Adaptive<R> {
    /// Creates a reactor that spins `inner` within the default [`Budget`].
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            budget: Budget::default(),
            stats: Stats::default(),
        }
    }

    /// Returns the reactor with another budget.
    #[must_use]
    pub fn with_budget(self, budget: Budget) -> Self {
        Self { budget, ..self }
    }

    /// Returns the current budget.
    pub fn budget(&self) -> Budget {
        self.budget
    }

    /// Returns the inner reactor.
    pub fn get_ref(&self) -> &R {
        &self.inner
    }

    /// Polls until something is found or `longest` has passed. Returns `true` if something was found.
    fn spin(&mut self, events: &mut Events, longest: Duration) -> io::Result<bool> {
        let start = Instant::now();
        while start.elapsed() < longest {
            let count = self.inner.wait(events, Some(Duration::ZERO))?;
            if count > 0 || events.was_woken() {
                return Ok(true);
            }
            hint::spin_loop();
        }
        Ok(false)
    }

    fn spin_then_sleep(
        &mut self,
        events: &mut Events,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        let start = Instant::now();
        let deadline = Deadline::after(timeout);
        let longest = timeout.map_or(self.budget.current(), |timeout| {
            timeout.min(self.budget.current())
        });
        if !longest.is_zero() && self.spin(events, longest)? {
            return Ok(());
        }
        let left = deadline.remaining();
        self.inner.wait(events, left)?;
        if left != Some(Duration::ZERO) {
            self.budget.slept(start.elapsed());
        }
        Ok(())
    }
}

impl<R: Reactor> Reactor for Adaptive<R> {
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
        if timeout == Some(Duration::ZERO) {
            self.inner.wait(events, timeout)?;
        } else {
            self.spin_then_sleep(events, timeout)?;
        }
        self.stats.count_wait(events.len());
        Ok(events.len())
    }

    fn waker(&self) -> ReactorWaker {
        self.inner.waker()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
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
        "adaptive"
    }

    fn lend(&mut self) -> io::Result<BorrowedSource<'_>> {
        self.inner.lend()
    }
}
