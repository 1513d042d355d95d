use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::mem::{self, ManuallyDrop};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{self, Poll};

use waitset::{Guest, Key};

use crate::budget::{Budget, Share};
use crate::host::Host;
use crate::panics::Panics;
use crate::shared::current;
use crate::sys;
use crate::task::{Queue, Task, Tasks, Ticket};

/// What tasks reach of their executor, on its thread: the tasks, and the loop that they run in.
pub(crate) struct Context {
    host: Box<dyn Host>,
    /// What [`sys::forks`] returned in the process that the loop's reactor belongs to.
    forks: u32,
    pub(crate) tasks: RefCell<Tasks>,
    /// What was woken and has not been polled.
    woken: RefCell<VecDeque<Arc<Ticket>>>,
    pub(crate) inbox: Arc<Queue>,
    pub(crate) budget: Budget,
    is_closed: Cell<bool>,
}

current! {
    /// The context whose tasks this thread polls: that of the innermost `block_on` or turn.
    ///
    /// [`Entered`] drops what is in it. The thread does not, so that it is there for an
    /// executor that is dropped with the thread's other variables.
    static CURRENT: RefCell<ManuallyDrop<Option<Rc<Context>>>> =
        RefCell::new(ManuallyDrop::new(None));
}

/// Makes `context` the current one and returns the one before.
fn exchange(context: Option<Rc<Context>>) -> Option<Rc<Context>> {
    let context = ManuallyDrop::new(context);
    ManuallyDrop::into_inner(CURRENT.with(|current| current.replace(context)))
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
    pub(crate) fn new(host: impl Host + 'static) -> Rc<Self> {
        Rc::new(Self {
            inbox: Arc::new(Queue::new(host.waker())),
            host: Box::new(host),
            forks: sys::forks(),
            tasks: RefCell::default(),
            woken: RefCell::default(),
            budget: Budget::new(),
            is_closed: Cell::new(false),
        })
    }

    /// The loop. All that reaches its reactor goes through here.
    ///
    /// # Errors
    ///
    /// In a process that was forked from the reactor's, which has the same epoll instance or
    /// ring: to deregister a source there would take it from the parent. The first call parts
    /// the loop from its reactor, which harms nobody.
    pub(crate) fn host(&self) -> io::Result<&dyn Host> {
        if self.forks == sys::forks() {
            return Ok(&*self.host);
        }
        self.host.abandon();
        Err(inherited())
    }

    /// Deregisters a source. In a forked child there is nothing to deregister from, and the loop
    /// only drops what it has of the source.
    pub(crate) fn remove_source(&self, source: Key) {
        let _ = self.host();
        self.host.remove(source);
    }

    /// The timers of the loop, which are no part of the reactor.
    pub(crate) fn timers(&self) -> &dyn Host {
        &*self.host
    }

    /// The current context, if an executor runs on this thread.
    pub(crate) fn current() -> Option<Rc<Self>> {
        CURRENT.with(|current| Option::clone(&current.borrow()))
    }

    pub(crate) fn is_current(&self) -> bool {
        CURRENT.with(|current| match &**current.borrow() {
            Some(current) => std::ptr::eq(&raw const **current, self),
            None => false,
        })
    }

    /// The current context, if this is its queue.
    pub(crate) fn of(inbox: &Arc<Queue>) -> Option<Rc<Self>> {
        Self::current().filter(|current| Arc::ptr_eq(&current.inbox, inbox))
    }

    /// Polls, once each, the tasks that were woken before this began, and returns how many that
    /// was. `main` polls what is no task, and returns `true` to end this.
    pub(crate) fn poll_woken(&self, mut main: impl FnMut(&Arc<Ticket>) -> bool) -> usize {
        self.inbox.take_woken(&mut self.woken.borrow_mut());
        let count = self.woken.borrow().len();
        for polled in 0..count {
            let next = self.woken.borrow_mut().pop_front();
            let Some(ticket) = next else {
                return polled;
            };
            self.budget.refill();
            if ticket.is_main() {
                if main(&ticket) {
                    return polled + 1;
                }
            } else {
                self.run(&ticket);
            }
        }
        count
    }

    /// Polls a task, unless it has ended since it was woken.
    fn run(&self, ticket: &Arc<Ticket>) {
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

    /// The loop is about to sleep. Returns `true` if it must not, because a task was woken.
    ///
    /// # Errors
    ///
    /// In a child of a fork, as [`host`](Self::host).
    pub(crate) fn begin_wait(&self) -> io::Result<bool> {
        self.host()?;
        while self.woken.borrow().is_empty() {
            if self.inbox.begin_wait() {
                return Ok(false);
            }
            if !self.change_timers() {
                break;
            }
        }
        Ok(true)
    }

    /// Changes the timers that were changed elsewhere. Returns `false` if there are none.
    #[cold]
    fn change_timers(&self) -> bool {
        let changes = self.inbox.take_timers();
        let has_changed = !changes.is_empty();
        for (timer, deadline) in changes {
            // This drops wakers, which may wake others.
            match deadline {
                Some(deadline) => self.host.reset(timer, deadline),
                None => self.host.cancel(timer),
            }
        }
        has_changed
    }

    /// Starts a task, whose future knows its ticket and ends when that is cancelled. It ends
    /// immediately if the executor has been dropped.
    pub(crate) fn start<F>(self: &Rc<Self>, future: impl FnOnce(Arc<Ticket>) -> F) -> Arc<Ticket>
    where
        F: Future<Output = ()> + 'static,
    {
        let place = self.tasks.borrow_mut().next_place();
        let ticket = Ticket::new(place, &self.inbox);
        let future = Box::pin(future(Arc::clone(&ticket)));
        let task = Task::new(future, Arc::clone(&ticket));
        self.tasks.borrow_mut().insert(task);
        task::Wake::wake_by_ref(&ticket);
        if self.is_closed.get() {
            self.close();
        }
        ticket
    }

    /// Queues a ticket that was woken, if the context of its queue is the current one: nobody
    /// sleeps then, and no lock is needed.
    pub(crate) fn queue_here(ticket: &Arc<Ticket>, inbox: &Arc<Queue>) -> bool {
        CURRENT.with(|current| match &**current.borrow() {
            Some(current) if Arc::ptr_eq(&current.inbox, inbox) => {
                current.woken.borrow_mut().push_back(Arc::clone(ticket));
                true
            }
            _ => false,
        })
    }

    /// Drops all tasks, and those that they start when they are dropped, whichever panics. Then
    /// the first panic goes on.
    pub(crate) fn close(self: &Rc<Self>) {
        let _entered = Entered::new(self);
        let mut panics = Panics::default();
        panics.catch(|| self.inbox.close());
        // Tasks own sources, and sources share the context: it would keep itself alive.
        loop {
            let task = self.tasks.borrow_mut().pop();
            let Some(task) = task else { break };
            panics.catch(|| task.end());
        }
        self.is_closed.set(true);
        drop(self.woken.take());
        panics.resume();
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
}

/// An event loop runs the tasks in each of its turns.
impl Guest for Context {
    fn begin_wait(&self) -> io::Result<bool> {
        Self::begin_wait(self)
    }

    fn end_wait(&self) {
        self.inbox.end_wait();
    }

    fn run(self: Rc<Self>) -> usize {
        let _entered = Entered::new(&self);
        self.poll_woken(|_| false)
    }

    fn close(self: Rc<Self>) {
        Self::close(&self);
    }

    fn into_any(self: Rc<Self>) -> Rc<dyn Any> {
        self
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
        "this executor or event loop belongs to the process that this one was forked from; make a \
         new one in the child",
    )
}

/// Why a source cannot be awaited.
#[cold]
pub(crate) fn elsewhere() -> io::Error {
    io::Error::other(
        "the executor of this source is not running on this thread; \
         create and await the source inside Executor::block_on, or in a task of the event loop",
    )
}
