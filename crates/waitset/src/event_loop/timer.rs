use std::cell::RefCell;
use std::mem;
use std::num::NonZeroU64;
use std::rc::Rc;
use std::task;
use std::time::{Duration, Instant};

use super::core::{Alarm, Handle, LocalHandle};
use super::entry::Member;
use super::tick::{Tick, TimerKey};
use super::timers::{INSTANT, NEVER, Nanos};
use crate::Key;

/// A millisecond, longer than most turns.
const NEAR: Nanos = 1_000_000;

impl<State> LocalHandle<State> {
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
    pub fn arm_at<F>(&self, deadline: Instant, callback: F) -> TimerKey
    where
        F: FnMut(&mut State, Tick, &mut Handle<'_, State>) + 'static,
    {
        let deadline = self.0.clock.nanos(deadline);
        let timer = self.arm(deadline, None, callback);
        self.mark_as_zero(timer, self.is_over(deadline));
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
    pub fn arm_after<F>(&self, delay: Duration, callback: F) -> TimerKey
    where
        F: FnMut(&mut State, Tick, &mut Handle<'_, State>) + 'static,
    {
        let deadline = self.0.clock.after(delay);
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
    pub fn arm_every<F>(&self, period: Duration, callback: F) -> TimerKey
    where
        F: FnMut(&mut State, Tick, &mut Handle<'_, State>) + 'static,
    {
        let deadline = self.0.clock.after(period);
        let nanos = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
        let period = NonZeroU64::new(nanos).unwrap_or(NonZeroU64::MIN);
        self.arm(deadline, Some(period), callback)
    }

    fn arm<F>(&self, deadline: Nanos, period: Option<NonZeroU64>, callback: F) -> TimerKey
    where
        F: FnMut(&mut State, Tick, &mut Handle<'_, State>) + 'static,
    {
        let callback = Rc::new(RefCell::new(callback));
        let timer = self.arm_alarm(deadline, period, Alarm::Call(callback));
        self.0.note_member(Member::Timer {
            timer,
            stopped: None,
        });
        timer
    }

    fn arm_alarm(
        &self,
        deadline: Nanos,
        period: Option<NonZeroU64>,
        alarm: Alarm<State>,
    ) -> TimerKey {
        if self.0.is_closed() {
            return TimerKey(self.0.schedule.borrow_mut().timers.dead_key());
        }
        self.0.set_has_more(true);
        TimerKey(
            self.0
                .schedule
                .borrow_mut()
                .timers
                .arm(deadline, period, alarm),
        )
    }

    /// Wakes `waker` at `deadline`: a timer of a future.
    #[doc(hidden)]
    pub fn wake_at(&self, deadline: Option<Instant>, waker: task::Waker) -> TimerKey {
        let deadline = deadline.map_or(NEVER, |deadline| self.0.clock.nanos(deadline));
        self.arm_alarm(deadline, None, Alarm::Wake(waker))
    }

    /// Has a timer of a future wake `waker`; false if it has fired.
    #[doc(hidden)]
    pub fn wake_instead(&self, timer: TimerKey, waker: &task::Waker) -> bool {
        let is_same = match self.0.schedule.borrow_mut().timers.payload_mut(timer.0) {
            Some(Alarm::Wake(former)) => former.will_wake(waker),
            _ => return false,
        };
        if is_same {
            return true;
        }
        // Cloning and dropping a waker may run anything: nothing is borrowed meanwhile.
        let mut waker = waker.clone();
        let mut schedule = self.0.schedule.borrow_mut();
        let Some(Alarm::Wake(former)) = schedule.timers.payload_mut(timer.0) else {
            return false;
        };
        mem::swap(former, &mut waker);
        drop(schedule);
        true
    }

    /// Whether a deadline is over. The clock is read if it can be, not for timeouts.
    fn is_over(&self, deadline: Nanos) -> bool {
        let near = self.0.schedule.borrow().looked.saturating_add(NEAR);
        deadline <= near && deadline <= self.0.clock.now()
    }

    /// For [`SpinDetector`](crate::spin::SpinDetector).
    fn mark_as_zero(&self, timer: TimerKey, is_zero: bool) {
        if is_zero {
            self.0.schedule.borrow_mut().timers.mark_as_zero(timer.0);
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
    /// let handle = event_loop.handle();
    /// let timer = handle.arm_after(Duration::MAX, |_, _, handle| handle.stop());
    /// assert!(handle.reset_at(timer, Instant::now()));
    /// event_loop.run(&mut ())?;
    /// assert!(!event_loop.handle().reset_at(timer, Instant::now()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn reset_at(&self, timer: TimerKey, deadline: Instant) -> bool {
        let deadline = self.0.clock.nanos(deadline);
        let is_armed = self.reset(timer, deadline);
        self.mark_as_zero(timer, self.is_over(deadline));
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
    pub fn reset_after(&self, timer: TimerKey, delay: Duration) -> bool {
        let deadline = self.0.clock.after(delay);
        let is_armed = self.reset(timer, deadline);
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
    /// let handle = event_loop.handle();
    /// let timer = handle.arm_after(Duration::ZERO, |_, _, _| unreachable!());
    /// assert!(handle.cancel(timer));
    /// assert!(!handle.cancel(timer));
    /// assert_eq!(event_loop.turn(&mut (), Some(Duration::ZERO))?, 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn cancel(&self, timer: TimerKey) -> bool {
        let cancelled = self.0.schedule.borrow_mut().timers.cancel(timer.0);
        cancelled.is_some()
    }

    fn reset(&self, timer: TimerKey, deadline: Nanos) -> bool {
        self.0.set_has_more(true);
        self.0.schedule.borrow_mut().timers.reset(timer.0, deadline)
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
        self.0.schedule.borrow().timers.contains(timer.0)
    }
}

impl<State> LocalHandle<State> {
    /// Fires the timers that are due as it begins. Without an armed timer no clock is
    /// read.
    #[inline(never)]
    pub(super) fn run_due_timers(&self, state: &mut State) -> usize {
        let core = &*self.0;
        let mut schedule = core.schedule.borrow_mut();
        if schedule.is_idle() {
            return 0;
        }
        let now = core.clock.now();
        schedule.look(now);
        drop(schedule);
        let (mut ran, mut has_woken) = (0, false);
        loop {
            // Of its own, so that nothing is borrowed while a timer fires.
            let next = core.schedule.borrow_mut().due.pop_front();
            let Some(key) = next else {
                return ran;
            };
            ran += self.fire(state, key, now, &mut has_woken);
        }
    }

    /// Fires a timer. Tasks that one before it `has_woken` run first, so that callbacks and
    /// tasks run in the order of their deadlines.
    fn fire(&self, state: &mut State, key: Key, now: Nanos, has_woken: &mut bool) -> usize {
        let mut ran = 0;
        if *has_woken && self.is_call(key) {
            *has_woken = false;
            ran += self.run_tasks();
        }
        let fired = self.0.schedule.borrow_mut().timers.fire(key, now);
        let Some(fired) = fired else {
            return ran;
        };
        let tick = Tick {
            timer: TimerKey(key),
            due: self.0.clock.instant(fired.deadline),
            missed: fired.missed,
        };
        let _retiring = Retiring { local: self, key };
        match fired.payload {
            Alarm::Call(callback) => (callback.borrow_mut())(state, tick, &mut self.as_handle()),
            Alarm::Wake(waker) => {
                *has_woken = true;
                waker.wake();
            }
        }
        ran + 1
    }

    fn is_call(&self, key: Key) -> bool {
        let mut schedule = self.0.schedule.borrow_mut();
        matches!(schedule.timers.payload_mut(key), Some(Alarm::Call(_)))
    }
}

/// Removes a one-shot timer after its callback, also if that panics.
struct Retiring<'a, State> {
    local: &'a LocalHandle<State>,
    key: Key,
}

impl<State> Drop for Retiring<'_, State> {
    fn drop(&mut self) {
        let retired = self.local.0.schedule.borrow_mut().timers.retire(self.key);
        drop(retired);
    }
}
