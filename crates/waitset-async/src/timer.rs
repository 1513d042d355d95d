use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use crate::budget::Share;
use crate::context::Context;
use crate::inbox::{Due, Inbox, TimerKey};

/// A future that ends at a moment of the monotonic clock, never early.
///
/// The executor that polls it tells it. Dropping it forgets it at once. Polled again after
/// it has ended, it is ready again, until it is [reset](Self::reset).
///
/// # Panics
///
/// If it is polled where no executor runs.
pub struct Sleep {
    due: Due,
    number: u64,
    /// Where it is armed.
    inbox: Option<Arc<Inbox>>,
    share: Share,
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
    let due = Instant::now().checked_add(duration);
    Sleep::new(due.map_or(Due::Never, Due::At))
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
    Sleep::new(Due::At(due))
}

/// Tells timers apart that are due at the same moment.
static NUMBERED: AtomicU64 = AtomicU64::new(0);

impl Sleep {
    fn new(due: Due) -> Self {
        let number = NUMBERED.fetch_add(1, Ordering::Relaxed);
        Self {
            due,
            number,
            inbox: None,
            share: Share::default(),
        }
    }

    /// Sleeps until `due` instead, also if it has ended.
    ///
    /// Who awaits it need not poll it anew for that.
    pub fn reset(&mut self, due: Instant) {
        let armed = self.disarm();
        self.due = Due::At(due);
        if let Some((inbox, waker)) = armed {
            self.arm(inbox, &waker);
        }
    }

    fn key(&self) -> TimerKey {
        (self.due, self.number)
    }

    fn arm(&mut self, inbox: Arc<Inbox>, waker: &task::Waker) {
        inbox.arm(self.key(), waker);
        self.inbox = Some(inbox);
    }

    fn disarm(&mut self) -> Option<(Arc<Inbox>, task::Waker)> {
        let inbox = self.inbox.take()?;
        let waker = inbox.disarm(self.key())?;
        Some((inbox, waker))
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<()> {
        let current = Context::current();
        let current = current.expect("a timer needs an executor: await it within block_on");
        if self.due.is_over(Instant::now()) {
            // A loop of sleeps that are over would not let the others run.
            task::ready!(current.poll_charge(&[&self.share], context));
            self.disarm();
            return Poll::Ready(());
        }
        let is_elsewhere = |inbox: &Arc<Inbox>| !Arc::ptr_eq(inbox, &current.inbox);
        if self.inbox.as_ref().is_some_and(is_elsewhere) {
            self.disarm();
        }
        self.arm(Arc::clone(&current.inbox), context.waker());
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
