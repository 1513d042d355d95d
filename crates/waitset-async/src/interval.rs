use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use crate::{Sleep, sleep, sleep_until};

/// Ticks at whole periods; see [`interval`].
///
/// With the feature `stream`, it is a `Stream` of futures-core that never ends.
///
/// # Panics
///
/// If it is awaited where no executor runs.
#[derive(Debug)]
#[must_use = "an interval ticks as it is awaited"]
pub struct Interval {
    sleep: Sleep,
    /// When the next tick is due; never, if the clock cannot represent that.
    due: Option<Instant>,
    period: Duration,
}

/// A tick of an [`Interval`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tick {
    /// When the tick was due. It is never early.
    pub due: Instant,
    /// How many further ticks were due by then. They are counted here and do not happen.
    pub missed: u64,
}

/// Returns an interval that ticks every `period`, for the first time when one has passed.
///
/// Ticks are due at whole periods from now, however late one of them is awaited. If more than
/// one is due by then, they are one tick, and [`Tick::missed`] counts the others, as that of
/// waitset's event loop does. This is `MissedTickBehavior::Skip` of tokio, whose `interval`
/// differs in that its first tick is due immediately; for that, call
/// [`interval_at`]`(Instant::now(), period)`.
///
/// A period of zero counts as a nanosecond.
///
/// ```
/// use std::time::{Duration, Instant};
/// use waitset_async::interval;
///
/// # waitset_async::block_on(waitset::PollReactor::new()?, async {
/// let start = Instant::now();
/// let mut interval = interval(Duration::from_millis(1));
/// let mut ticks = 0;
/// while ticks < 3 {
///     ticks += 1 + interval.tick().await.missed;
/// }
/// assert!(start.elapsed() >= Duration::from_millis(3));
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn interval(period: Duration) -> Interval {
    Interval::new(Instant::now().checked_add(period), period)
}

/// Returns an interval that ticks at `start` and then every `period`, like [`interval`].
///
/// ```
/// use std::time::{Duration, Instant};
/// use waitset_async::interval_at;
///
/// # waitset_async::block_on(waitset::PollReactor::new()?, async {
/// let start = Instant::now();
/// let mut interval = interval_at(start, Duration::from_secs(3600));
/// assert_eq!(interval.tick().await.due, start); // without waiting
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    Interval::new(Some(start), period)
}

impl Interval {
    fn new(due: Option<Instant>, period: Duration) -> Self {
        Self {
            sleep: due.map_or_else(|| sleep(Duration::MAX), sleep_until),
            due,
            period: period.max(Duration::from_nanos(1)),
        }
    }

    /// Waits until the next tick is due.
    ///
    /// If the future is dropped before, no tick is lost.
    pub async fn tick(&mut self) -> Tick {
        poll_fn(|context| self.poll_tick(context)).await
    }

    /// Returns the next tick if it is due, and has the task woken when it is: for futures that
    /// are written by hand.
    pub fn poll_tick(&mut self, context: &mut Context<'_>) -> Poll<Tick> {
        ready!(Pin::new(&mut self.sleep).poll(context));
        let Some(due) = self.due else {
            return Poll::Pending; // Such a sleep never ends.
        };
        let (missed, next) = after(due, self.period, Instant::now());
        self.wait_until(next);
        Poll::Ready(Tick { due, missed })
    }

    /// Starts again: the next tick is due when a period has passed from now on, and the others
    /// at whole periods from then.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use waitset_async::interval_at;
    ///
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let start = Instant::now();
    /// let mut interval = interval_at(start, Duration::from_millis(1));
    /// interval.reset();
    /// assert!(interval.tick().await.due >= start + Duration::from_millis(1));
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn reset(&mut self) {
        self.wait_until(Instant::now().checked_add(self.period));
    }

    /// Returns the period, which is at least a nanosecond.
    #[must_use]
    pub fn period(&self) -> Duration {
        self.period
    }

    fn wait_until(&mut self, due: Option<Instant>) {
        self.due = due;
        match due {
            Some(due) => self.sleep.reset(due),
            None => self.sleep = sleep(Duration::MAX),
        }
    }
}

/// Returns how many ticks after the one at `due` have been missed by `now`, and when the next
/// is due.
fn after(due: Instant, period: Duration, now: Instant) -> (u64, Option<Instant>) {
    let late = now.saturating_duration_since(due).as_nanos();
    let period_nanos = period.as_nanos();
    let to_nanos = |nanos: u128| u64::try_from(nanos).unwrap_or(u64::MAX);
    let last = Duration::from_nanos(to_nanos(late - late % period_nanos));
    let next = due.checked_add(last);
    let next = next.and_then(|last| last.checked_add(period));
    (to_nanos(late / period_nanos), next)
}

#[cfg(feature = "stream")]
impl futures_core::Stream for Interval {
    type Item = Tick;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Tick>> {
        self.poll_tick(context).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_due_at_whole_periods_and_those_missed_are_counted() {
        let due = Instant::now();
        let period = Duration::from_nanos(10);
        for late in 0..100 {
            let (missed, next) = after(due, period, due + Duration::from_nanos(late));
            assert_eq!(missed, late / 10);
            assert_eq!(next, Some(due + Duration::from_nanos(10 * (late / 10 + 1))));
        }
    }

    #[test]
    fn a_tick_that_the_clock_cannot_represent_is_never_due() {
        let due = Instant::now();
        assert_eq!(after(due, Duration::MAX, due), (0, None));
        let (missed, next) = after(due, Duration::from_nanos(1), due + Duration::from_secs(1));
        assert_eq!(missed, 1_000_000_000);
        assert!(next.is_some());
    }
}
