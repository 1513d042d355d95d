use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Wake, Waker};

use crate::inbox::Inbox;
use crate::shared::AtomicBool;

/// The tickets that were woken where their executor does not run.
pub(crate) type Queue = Inbox<Arc<Ticket>>;

/// What a waker holds of a task: enough to have it polled, from any thread.
///
/// It does not hold the future, so a waker that is kept somewhere keeps nothing alive.
pub(crate) struct Ticket {
    place: usize,
    is_queued: AtomicBool,
    is_cancelled: AtomicBool,
    inbox: Arc<Queue>,
}

/// The place of what is polled and is no task.
const MAIN: usize = usize::MAX;

impl Ticket {
    pub(crate) fn new(place: usize, inbox: &Arc<Queue>) -> Arc<Self> {
        Arc::new(Self {
            place,
            is_queued: AtomicBool::new(false),
            is_cancelled: AtomicBool::new(false),
            inbox: Arc::clone(inbox),
        })
    }

    /// The ticket of a future that is no task.
    pub(crate) fn of_main(inbox: &Arc<Queue>) -> Arc<Self> {
        Self::new(MAIN, inbox)
    }

    pub(crate) fn is_main(&self) -> bool {
        self.place == MAIN
    }

    /// Where it is queued by other threads.
    pub(crate) fn inbox(&self) -> &Arc<Queue> {
        &self.inbox
    }

    /// Returns `true` if it has to be queued, because it is not yet.
    pub(crate) fn join_queue(&self) -> bool {
        !self.is_queued.swap(true, Ordering::AcqRel)
    }

    /// Before the future is polled, so that a wake from then on queues it again.
    ///
    /// A swap, not a store: only so is seen what a thread did before a wake that found
    /// the ticket queued already.
    pub(crate) fn leave_queue(&self) {
        self.is_queued.swap(false, Ordering::AcqRel);
    }

    /// Has the task's future dropped when it is polled next.
    pub(crate) fn cancel(self: &Arc<Self>) {
        self.is_cancelled.store(true, Ordering::Release);
        self.wake_by_ref();
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Acquire)
    }
}

/// A spawned future.
pub(crate) struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    ticket: Arc<Ticket>,
    waker: Waker,
}

impl Task {
    pub(crate) fn new(future: Pin<Box<dyn Future<Output = ()>>>, ticket: Arc<Ticket>) -> Self {
        let waker = Waker::from(Arc::clone(&ticket));
        Self {
            future,
            ticket,
            waker,
        }
    }

    /// Ends the task: its future is dropped where it is polled, which tells of panics.
    pub(crate) fn end(mut self) {
        self.ticket.cancel();
        let ended = self.poll();
        debug_assert!(ended.is_ready(), "a cancelled task ends");
    }

    pub(crate) fn poll(&mut self) -> Poll<()> {
        self.future
            .as_mut()
            .poll(&mut Context::from_waker(&self.waker))
    }
}

/// The tasks of an executor, found by the places that their tickets name.
///
/// A ticket is compared with the one that the task holds: that of an ended task finds
/// nothing, even if another has taken its place.
#[derive(Default)]
pub(crate) struct Tasks {
    places: Vec<Option<Task>>,
    free: Vec<usize>,
}

impl Tasks {
    /// How many tasks there are, the one that is being polled included.
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// The place of the next task.
    pub(crate) fn next_place(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        })
    }

    pub(crate) fn insert(&mut self, task: Task) {
        let place = task.ticket.place;
        self.places[place] = Some(task);
    }

    /// Takes a task out to poll it: it may spawn others meanwhile. Its place stays its.
    pub(crate) fn take(&mut self, ticket: &Arc<Ticket>) -> Option<Task> {
        let place = self.places.get_mut(ticket.place)?;
        place.take_if(|task| Arc::ptr_eq(&task.ticket, ticket))
    }

    pub(crate) fn put_back(&mut self, task: Task) {
        self.insert(task);
    }

    /// The task that was taken out has ended.
    pub(crate) fn free(&mut self, ticket: &Ticket) {
        self.free.push(ticket.place);
    }

    /// Takes any task out for good, its place too.
    pub(crate) fn pop(&mut self) -> Option<Task> {
        self.free.clear();
        loop {
            if let Some(task) = self.places.pop()? {
                return Some(task);
            }
        }
    }
}

/// Lets all other tasks run once, and sources and timers be looked at.
///
/// ```
/// # waitset_async::block_on(waitset::PollReactor::new()?, async {
/// for _chunk_of_work in 0..10 {
///     waitset_async::yield_now().await;
/// }
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn yield_now() -> YieldNow {
    YieldNow { has_yielded: false }
}

/// The future of [`yield_now`]. Polled again after it has ended, it is ready again.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct YieldNow {
    has_yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.has_yielded {
            return Poll::Ready(());
        }
        self.has_yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
