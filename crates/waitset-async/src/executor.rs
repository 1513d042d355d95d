use std::fmt;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;

use waitset::{EventLoop, Reactor, Stats, WaitHint};

use crate::JoinHandle;
use crate::context::{Context, Entered};
use crate::task::Ticket;

/// Runs futures on one thread, over a reactor of your choice.
///
/// ```
/// use waitset::PollReactor;
/// use waitset_async::{Executor, spawn};
///
/// let mut executor = Executor::new(PollReactor::new()?);
/// let sum = executor.block_on(async {
///     let (one, two) = (spawn(async { 1 }), spawn(async { 2 }));
///     Ok::<_, std::io::Error>(one.await? + two.await?)
/// })??;
/// assert_eq!(sum, 3);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Fairness
///
/// A turn polls each future that was woken before it once, then waits, so no task and no
/// source starves another. An operation that finishes immediately is charged to its task: a
/// read, a write, a datagram sent or received, a connection accepted or begun, a timer that is
/// due, the handle of a task that has ended. After 32 of them in a turn, the task's operations
/// are pending until its next turn.
///
/// The futures of one task share these 32. A future that is polled after one that uses them
/// all has one operation per turn all the same, so a [`timeout`](crate::timeout) around an
/// operation that is always ready expires, and `join!` and `select` starve nobody. (Futures of
/// one task that read or write the same source through `AsyncRead` or `AsyncWrite` cannot be
/// told apart, and have that operation together.)
///
/// What is not an operation of this crate is not charged. A task that computes should
/// [yield](crate::yield_now); one that may find a channel or a stream ready without end
/// should call [`consume_budget`](crate::consume_budget).
///
/// # Dropping
///
/// Tasks that have not ended live as long as the executor: another
/// [`block_on`](Self::block_on) goes on with them, and dropping it drops each of them,
/// whichever panics: its handle tells that. An
/// [`Async`](crate::Async) that is still elsewhere answers with errors from then on.
///
/// # After a fork
///
/// A forked child can drop what it has inherited, the executor and every
/// [`Async`](crate::Async), in any order: nothing is deregistered from the epoll instance or
/// the ring that it shares with its parent. It cannot use the executor: whatever would reach
/// the reactor returns an error there, [`block_on`](Self::block_on) as soon as it would wait.
/// Make a new executor in the child; [`Async::into_inner`](crate::Async::into_inner) returns
/// the sources to register with it. Forks are noticed through pthread_atfork(3), which
/// vfork(2) and a bare clone(2) pass over.
pub struct Executor {
    context: Rc<Context>,
    /// Where sources and timers are. The executor polls its futures between the turns.
    event_loop: EventLoop<(), Box<dyn Reactor>>,
}

/// Runs `future` on `reactor` to its end.
///
/// Tasks that it has spawned and that have not ended are dropped with the executor. To
/// go on with them, use an [`Executor`].
///
/// ```
/// use std::time::Duration;
/// use waitset::SelectReactor;
/// use waitset_async::{block_on, sleep};
///
/// block_on(SelectReactor::new()?, sleep(Duration::from_millis(1)))?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// As [`Executor::block_on`].
pub fn block_on<F: Future>(reactor: impl Reactor + 'static, future: F) -> io::Result<F::Output> {
    Executor::new(reactor).block_on(future)
}

impl Executor {
    /// An executor without tasks, which owns `reactor` from now on.
    #[must_use]
    pub fn new(reactor: impl Reactor + 'static) -> Self {
        let reactor: Box<dyn Reactor> = Box::new(reactor);
        let mut event_loop = EventLoop::with_reactor(reactor);
        let context = Context::new(event_loop.handle().local());
        Self {
            context,
            event_loop,
        }
    }

    /// Runs `future` to its end, and meanwhile all that was spawned.
    ///
    /// A panic in `future`, or in a waker from elsewhere, unwinds out of here and leaves
    /// the executor usable; one in a spawned task is told by its [`JoinHandle`].
    ///
    /// # Errors
    ///
    /// As [`Reactor::wait`]: a mechanism that cannot wait for so many sources. Also if the
    /// executor was inherited [by a forked child](Self#after-a-fork). The future is dropped
    /// then; spawned tasks are kept.
    pub fn block_on<F: Future>(&mut self, future: F) -> io::Result<F::Output> {
        let _entered = Entered::new(&self.context);
        let mut future = pin!(future);
        let ticket = Ticket::of_main(&self.context.inbox);
        let waker = task::Waker::from(Arc::clone(&ticket));
        waker.wake_by_ref();
        loop {
            // 1. Poll what was woken, each once.
            let mut output = None;
            self.context.poll_woken(|woken| {
                if Arc::ptr_eq(woken, &ticket) {
                    ticket.leave_queue();
                    let mut context = task::Context::from_waker(&waker);
                    if let Poll::Ready(ready) = future.as_mut().poll(&mut context) {
                        output = Some(ready);
                    }
                }
                output.is_some()
            });
            if let Some(output) = output {
                return Ok(output);
            }
            self.turn()?;
        }
    }

    /// Lets the loop wait once, and wake those whose time has come.
    fn turn(&mut self) -> io::Result<()> {
        // 2. Wait, but not if something was woken meanwhile.
        let is_ready = self.context.begin_wait()?;
        if is_ready {
            self.context.timers().hint(WaitHint::Work);
        }
        // 3. Timers that are due. 4. Sources that are ready.
        let turned = self
            .event_loop
            .turn(&mut (), is_ready.then_some(Duration::ZERO));
        turned.map(drop)
    }

    /// Starts a task, which runs while [`block_on`](Self::block_on) does.
    ///
    /// Within `block_on`, use [`spawn`](crate::spawn).
    pub fn spawn<F: Future + 'static>(&self, future: F) -> JoinHandle<F::Output> {
        JoinHandle::spawn(&self.context, future)
    }

    /// How many spawned tasks have not ended.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.context.tasks.borrow().len()
    }

    /// What the reactor has counted.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let host = self.context.host();
        host.map_or_else(|_| Stats::default(), |host| host.stats())
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.context.close();
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sources = match self.context.host() {
            Ok(host) => host.sources().to_string(),
            Err(error) => error.to_string(),
        };
        f.debug_struct("Executor")
            .field("sources", &format_args!("{sources}"))
            .field("tasks", &self.tasks())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::future::{pending, poll_fn};

    use crate::{Async, sleep, spawn};

    #[test]
    fn nothing_outlives_the_executor_and_its_wakers() {
        let wakers = Rc::new(RefCell::new(Vec::new()));
        let mut executor = Executor::new(waitset::PollReactor::new().unwrap());
        let context = Rc::downgrade(&executor.context);
        let inbox = Arc::downgrade(&executor.context.inbox);
        for _ in 0..3 {
            let wakers = Rc::clone(&wakers);
            drop(executor.spawn(async move {
                let (near, _far) = Async::<std::os::unix::net::UnixStream>::pair().unwrap();
                let _unended = spawn(sleep(Duration::from_secs(3600)));
                poll_fn(|context| {
                    wakers.borrow_mut().push(context.waker().clone());
                    Poll::Ready(())
                })
                .await;
                near.readable().await.unwrap();
                pending::<()>().await;
            }));
        }
        executor.block_on(crate::yield_now()).unwrap();
        assert_eq!((executor.tasks(), wakers.borrow().len()), (6, 3));
        drop(executor);
        assert_eq!(context.strong_count(), 0);
        for waker in wakers.take() {
            waker.wake();
        }
        assert_eq!(inbox.strong_count(), 0);
    }

    #[test]
    fn a_task_that_spawns_when_it_is_dropped_is_dropped_with_what_it_spawned() {
        struct Spawner(u32);

        impl Drop for Spawner {
            fn drop(&mut self) {
                if self.0 > 0 {
                    let next = Self(self.0 - 1);
                    drop(spawn(async move {
                        let _next = next;
                        pending::<()>().await;
                    }));
                }
            }
        }

        let executor = Executor::new(waitset::PollReactor::new().unwrap());
        let context = Rc::downgrade(&executor.context);
        let first = Spawner(3);
        drop(executor.spawn(async { drop(first) }));
        drop(executor.spawn(pending::<()>()));
        drop(executor);
        assert_eq!(context.strong_count(), 0);
    }
}
