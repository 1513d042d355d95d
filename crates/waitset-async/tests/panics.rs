//! What panics ends alone: nobody else's task, wake or place is lost, on every mechanism.

mod mechanisms;

use std::future::{pending, poll_fn};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use mechanisms::{complete, on_every_mechanism};
use waitset_async::{Async, JoinError, sleep_until, spawn, yield_now};

/// Panics when it is dropped, unless it is dropped by a panic.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("on purpose");
        }
    }
}

fn assert_told<T>(ended: Result<T, JoinError>) {
    let error = ended.err().expect("it panicked");
    assert!(!error.is_cancelled());
    assert_eq!(error.to_string(), "the task panicked: on purpose");
}

#[test]
fn a_task_that_panics_as_it_is_dropped_tells_it_wherever_it_is() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let bomb = Bomb;
            let never_polled = spawn(async move {
                let _bomb = bomb;
            });
            never_polled.cancel();
            let waiting = spawn(async {
                let _bomb = Bomb;
                pending::<()>().await;
            });
            let bomb = Bomb;
            let ended = spawn(poll_fn(move |_| {
                let _owned = &bomb;
                Poll::Ready(())
            }));
            yield_now().await;
            waiting.cancel();
            assert_told(never_polled.await);
            assert_told(waiting.await);
            assert_told(ended.await);
            // Whose output nobody asks for.
            drop(spawn(async { Bomb }));
            yield_now().await;
        });
        assert_eq!(executor.tasks(), 0);
    });
}

#[test]
fn dropping_the_executor_drops_every_task_though_some_panic() {
    on_every_mechanism(|mut executor| {
        let alive = Rc::new(());
        let tasks: Vec<_> = (0..9)
            .map(|number| {
                let alive = Rc::clone(&alive);
                executor.spawn(async move {
                    let _alive = alive;
                    let _bomb = (number % 3 == 1).then(|| Bomb);
                    pending::<()>().await;
                })
            })
            .collect();
        complete(&mut executor, yield_now());
        assert_eq!(Rc::strong_count(&alive), 10);
        drop(executor);
        assert_eq!(Rc::strong_count(&alive), 1);
        let mut other = waitset_async::Executor::new(waitset::PollReactor::new().unwrap());
        for (number, task) in tasks.into_iter().enumerate() {
            match complete(&mut other, task) {
                ended if number % 3 == 1 => assert_told(ended),
                ended => assert!(ended.unwrap_err().is_cancelled()),
            }
        }
    });
}

/// Panics when it is woken.
struct Alarm;

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        panic!("on purpose");
    }
}

#[test]
fn a_waker_that_panics_takes_no_other_wake_with_it() {
    on_every_mechanism(|mut executor| {
        let due = Instant::now() + Duration::from_millis(2);
        let alarm = Waker::from(Arc::new(Alarm));
        let mut alarming = Box::pin(sleep_until(due));
        let polled = complete(&mut executor, async {
            alarming.as_mut().poll(&mut Context::from_waker(&alarm))
        });
        assert!(polled.is_pending());
        // Due no later than it is polled, and later in the order of wakes.
        let woken = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let woken = Arc::clone(&woken);
                executor.spawn(async move {
                    sleep_until(due).await;
                    woken.fetch_add(1, Ordering::Relaxed);
                })
            })
            .collect();
        let unwound = catch_unwind(AssertUnwindSafe(|| executor.block_on(pending::<()>())));
        assert!(unwound.is_err());
        for task in tasks {
            complete(&mut executor, task).unwrap();
        }
        assert_eq!(woken.load(Ordering::Relaxed), 3);
    });
}

#[test]
fn a_waker_that_panics_leaves_the_others_of_its_source_awake() {
    on_every_mechanism(|mut executor| {
        let alarm = Waker::from(Arc::new(Alarm));
        let (near, far) = complete(&mut executor, async {
            let (near, far) = Async::<UnixStream>::pair().unwrap();
            (near, Rc::new(far))
        });
        let mut alarming = Box::pin(far.readable());
        let polled = complete(&mut executor, async {
            alarming.as_mut().poll(&mut Context::from_waker(&alarm))
        });
        assert!(polled.is_pending());
        let waiting = Rc::clone(&far);
        let other = executor.spawn(async move { waiting.readable().await });
        complete(&mut executor, yield_now());
        near.get_ref().write_all(b"!").unwrap();
        let unwound = catch_unwind(AssertUnwindSafe(|| executor.block_on(pending::<()>())));
        assert!(unwound.is_err());
        // No further event comes: the source has fired.
        complete(&mut executor, other).unwrap().unwrap();
    });
}

#[test]
fn a_task_whose_handle_is_awaited_by_a_waker_that_panics_gives_its_place_back() {
    on_every_mechanism(|mut executor| {
        let mut handle = Box::pin(executor.spawn(yield_now()));
        let alarm = Waker::from(Arc::new(Alarm));
        let polled = handle.as_mut().poll(&mut Context::from_waker(&alarm));
        assert!(polled.is_pending());
        let unwound = catch_unwind(AssertUnwindSafe(|| executor.block_on(pending::<()>())));
        assert!(unwound.is_err());
        assert_eq!(executor.tasks(), 0);
        complete(&mut executor, handle).unwrap();
    });
}
