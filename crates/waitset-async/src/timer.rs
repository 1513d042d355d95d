use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use waitset::TimerKey;

use crate::budget::Share;
use crate::context::Context;
use crate::task::Queue;

/// A future that ends at a moment of the monotonic clock, never early.
///
/// The executor that polls it tells it. Dropping it forgets it at once. Polled again after
/// it has ended, it is ready again, until it is [reset](Self::reset).
///
/// # Panics
///
/// If it is polled where no executor runs.
pub struct Sleep {
    /// None if the clock cannot represent it.
    due: Option<Instant>,
    armed: Option<Armed>,
    share: Share,
}

/// A timer of a loop.
struct Armed {
    /// Of the executor that runs in the loop.
    inbox: Arc<Queue>,
    timer: TimerKey,
}

/// Sleeps for `duration` from now on; `Duration::MAX` means for ever.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// # waitset_async::block_on(waitset::PollReactor::new()?, async {
/// let start = Instant::now();
/// waitset_async::sleep(Duration::from_millis(2)).await;
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    Sleep::new(Instant::now().checked_add(duration))
}

/// Sleeps until `due`, not at all if it is past.
///
/// ```
/// use std::time::{Duration, Instant};
/// use waitset_async::sleep_until;
///
/// # waitset_async::block_on(waitset::PollReactor::new()?, async {
/// let mut due = Instant::now();
/// for _tick in 0..3 {
///     due += Duration::from_millis(1); // does not drift
///     sleep_until(due).await;
/// }
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn sleep_until(due: Instant) -> Sleep {
    Sleep::new(Some(due))
}

impl Sleep {
    fn new(due: Option<Instant>) -> Self {
        Self {
            due,
            armed: None,
            share: Share::default(),
        }
    }

    /// Sleeps until `due` instead, also if it has ended.
    ///
    /// Who awaits it need not poll it anew for that.
    pub fn reset(&mut self, due: Instant) {
        self.due = Some(due);
        if let Some(Armed { inbox, timer }) = &self.armed {
            match Context::of(inbox) {
                Some(context) => context.timers().reset(*timer, due),
                None => inbox.change_timer(*timer, Some(due)),
            }
        }
    }

    /// Has `waker` woken when the time is over, by the loop of this context.
    fn arm(&mut self, context: &Context, waker: &task::Waker) {
        let timers = context.timers();
        if let Some(Armed { inbox, timer }) = &self.armed {
            let is_here = Arc::ptr_eq(inbox, &context.inbox);
            if is_here && timers.wake_instead(*timer, waker) {
                return;
            }
            self.disarm();
        }
        self.armed = Some(Armed {
            inbox: Arc::clone(&context.inbox),
            timer: timers.arm(self.due, waker),
        });
    }

    fn disarm(&mut self) {
        if let Some(Armed { inbox, timer }) = self.armed.take() {
            match Context::of(&inbox) {
                Some(context) => context.timers().cancel(timer),
                None => inbox.change_timer(timer, None),
            }
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<()> {
        let current = Context::current();
        let current =
            current.expect("a timer needs an executor: await it within block_on or a task");
        if self.due.is_some_and(|due| due <= Instant::now()) {
            // A loop of sleeps that are over would not let the others run.
            task::ready!(current.poll_charge(&[&self.share], context));
            self.disarm();
            return Poll::Ready(());
        }
        self.arm(&current, context.waker());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.disarm();
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("due", &self.due).finish()
    }
}

/// Awaits `future` for `duration` from now on, and drops it then.
///
/// A future that is ready when the time is over counts as in time. The clock is read each
/// time that `future` returns to the executor. The operations of this crate see to that even
/// if they are always ready, see [fairness](crate::Executor#fairness); a loop over anything
/// else that is should call [`consume_budget`](crate::consume_budget).
///
/// # Panics
///
/// The returned future panics if it is polled again after it has ended, as `async` blocks do.
///
/// # Errors
///
/// [`Elapsed`] if it did not end in time.
///
/// ```
/// use std::time::Duration;
/// use waitset_async::timeout;
///
/// # waitset_async::block_on(waitset::PollReactor::new()?, async {
/// let slow = timeout(Duration::from_millis(1), std::future::pending::<()>());
/// assert!(slow.await.is_err());
/// let quick = timeout(Duration::from_millis(1), async { 7 });
/// assert_eq!(quick.await, Ok(7));
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn timeout<F: Future>(
    duration: Duration,
    future: F,
) -> impl Future<Output = Result<F::Output, Elapsed>> {
    let over = sleep(duration);
    async move {
        let (mut future, mut over) = (pin!(future), pin!(over));
        poll_fn(|context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Ok(output));
            }
            over.as_mut().poll(context).map(|()| Err(Elapsed(())))
        })
        .await
    }
}

/// The time was over; see [`timeout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time was over before the future ended")
    }
}

impl Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(error: Elapsed) -> Self {
        Self::new(io::ErrorKind::TimedOut, error)
    }
}
