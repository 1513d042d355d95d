use std::cell::{RefCell, RefMut};
use std::io;
use std::mem::{self, ManuallyDrop};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{self, Poll};

use waitset::{AsSource, Mode, Reactor, WaitSet};

use crate::budget::{Budget, Share};
use crate::inbox::Inbox;
use crate::sys;
use crate::task::{Task, Tasks, Ticket};
use crate::waiters::Watched;

/// The set shares each source with its [`Async`](crate::Async).
type Sources = WaitSet<Rc<Watched<dyn AsSource>>, (), Box<dyn Reactor>>;

/// What tasks reach of their executor, on its thread.
pub(crate) struct Context {
    /// None once a forked child has found that they are its parent's.
    sources: RefCell<Option<Sources>>,
    /// What [`sys::forks`] returned in the process that the sources belong to.
    forks: u32,
    pub(crate) tasks: RefCell<Tasks>,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) budget: Budget,
}

thread_local! {
    /// The context of the innermost `block_on` of this thread.
    ///
    /// [`Entered`] drops what is in it. The thread does not, so that it is there for an
    /// executor that is dropped with the thread's other variables.
    static CURRENT: RefCell<ManuallyDrop<Option<Rc<Context>>>> =
        const { RefCell::new(ManuallyDrop::new(None)) };
}

/// Makes `context` the current one and returns the one before.
fn exchange(context: Option<Rc<Context>>) -> Option<Rc<Context>> {
    ManuallyDrop::into_inner(CURRENT.replace(ManuallyDrop::new(context)))
}

/// While this lives, its context is the thread's current one.
pub(crate) struct Entered {
    previous: Option<Rc<Context>>,
}

impl Entered {
    pub(crate) fn new(context: &Rc<Context>) -> Self {
        Self {
            previous: exchange(Some(Rc::clone(context))),
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        drop(exchange(self.previous.take()));
    }
}

impl Context {
    pub(crate) fn new(reactor: Box<dyn Reactor>) -> Rc<Self> {
        let sources = WaitSet::with_reactor(reactor);
        Rc::new(Self {
            inbox: Arc::new(Inbox::new(sources.waker())),
            sources: RefCell::new(Some(sources)),
            forks: sys::forks(),
            tasks: RefCell::default(),
            budget: Budget::new(),
        })
    }

    /// The reactor with its sources. All that reaches the reactor goes through here.
    ///
    /// # Errors
    ///
    /// In a process that was forked from the reactor's, which has the same epoll instance or
    /// ring: to deregister a source there would take it from the parent. The child's copy is
    /// closed by the first call, which harms nobody.
    pub(crate) fn sources(&self) -> io::Result<RefMut<'_, Sources>> {
        let mut sources = self.sources.borrow_mut();
        if self.forks != sys::forks() {
            // Runs no user code: each source is shared with its `Async`.
            *sources = None;
        }
        RefMut::filter_map(sources, Option::as_mut).map_err(|_| inherited())
    }

    /// The current context, if an executor runs on this thread.
    pub(crate) fn current() -> Option<Rc<Self>> {
        CURRENT.with_borrow(|current| Option::clone(current))
    }

    pub(crate) fn is_current(&self) -> bool {
        CURRENT.with_borrow(|current| match &**current {
            Some(current) => std::ptr::eq(&raw const **current, self),
            None => false,
        })
    }

    /// Polls a task, unless it has ended since it was woken.
    pub(crate) fn run(&self, ticket: &Arc<Ticket>) {
        let Some(mut task) = self.tasks.borrow_mut().take(ticket) else {
            return;
        };
        ticket.leave_queue();
        let place = Place(self, ticket);
        if task.poll().is_pending() {
            mem::forget(place);
            self.tasks.borrow_mut().put_back(task);
        }
    }

    /// Starts a task, whose future knows its ticket and ends when that is cancelled.
    pub(crate) fn start<F>(&self, future: impl FnOnce(Arc<Ticket>) -> F) -> Arc<Ticket>
    where
        F: Future<Output = ()> + 'static,
    {
        let place = self.tasks.borrow_mut().next_place();
        let ticket = Ticket::new(place, &self.inbox);
        let future = Box::pin(future(Arc::clone(&ticket)));
        let task = Task::new(future, Arc::clone(&ticket));
        self.tasks.borrow_mut().insert(task);
        task::Wake::wake_by_ref(&ticket);
        ticket
    }

    /// Charges the task for an operation, or makes it wait for its next turn if its budget is
    /// used up.
    pub(crate) fn poll_charge(&self, shares: &[&Share], context: &task::Context<'_>) -> Poll<()> {
        // Nobody refills the budget of an executor that does not run. The operation finds out
        // for itself.
        if !self.is_current() || self.budget.charge(shares) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Charges the current executor's task, if there is one.
    pub(crate) fn poll_charge_current(shares: &[&Share], context: &task::Context<'_>) -> Poll<()> {
        match Self::current() {
            Some(current) => current.poll_charge(shares, context),
            None => Poll::Ready(()),
        }
    }

    /// Takes the events of a wait, disarms their sources, and arms them again for those
    /// who wait for something else.
    pub(crate) fn collect_ready_sources(&self, woken: &mut Vec<task::Waker>) {
        let Ok(mut sources) = self.sources() else {
            return;
        };
        while let Some((key, event)) = sources.next_event() {
            let Some(source) = sources.get(key) else {
                continue;
            };
            let Some(interest) = source.waiters.borrow_mut().fire(&event, woken) else {
                continue;
            };
            if sources.modify(key, interest, Mode::Oneshot).is_err() {
                // They try again, and are told why it fails.
                if let Some(source) = sources.get(key) {
                    source.waiters.borrow_mut().give_up(woken);
                }
            }
        }
    }
}

/// The place of a task that is being polled, freed when that ends, also by a panic.
struct Place<'a>(&'a Context, &'a Ticket);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Self(context, ticket) = self;
        context.tasks.borrow_mut().free(ticket);
    }
}

#[cold]
fn inherited() -> io::Error {
    io::Error::other(
        "this executor belongs to the process that this one was forked from; make a new one \
         in the child",
    )
}

/// Why a source cannot be awaited.
#[cold]
pub(crate) fn elsewhere() -> io::Error {
    io::Error::other(
        "the executor of this source is not running on this thread; \
         create and await the source inside Executor::block_on",
    )
}
