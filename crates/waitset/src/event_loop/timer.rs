use std::cell::RefCell;
use std::num::NonZeroU64;
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset_core::{Reactor, Token};

use super::Handle;
use super::core::Beside;
use super::inner::Inner;
use super::timers::{INSTANT, Nanos};
use crate::Key;

/// The callback of a timer. Counted, so that it can cancel its own timer.
pub(super) type OnTick<State, R> =
    Rc<RefCell<dyn FnMut(&mut State, Tick, &mut Handle<'_, State, R>)>>;

/// The handle of a timer. It never refers to a timer that was armed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerKey(Key);

impl TimerKey {
    /// The number that a reactor is told for the timer, see
    /// [`SpinDetector`](crate::spin::SpinDetector).
    #[must_use]
    pub fn token(self) -> Token {
        self.0.token()
    }
}

/// What a timer's callback is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tick {
    /// The timer, for [`Handle::reset_after`] and [`Handle::cancel`].
    pub timer: TimerKey,
    /// When it was due. The callback never runs earlier.
    pub due: Instant,
    /// How many further ticks of a repeating timer were due by then and are made up for
    /// by this one. 0 for a one-shot timer.
    pub missed: u64,
}

impl<State, R: Reactor + 'static> Handle<'_, State, R> {
    /// Runs `callback` once, not before `deadline`.
    ///
    /// A deadline that is over fires in the next turn. The timer is gone when its callback
    /// returns, unless that has reset it.
    ///
    /// ```
    /// use std::time::Instant;
    /// use waitset::EventLoop;
    ///
    /// let mut event_loop = EventLoop::new()?;
    /// event_loop.handle().arm_at(Instant::now(), |fired, tick, handle| {
    ///     *fired = tick.due <= Instant::now();
    ///     handle.stop();
    /// });
    /// let mut fired = false;
    /// event_loop.run(&mut fired)?;
    /// assert!(fired);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn arm_at<F>(&mut self, deadline: Instant, callback: F) -> TimerKey
    where
        F: FnMut(&mut State, Tick, &mut Handle<'_, State, R>) + 'static,
    {
        let deadline = self.core.beside().clock.nanos(deadline);
        let timer = self.arm(deadline, None, callback);
        self.mark_as_zero(timer, self.core.beside().is_over(deadline));
        timer
    }

    /// Runs `callback` once, not before `delay` is over.
    ///
    /// A delay beyond the clock's range, such as `Duration::MAX`, never is; the timer
    /// can be reset and cancelled as any other. A delay of zero fires in the next turn,
    /// after which events have their turn, also if the callback resets the timer to zero
    /// again.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use waitset::EventLoop;
    ///
    /// let mut event_loop = EventLoop::new()?;
    /// let delay = Duration::from_millis(2);
    /// event_loop.handle().arm_after(delay, |_, _, handle| handle.stop());
    /// let start = Instant::now();
    /// event_loop.run(&mut ())?;
    /// assert!(start.elapsed() >= delay);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn arm_after<F>(&mut self, delay: Duration, callback: F) -> TimerKey
    where
        F: FnMut(&mut State, Tick, &mut Handle<'_, State, R>) + 'static,
    {
        let deadline = self.core.beside().clock.after(delay);
        let timer = self.arm(deadline, None, callback);
        self.mark_as_zero(timer, delay < Duration::from_nanos(INSTANT));
        timer
    }

    /// Runs `callback` every `period`, first when one is over, until it is cancelled.
    ///
    /// Ticks are due at whole periods from now, however late one of them runs. Those that
    /// were missed by then are not made up for one by one: [`Tick::missed`] counts them.
    /// A period of zero counts as a nanosecond.
    ///
    /// ```
    /// use std::time::Duration;
    /// use waitset::EventLoop;
    ///
    /// let mut event_loop = EventLoop::new()?;
    /// let period = Duration::from_millis(1);
    /// event_loop.handle().arm_every(period, |ticks, tick, handle| {
    ///     *ticks += 1 + tick.missed;
    ///     if *ticks >= 3 {
    ///         handle.cancel(tick.timer);
    ///         handle.stop();
    ///     }
    /// });
    /// let mut ticks = 0;
    /// event_loop.run(&mut ticks)?;
    /// assert!(ticks >= 3);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn arm_every<F>(&mut self, period: Duration, callback: F) -> TimerKey
    where
        F: FnMut(&mut State, Tick, &mut Handle<'_, State, R>) + 'static,
    {
        let deadline = self.core.beside().clock.after(period);
        let nanos = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
        let period = NonZeroU64::new(nanos).unwrap_or(NonZeroU64::MIN);
        self.arm(deadline, Some(period), callback)
    }

    fn arm<F>(&mut self, deadline: Nanos, period: Option<NonZeroU64>, callback: F) -> TimerKey
    where
        F: FnMut(&mut State, Tick, &mut Handle<'_, State, R>) + 'static,
    {
        let callback = Rc::new(RefCell::new(callback));
        TimerKey(
            self.core
                .beside_mut()
                .timers
                .arm(deadline, period, callback),
        )
    }

    /// For [`SpinDetector`](crate::spin::SpinDetector).
    fn mark_as_zero(&mut self, timer: TimerKey, is_zero: bool) {
        if is_zero {
            self.core.beside_mut().timers.mark_as_zero(timer.0);
        }
    }

    /// Gives a timer another deadline; false if it is gone.
    ///
    /// A repeating timer ticks at whole periods from that deadline on.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use waitset::EventLoop;
    ///
    /// let mut event_loop = EventLoop::new()?;
    /// let mut handle = event_loop.handle();
    /// let timer = handle.arm_after(Duration::MAX, |_, _, handle| handle.stop());
    /// assert!(handle.reset_at(timer, Instant::now()));
    /// event_loop.run(&mut ())?;
    /// assert!(!event_loop.handle().reset_at(timer, Instant::now()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn reset_at(&mut self, timer: TimerKey, deadline: Instant) -> bool {
        let deadline = self.core.beside().clock.nanos(deadline);
        let is_armed = self.core.beside_mut().timers.reset(timer.0, deadline);
        self.mark_as_zero(timer, self.core.beside().is_over(deadline));
        is_armed
    }

    /// Gives a timer the deadline `delay` from now; false if it is gone.
    ///
    /// What a connection's idle timeout does at every byte: O(log n), no allocation.
    /// Rule of thumb: arming, resetting and cancelling cost 0.1 to 0.4 of what they cost
    /// in an ordered map, and firing 4 to 9 times as much, with a thousand to a million
    /// live timers (`benches/README.md`, Timers).
    ///
    /// ```
    /// use std::time::Duration;
    /// use waitset::EventLoop;
    ///
    /// let mut event_loop = EventLoop::new()?;
    /// // A one-shot timer that arms itself again, twice.
    /// event_loop.handle().arm_after(Duration::ZERO, |ticks, tick, handle| {
    ///     *ticks += 1;
    ///     match *ticks {
    ///         3 => handle.stop(),
    ///         _ => assert!(handle.reset_after(tick.timer, Duration::ZERO)),
    ///     }
    /// });
    /// let mut ticks = 0;
    /// event_loop.run(&mut ticks)?;
    /// assert_eq!(ticks, 3);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn reset_after(&mut self, timer: TimerKey, delay: Duration) -> bool {
        let deadline = self.core.beside().clock.after(delay);
        let is_armed = self.core.beside_mut().timers.reset(timer.0, deadline);
        self.mark_as_zero(timer, delay < Duration::from_nanos(INSTANT));
        is_armed
    }

    /// Drops a timer; false if it was gone.
    ///
    /// It takes effect at once: a timer that is due and has not fired does not. Memory is
    /// kept for as many timers as there have been at a time, a few dozen bytes each, and
    /// what the callback holds is dropped.
    ///
    /// ```
    /// use std::time::Duration;
    /// use waitset::EventLoop;
    ///
    /// let mut event_loop = EventLoop::new()?;
    /// let mut handle = event_loop.handle();
    /// let timer = handle.arm_after(Duration::ZERO, |_, _, _| unreachable!());
    /// assert!(handle.cancel(timer));
    /// assert!(!handle.cancel(timer));
    /// assert_eq!(event_loop.turn(&mut (), Some(Duration::ZERO))?, 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn cancel(&mut self, timer: TimerKey) -> bool {
        self.core.beside_mut().timers.cancel(timer.0).is_some()
    }

    /// Whether a timer has neither fired for the last time nor been cancelled.
    ///
    /// ```
    /// use std::time::Duration;
    /// use waitset::EventLoop;
    ///
    /// let mut event_loop: EventLoop<()> = EventLoop::new()?;
    /// let timer = event_loop.handle().arm_after(Duration::ZERO, |_, _, _| ());
    /// assert!(event_loop.handle().is_armed(timer));
    /// event_loop.turn(&mut (), None)?;
    /// assert!(!event_loop.handle().is_armed(timer));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn is_armed(&self, timer: TimerKey) -> bool {
        self.core.beside().timers.contains(timer.0)
    }
}

impl<State, R: Reactor + 'static> Inner<State, R> {
    /// Fires the timers that are due as it begins. Without an armed timer no clock is
    /// read.
    #[inline]
    pub(super) fn run_due_timers(&mut self, state: &mut State) -> usize {
        match self.core.has_more() {
            true => self.run_timers(state),
            false => 0,
        }
    }

    #[inline(never)]
    fn run_timers(&mut self, state: &mut State) -> usize {
        let beside = self.core.beside_mut();
        if beside.timers.next_deadline().is_none() && beside.due.is_empty() {
            return 0;
        }
        let now = beside.clock.now();
        beside.looked = now;
        beside.timers.take_due(now, &mut beside.due);
        let mut fired = 0;
        while let Some(key) = self.core.beside_mut().due.pop_front() {
            fired += usize::from(self.fire(state, key, now));
        }
        fired
    }

    fn fire(&mut self, state: &mut State, key: Key, now: Nanos) -> bool {
        let Beside { clock, timers, .. } = self.core.beside_mut();
        let Some(fired) = timers.fire(key, now) else {
            return false;
        };
        let tick = Tick {
            timer: TimerKey(key),
            due: clock.instant(fired.deadline),
            missed: fired.missed,
        };
        let retiring = Retiring { inner: self, key };
        let handle = &mut retiring.inner.handle();
        (fired.payload.borrow_mut())(state, tick, handle);
        true
    }
}

/// Removes a one-shot timer after its callback, also if that panics.
struct Retiring<'a, State, R> {
    inner: &'a mut Inner<State, R>,
    key: Key,
}

impl<State, R> Drop for Retiring<'_, State, R> {
    fn drop(&mut self) {
        self.inner.core.beside_mut().timers.retire(self.key);
    }
}
