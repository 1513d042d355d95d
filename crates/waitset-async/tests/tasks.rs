//! Tasks, their handles and their wakers, on every mechanism.

mod mechanisms;

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::future::{pending, poll_fn};
use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use futures::channel::{mpsc, oneshot};
use futures::future::{FutureExt, join_all};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use futures::{SinkExt, StreamExt, poll};

use mechanisms::{complete, on_every_mechanism};
use waitset_async::{Async, Executor, sleep, spawn, yield_now};

#[test]
fn ten_thousand_tasks_end_and_leave_nothing() {
    on_every_mechanism(|mut executor| {
        let sum = complete(&mut executor, async {
            let tasks = (0..10_000_u64).map(|number| {
                spawn(async move {
                    for _ in 0..number % 7 {
                        yield_now().await;
                    }
                    number
                })
            });
            let tasks: Vec<_> = tasks.collect();
            join_all(tasks)
                .await
                .into_iter()
                .map(Result::unwrap)
                .sum::<u64>()
        });
        assert_eq!(sum, 9_999 * 10_000 / 2);
        assert_eq!(executor.tasks(), 0);
    });
}

#[test]
fn a_panic_ends_its_task_and_no_other() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (sender, receiver) = oneshot::channel::<()>();
            let number = Cell::new(7);
            let bad = spawn(async move {
                yield_now().await;
                let _owned = sender;
                panic!("on purpose: {}", number.get());
            });
            let good = spawn(async { sleep(Duration::from_millis(1)).await });
            let error = bad.await.unwrap_err();
            assert!(!error.is_cancelled());
            assert_eq!(error.to_string(), "the task panicked: on purpose: 7");
            let panic = error.into_panic().unwrap();
            assert_eq!(panic.downcast_ref::<String>().unwrap(), "on purpose: 7");
            assert!(receiver.await.is_err(), "what it owned is dropped");
            good.await.unwrap();
        });
        assert_eq!(executor.tasks(), 0);
    });
}

#[test]
fn a_panic_of_the_main_future_leaves_the_executor_usable() {
    on_every_mechanism(|mut executor| {
        let task = executor.spawn(async {
            yield_now().await;
            yield_now().await;
            7
        });
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            executor.block_on(async {
                yield_now().await;
                panic!("on purpose");
            })
        }));
        assert!(unwound.is_err());
        assert!(
            catch_unwind(|| drop(spawn(async {}))).is_err(),
            "none runs here"
        );
        assert_eq!(complete(&mut executor, task).unwrap(), 7);
    });
}

#[test]
fn tasks_go_on_in_the_next_block_on() {
    on_every_mechanism(|mut executor| {
        let (mut sender, receiver) = mpsc::channel(0);
        let task = executor.spawn(async move { receiver.collect::<Vec<u8>>().await });
        executor
            .block_on(async { sender.send(1).await })
            .unwrap()
            .unwrap();
        let last = async move {
            sender.send(2).await.unwrap();
            drop(sender);
            task.await.unwrap()
        };
        assert_eq!(complete(&mut executor, last), [1, 2]);
    });
}

#[test]
fn a_cancelled_task_is_dropped_wherever_it_is() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let dropped = Rc::new(());
            let share = Rc::clone(&dropped);
            let waiting = spawn(async move {
                let _share = share;
                pending::<()>().await;
            });
            let share = Rc::clone(&dropped);
            let never_polled = spawn(async move { drop(share) });
            never_polled.cancel();
            yield_now().await;
            assert_eq!(Rc::strong_count(&dropped), 2, "dropped before it ran");
            waiting.cancel();
            assert!(waiting.await.unwrap_err().is_cancelled());
            assert_eq!(Rc::strong_count(&dropped), 1);
            let error = std::io::Error::from(never_polled.await.unwrap_err());
            assert!(error.to_string().contains("cancelled"), "{error}");

            let ended = spawn(async { 7 });
            yield_now().await;
            ended.cancel();
            assert_eq!(ended.await.unwrap(), 7, "too late to cancel");
        });
        assert_eq!(executor.tasks(), 0);
    });
}

#[test]
fn a_task_can_cancel_itself() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (sender, receiver) = oneshot::channel();
            let outcome = Rc::new(RefCell::new(None));
            let slot = Rc::clone(&outcome);
            let handle = spawn(async move {
                let () = receiver.await.unwrap();
                slot.borrow()
                    .as_ref()
                    .map(waitset_async::JoinHandle::cancel);
                pending::<()>().await;
            });
            *outcome.borrow_mut() = Some(handle);
            sender.send(()).unwrap();
            let handle = poll_fn(|context| {
                let ended = outcome
                    .borrow_mut()
                    .as_mut()
                    .map(|handle| std::pin::Pin::new(handle).poll(context));
                ended.unwrap()
            });
            assert!(handle.await.unwrap_err().is_cancelled());
        });
    });
}

#[test]
fn a_handle_that_is_awaited_again_panics_with_a_message() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let ended = spawn(async { 7 });
            let panicked = spawn(async { panic!("on purpose") });
            let cancelled = spawn(pending());
            cancelled.cancel();
            for mut handle in [ended, panicked, cancelled] {
                let _outcome = (&mut handle).await;
                for _ in 0..2 {
                    let again = AssertUnwindSafe(&mut handle).catch_unwind().await;
                    let panic = again.unwrap_err();
                    let text = panic.downcast_ref::<&str>().unwrap();
                    assert!(text.contains("JoinHandle"), "{text}");
                }
                handle.cancel();
            }
        });
        assert_eq!(executor.tasks(), 0);
    });
}

#[test]
fn a_handle_that_is_polled_before_its_task_has_ended_may_be_polled_again() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (sender, receiver) = oneshot::channel();
            let mut handle = spawn(receiver);
            for _ in 0..3 {
                assert!(poll!(&mut handle).is_pending());
                yield_now().await;
            }
            sender.send(7).unwrap();
            assert_eq!(handle.await.unwrap(), Ok(7));
        });
    });
}

#[test]
fn a_detached_task_goes_on() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (sender, receiver) = oneshot::channel();
            drop(spawn(async move {
                sleep(Duration::from_millis(1)).await;
                sender.send(7).unwrap();
            }));
            assert_eq!(receiver.await, Ok(7));
        });
    });
}

#[test]
fn dropping_the_executor_drops_its_tasks_with_all_they_own() {
    on_every_mechanism(|mut executor| {
        let alive = Rc::new(());
        let wakers = Rc::new(RefCell::new(Vec::new()));
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let (alive, wakers) = (Rc::clone(&alive), Rc::clone(&wakers));
                executor.spawn(async move {
                    let (near, _far) = Async::<UnixStream>::pair().unwrap();
                    poll_fn(|context| {
                        wakers.borrow_mut().push(context.waker().clone());
                        Poll::Ready(())
                    })
                    .await;
                    let _alive = alive;
                    near.readable().await
                })
            })
            .collect();
        complete(&mut executor, yield_now());
        assert_eq!((executor.tasks(), Rc::strong_count(&alive)), (10, 11));
        let inside = format!("{executor:?}");
        assert!(inside.contains("sources: 20"), "{inside}");
        drop(executor);
        assert_eq!(Rc::strong_count(&alive), 1);
        wakers.take().into_iter().for_each(Waker::wake);
        let mut other = Executor::new(waitset::PollReactor::new().unwrap());
        for task in tasks {
            let error = complete(&mut other, task).unwrap_err();
            assert!(error.is_cancelled());
        }
    });
}

#[test]
fn an_executor_within_an_executor_works() {
    on_every_mechanism(|mut executor| {
        let mut inner = Executor::new(waitset::PollReactor::new().unwrap());
        let sum = complete(&mut executor, async {
            let before = spawn(async { 1 });
            let within = inner.block_on(async { spawn(async { 2 }).await.unwrap() });
            before.await.unwrap() + within.unwrap() + spawn(async { 4 }).await.unwrap()
        });
        assert_eq!(sum, 7);
    });
}

#[test]
fn another_thread_ends_the_sleep() {
    on_every_mechanism(|mut executor| {
        let (sender, receiver) = oneshot::channel();
        let thread = thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            sender.send(7).unwrap();
        });
        assert_eq!(complete(&mut executor, receiver), Ok(7));
        thread.join().unwrap();
    });
}

#[test]
fn no_wake_from_another_thread_is_lost() {
    const ROUNDS: usize = 5_000;
    on_every_mechanism(|mut executor| {
        // Each side goes on only when the other has: one lost wake stops both.
        let turn = Arc::new((AtomicUsize::new(0), Mutex::new(None::<Waker>)));
        let theirs = Arc::clone(&turn);
        let thread = thread::spawn(move || {
            let (turn, waker) = &*theirs;
            while turn.load(Ordering::Acquire) < 2 * ROUNDS {
                if turn.load(Ordering::Acquire) % 2 == 1 {
                    turn.fetch_add(1, Ordering::AcqRel);
                    let waker = waker.lock().unwrap().take();
                    waker.expect("the task waits").wake();
                } else {
                    thread::yield_now();
                }
            }
        });
        let wait = poll_fn(|context| {
            let now = turn.0.load(Ordering::Acquire);
            if now == 2 * ROUNDS {
                return Poll::Ready(());
            }
            if now % 2 == 0 {
                *turn.1.lock().unwrap() = Some(context.waker().clone());
                turn.0.fetch_add(1, Ordering::AcqRel);
            }
            Poll::Pending
        });
        complete(&mut executor, wait);
        thread.join().unwrap();
    });
}

#[test]
fn messages_from_many_threads_arrive() {
    on_every_mechanism(|mut executor| {
        let (sender, mut receiver) = mpsc::unbounded();
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let sender = sender.clone();
                thread::spawn(move || {
                    (0..1_000_u64).for_each(|n| sender.unbounded_send(n).unwrap())
                })
            })
            .collect();
        drop(sender);
        let sum = complete(&mut executor, async move {
            let mut sum = 0;
            while let Some(number) = receiver.next().await {
                sum += number;
            }
            sum
        });
        assert_eq!(sum, 8 * 999 * 500);
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn wakes_on_the_own_thread_make_no_system_call() {
    on_every_mechanism(|mut executor| {
        let (mut there, mut inbox) = mpsc::channel(0);
        let (mut back, mut answers) = mpsc::channel(0);
        complete(&mut executor, async move {
            let echo = spawn(async move {
                while let Some(number) = inbox.next().await {
                    back.send(number).await.unwrap();
                }
            });
            for number in 0..1_000 {
                there.send(number).await.unwrap();
                assert_eq!(answers.next().await, Some(number));
            }
            drop(there);
            echo.await.unwrap();
        });
        assert_eq!(executor.stats().wake_calls, 0);
    });
}

#[test]
fn a_source_that_is_always_ready_does_not_starve_the_others() {
    /// Enough to be at it for as long as the others need, in fair turns.
    const ROUNDS: u32 = 1_000_000;
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let flood = spawn(async {
                // Never finds WouldBlock.
                let zero = Async::new(File::open("/dev/zero").unwrap()).unwrap();
                for _ in 0..ROUNDS {
                    (&zero).read_exact(&mut [0; 64]).await.unwrap();
                }
            });
            let instant = spawn(async {
                for _ in 0..ROUNDS {
                    sleep(Duration::ZERO).await;
                }
            });
            let (mut near, mut far) = Async::<UnixStream>::pair().unwrap();
            let quiet = spawn(async move {
                for _ in 0..100 {
                    far.read_exact(&mut [0]).await.unwrap();
                    far.write_all(b"!").await.unwrap();
                }
            });
            for _ in 0..100 {
                near.write_all(b"?").await.unwrap();
                near.read_exact(&mut [0]).await.unwrap();
            }
            sleep(Duration::from_millis(1)).await;
            quiet.await.unwrap();
            for flood in [flood, instant] {
                flood.cancel();
                let ended = flood.await;
                assert!(
                    ended.is_err_and(|error| error.is_cancelled()),
                    "it ended first"
                );
            }
        });
    });
}

#[test]
fn tasks_take_turns() {
    on_every_mechanism(|mut executor| {
        let order = Rc::new(RefCell::new(Vec::new()));
        complete(&mut executor, async {
            let tasks = (0..3).map(|number| {
                let order = Rc::clone(&order);
                spawn(async move {
                    for _ in 0..3 {
                        order.borrow_mut().push(number);
                        yield_now().await;
                    }
                })
            });
            let tasks: Vec<_> = tasks.collect();
            join_all(tasks).await;
        });
        assert_eq!(*order.borrow(), [0, 1, 2, 0, 1, 2, 0, 1, 2]);
    });
}

#[test]
fn a_task_that_is_woken_twice_is_polled_once() {
    on_every_mechanism(|mut executor| {
        let polls = Rc::new(Cell::new(0));
        let counted = Rc::clone(&polls);
        let waker = Rc::new(RefCell::new(None));
        let kept = Rc::clone(&waker);
        drop(executor.spawn(poll_fn(move |context| {
            counted.set(counted.get() + 1);
            *kept.borrow_mut() = Some(context.waker().clone());
            Poll::<()>::Pending
        })));
        complete(&mut executor, async {
            yield_now().await;
            let waker = waker.borrow().clone().unwrap();
            waker.wake_by_ref();
            waker.wake_by_ref();
            waker.wake();
            yield_now().await;
            yield_now().await;
        });
        assert_eq!(polls.get(), 2);
    });
}

#[test]
fn an_executor_can_be_a_variable_of_its_thread() {
    thread_local! {
        static EXECUTOR: RefCell<Option<Executor>> = const { RefCell::new(None) };
    }

    on_every_mechanism(|executor| {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        // Dropped after whatever variable the first `block_on` has made.
        EXECUTOR.set(Some(executor));
        EXECUTOR.with_borrow_mut(|executor| {
            let executor = executor.as_mut().unwrap();
            drop(executor.spawn(async move {
                let _sender = sender;
                pending::<()>().await;
            }));
            complete(executor, yield_now());
        });
        assert!(receiver.try_recv().is_err());
    });
}

/// A mechanism that cannot wait.
#[test]
fn an_error_of_the_mechanism_ends_block_on_and_keeps_the_tasks() {
    let mut executor = Executor::new(refusing::Refusing::new());
    let task = executor.spawn(async {
        yield_now().await;
        7
    });
    let error = executor.block_on(pending::<()>()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfMemory);
    assert_eq!(complete(&mut executor, task).unwrap(), 7);
}

mod refusing {
    use std::io;
    use std::time::Duration;

    use waitset::{
        BorrowedSource, Capabilities, Events, Interest, Mode, PollReactor, Reactor, ReactorWaker,
        Stats, Token,
    };

    /// Poll whose first wait fails.
    pub(super) struct Refusing(PollReactor, bool);

    impl Refusing {
        pub(super) fn new() -> Self {
            Self(PollReactor::new().unwrap(), false)
        }
    }

    impl Reactor for Refusing {
        #[allow(unsafe_code, reason = "the registration outlives the borrow")]
        unsafe fn register(
            &mut self,
            source: BorrowedSource<'_>,
            token: Token,
            interest: Interest,
            mode: Mode,
        ) -> io::Result<()> {
            // SAFETY: the caller's promise is the one that is asked for.
            unsafe { self.0.register(source, token, interest, mode) }
        }

        fn modify(
            &mut self,
            source: BorrowedSource<'_>,
            token: Token,
            interest: Interest,
            mode: Mode,
        ) -> io::Result<()> {
            self.0.modify(source, token, interest, mode)
        }

        fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()> {
            self.0.deregister(source)
        }

        fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
            if !std::mem::replace(&mut self.1, true) {
                return Err(io::ErrorKind::OutOfMemory.into());
            }
            self.0.wait(events, timeout)
        }

        fn waker(&self) -> ReactorWaker {
            self.0.waker()
        }

        fn capabilities(&self) -> Capabilities {
            self.0.capabilities()
        }

        fn stats(&self) -> Stats {
            self.0.stats()
        }

        fn name(&self) -> &'static str {
            "refusing"
        }
    }
}
