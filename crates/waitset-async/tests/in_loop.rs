//! Futures and callbacks in one loop, on every mechanism.

mod mechanisms;

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures::future::join_all;
use futures::io::{AsyncReadExt, AsyncWriteExt};
use waitset::{EventLoop, Interest, LocalHandle, Mode, Reactor};
use waitset_async::{
    Async, Executor, JoinHandle, Sleep, Spawn, interval, sleep, sleep_until, spawn, yield_now,
};

use mechanisms::{complete, complete_in, on_every_reactor};

/// What the callbacks and tasks of these tests write down.
type Log = Vec<u32>;

type Loop<State = Log> = EventLoop<State, Box<dyn Reactor + Send>>;

fn on_every_loop<State>(test: impl Fn(Loop<State>) + Sync) {
    on_every_reactor(|reactor| test(EventLoop::with_reactor(reactor)));
}

async fn log(local: &LocalHandle<Log>, number: u32) {
    local.with_state(move |log, _| log.push(number)).await;
}

#[test]
fn tasks_start_outside_of_the_loop_in_callbacks_and_in_tasks() {
    on_every_loop(|mut event_loop| {
        let mut got = Log::new();
        let handle = event_loop.handle();
        let local = handle.local();
        let outside = handle.spawn(async { 1 });
        let (mut near, far) = UnixStream::pair().unwrap();
        near.write_all(b"!").unwrap();
        handle
            .insert(far, Interest::READABLE, Mode::Oneshot, |_, _, _, handle| {
                let local = handle.local();
                drop(handle.spawn(async move { log(&local, 2).await }));
            })
            .unwrap();
        handle.arm_after(Duration::ZERO, |_, _, handle| {
            let local = handle.local();
            drop(handle.spawn(async move {
                let inner = spawn(async { 3 });
                log(&local, inner.await.unwrap()).await;
            }));
        });
        complete_in(&mut event_loop, &mut got, async move {
            let first = outside.await.unwrap();
            log(&local, first).await;
            while local.with_state(|log, _| log.len()).await < 3 {
                yield_now().await;
            }
        });
        got.sort_unstable();
        assert_eq!(got, [1, 2, 3]);
    });
}

#[test]
fn a_remote_starts_tasks_from_other_threads_while_the_loop_sleeps() {
    on_every_loop(|mut event_loop| {
        let remote = event_loop.handle().remote();
        // What is spawned stops the loop, so that a wake that is lost hangs.
        let thread = thread::spawn(move || {
            for number in 0..20_u32 {
                let (told, done) = mpsc::channel();
                let posted = remote.clone();
                let task = async move {
                    yield_now().await;
                    posted.post(move |log: &mut Log, handle| {
                        log.push(number);
                        if number == 19 {
                            handle.stop();
                        }
                    })?;
                    told.send(()).unwrap();
                    Ok::<(), waitset::LoopClosed>(())
                };
                remote.spawn(async { task.await.unwrap() }).unwrap();
                done.recv().unwrap();
            }
            remote
        });
        let mut got = Log::new();
        event_loop.run(&mut got).unwrap();
        assert!(got.into_iter().eq(0..20));
        let remote = thread.join().unwrap();
        drop(event_loop);
        assert!(remote.spawn(async {}).is_err());
    });
}

#[test]
fn a_task_that_another_thread_wakes_is_polled() {
    on_every_loop(|mut event_loop| {
        complete_in(&mut event_loop, &mut (), async {
            for _ in 0..50 {
                let (sender, receiver) = futures::channel::oneshot::channel();
                let thread = thread::spawn(|| sender.send(7).unwrap());
                assert_eq!(receiver.await.unwrap(), 7);
                thread.join().unwrap();
            }
        });
    });
}

#[test]
fn timers_of_callbacks_and_tasks_run_in_the_order_of_their_deadlines_in_one_turn() {
    const COUNT: u32 = 12;

    on_every_loop(|mut event_loop| {
        let order = Rc::new(RefCell::new(Log::new()));
        let first = Instant::now() + Duration::from_millis(20);
        let due = move |number| first + Duration::from_nanos(100) * number;
        let handle = event_loop.handle();
        for number in (0..COUNT).rev() {
            let order = Rc::clone(&order);
            if number % 3 == 0 {
                handle.arm_at(due(number), move |(), _, _| order.borrow_mut().push(number));
            } else {
                drop(handle.spawn(async move {
                    sleep_until(due(number)).await;
                    order.borrow_mut().push(number);
                }));
            }
        }
        event_loop.turn(&mut (), Some(Duration::ZERO)).unwrap();
        assert!(order.borrow().is_empty(), "the sleeps are armed before");
        while Instant::now() <= due(COUNT) {
            thread::yield_now();
        }
        event_loop.turn(&mut (), None).unwrap();
        assert!(order.take().into_iter().eq(0..COUNT));
    });
}

#[test]
fn a_task_can_cancel_a_callback_that_is_due_later_in_the_turn() {
    on_every_loop(|mut event_loop| {
        let due = Instant::now() + Duration::from_millis(10);
        let handle = event_loop.handle();
        let local = handle.local();
        let timer = handle.arm_at(due + Duration::from_nanos(1), |_: &mut (), _, _| {
            panic!("it was cancelled");
        });
        let task = handle.spawn(async move {
            sleep_until(due).await;
            local.cancel(timer)
        });
        event_loop.turn(&mut (), Some(Duration::ZERO)).unwrap();
        while Instant::now() <= due + Duration::from_nanos(1) {
            thread::yield_now();
        }
        assert!(complete_in(&mut event_loop, &mut (), task).unwrap());
    });
}

#[test]
fn a_task_sleeps_and_ticks_beside_the_timers_of_callbacks() {
    on_every_loop(|mut event_loop| {
        let handle = event_loop.handle();
        let period = Duration::from_millis(1);
        handle.arm_every(period, |ticks: &mut u32, _, _| *ticks += 1);
        let local = handle.local();
        let mut ticks = 0;
        complete_in(&mut event_loop, &mut ticks, async move {
            let start = Instant::now();
            sleep(Duration::from_millis(3)).await;
            assert!(start.elapsed() >= Duration::from_millis(3));
            let mut interval = interval(Duration::from_millis(1));
            while local.with_state(|ticks, _| *ticks).await < 5 {
                interval.tick().await;
            }
        });
        assert!(ticks >= 5);
    });
}

#[test]
fn a_task_and_a_callback_serve_a_socket_each() {
    on_every_loop(|mut event_loop| {
        let (task_client, task_server) = UnixStream::pair().unwrap();
        let (callback_client, callback_server) = UnixStream::pair().unwrap();
        let handle = event_loop.handle();
        callback_server.set_nonblocking(true).unwrap();
        handle
            .insert(
                callback_server,
                Interest::READABLE,
                Mode::Level,
                |bytes: &mut usize, mut stream, _, _| {
                    let mut buffer = [0; 64];
                    let count = stream.read(&mut buffer).unwrap();
                    stream.write_all(&buffer[..count]).unwrap();
                    *bytes += count;
                },
            )
            .unwrap();
        drop(handle.spawn(async move {
            let server = Async::new(task_server).unwrap();
            futures::io::copy(&server, &mut &server).await.unwrap();
        }));
        let mut bytes = 0;
        complete_in(&mut event_loop, &mut bytes, async move {
            let clients = [task_client, callback_client].map(|client| async move {
                let mut client = Async::new(client).unwrap();
                for round in 0..100_u8 {
                    client.write_all(&[round; 10]).await.unwrap();
                    let mut answer = [0; 10];
                    client.read_exact(&mut answer).await.unwrap();
                    assert_eq!(answer, [round; 10]);
                }
            });
            join_all(clients).await;
        });
        assert_eq!(bytes, 1_000);
        assert!(event_loop.handle().len() <= 2, "the clients are gone");
    });
}

#[test]
fn with_state_calls_in_the_loop_and_returns_what_that_returns() {
    on_every_loop(|mut event_loop| {
        let handle = event_loop.handle();
        let local = handle.local();
        let mut got = Log::new();
        complete_in(&mut event_loop, &mut got, async move {
            let own = local.clone();
            let timer = local.with_state(|log, handle| {
                log.push(1);
                handle.arm_after(Duration::MAX, |_, _, _| ())
            });
            assert!(own.cancel(timer.await));
            // A future that is dropped before the loop has made its call takes that back.
            let mut given_up = Box::pin(own.with_state(|log, _| log.push(2)));
            assert!(futures::poll!(&mut given_up).is_pending());
            drop(given_up);
            log(&own, 3).await;
        });
        assert_eq!(got, [1, 3]);
    });
}

#[test]
fn a_panic_in_with_state_is_the_tasks() {
    on_every_loop(|mut event_loop| {
        let handle = event_loop.handle();
        let local = handle.local();
        let task = handle.spawn(async move {
            local.with_state(|(), _| panic!("on purpose")).await;
        });
        let error = complete_in(&mut event_loop, &mut (), task).unwrap_err();
        assert_eq!(error.to_string(), "the task panicked: on purpose");
    });
}

#[test]
fn with_state_of_a_loop_that_is_gone_says_so() {
    on_every_loop(|mut event_loop: Loop<()>| {
        let local = event_loop.handle().local();
        let mut executor = Executor::new(waitset::PollReactor::new().unwrap());
        let deferred = executor.spawn(local.with_state(|(), _| ()));
        complete(&mut executor, yield_now());
        drop(event_loop);
        for handle in [deferred, executor.spawn(local.with_state(|(), _| ()))] {
            let error = complete(&mut executor, handle).unwrap_err();
            assert!(error.to_string().contains("has been dropped"), "{error}");
        }
    });
}

#[test]
fn a_callback_cancels_a_task_which_drops_what_it_owns() {
    on_every_loop(|mut event_loop| {
        let handle = event_loop.handle();
        let owned = Rc::new(());
        let share = Rc::clone(&owned);
        let task = handle.spawn(async move {
            let _share = share;
            pending::<()>().await;
        });
        let task = Rc::new(task);
        let cancelled = Rc::clone(&task);
        handle.arm_after(Duration::from_millis(1), move |(), _, _| cancelled.cancel());
        // Its handle is gone, and it runs on.
        let detached = Rc::new(Cell::new(0));
        let count = Rc::clone(&detached);
        drop(handle.spawn(async move {
            sleep(Duration::from_millis(1)).await;
            count.set(count.get() + 1);
        }));
        while Rc::strong_count(&owned) > 1 || detached.get() == 0 {
            event_loop.turn(&mut (), None).unwrap();
        }
        let task = Rc::into_inner(task).expect("the timer of the callback is gone");
        let ended = complete_in(&mut event_loop, &mut (), task);
        assert!(ended.unwrap_err().is_cancelled());
    });
}

/// Starts another task when it is dropped, so often.
struct Restarting(u32, LocalHandle<()>);

impl Drop for Restarting {
    fn drop(&mut self) {
        if self.0 > 0 {
            let next = Self(self.0 - 1, self.1.clone());
            let again = async move {
                let _next = next;
                pending::<()>().await;
            };
            match self.0 % 2 {
                0 => drop(self.1.spawn(again)),
                _ => drop(spawn(again)),
            }
        }
    }
}

#[test]
fn a_loop_that_is_dropped_drops_its_tasks_and_leaves_their_wakers_harmless() {
    on_every_loop(|mut event_loop| {
        let handle = event_loop.handle();
        let local = handle.local();
        let (owned, wakers) = (Rc::new(()), Rc::new(RefCell::new(Vec::<Waker>::new())));
        let (near, far) = UnixStream::pair().unwrap();
        let kept = Rc::new(RefCell::new(None));
        let tasks = [0, 1, 2].map(|number| {
            let (owned, wakers, own) = (Rc::clone(&owned), Rc::clone(&wakers), local.clone());
            let source = (number == 0).then(|| far.try_clone().unwrap());
            let kept = Rc::clone(&kept);
            handle.spawn(async move {
                let _owned = (owned, Restarting(3, own));
                if let Some(source) = source {
                    *kept.borrow_mut() = Some(Async::new(source).unwrap());
                }
                poll_fn(|context| {
                    wakers.borrow_mut().push(context.waker().clone());
                    Poll::<()>::Pending
                })
                .await;
            })
        });
        event_loop.turn(&mut (), None).unwrap();
        assert_eq!((Rc::strong_count(&owned), wakers.borrow().len()), (4, 3));

        drop(event_loop);
        assert_eq!(Rc::strong_count(&owned), 1);
        for waker in wakers.take() {
            waker.wake();
        }
        let late = local.spawn(pending::<()>());
        let mut executor = Executor::new(waitset::PollReactor::new().unwrap());
        complete(&mut executor, async {
            for task in tasks.into_iter().chain([late]) {
                assert!(task.await.unwrap_err().is_cancelled());
            }
            // A source that has outlived its loop.
            let source: Async<UnixStream> = kept.take().unwrap();
            source.readable().await.unwrap_err();
            drop((far, source.into_inner()));
        });
        assert_eq!((&near).read(&mut [0]).unwrap(), 0, "all is closed");
    });
}

#[test]
fn a_task_that_panics_ends_alone() {
    on_every_loop(|mut event_loop| {
        let handle = event_loop.handle();
        let bad: JoinHandle<()> = handle.spawn(async { panic!("on purpose") });
        let good = handle.spawn(async {
            sleep(Duration::from_millis(1)).await;
            7
        });
        let both = async { (bad.await, good.await) };
        let (bad, good) = complete_in(&mut event_loop, &mut (), both);
        assert_eq!(
            bad.unwrap_err().to_string(),
            "the task panicked: on purpose"
        );
        assert_eq!(good.unwrap(), 7);
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
fn a_waker_that_panics_goes_through_the_turn_and_takes_nothing_with_it() {
    on_every_loop(|mut event_loop| {
        let handle = event_loop.handle();
        let mut first = Box::pin(handle.spawn(yield_now()));
        let alarm = Waker::from(Arc::new(Alarm));
        assert!(
            first
                .as_mut()
                .poll(&mut Context::from_waker(&alarm))
                .is_pending()
        );
        let second = handle.spawn(yield_now());
        handle.before_sleep(|hooks: &mut u32, _| *hooks += 1);
        let mut hooks = 0;
        // The first yields, and ends in the second turn.
        event_loop.turn(&mut hooks, None).unwrap();
        let turn = AssertUnwindSafe(|| event_loop.turn(&mut hooks, None));
        assert!(catch_unwind(turn).is_err());
        let before = hooks;
        complete_in(&mut event_loop, &mut hooks, second).unwrap();
        complete_in(&mut event_loop, &mut hooks, first).unwrap();
        assert!(hooks > before);
    });
}

#[test]
fn a_task_that_wakes_itself_starves_neither_sources_nor_timers_nor_posts() {
    on_every_loop(|mut event_loop| {
        let handle = event_loop.handle();
        let restless: JoinHandle<()> = handle.spawn(async {
            loop {
                yield_now().await;
            }
        });
        let (mut near, far) = UnixStream::pair().unwrap();
        near.write_all(b"!").unwrap();
        handle
            .insert(
                far,
                Interest::READABLE,
                Mode::Oneshot,
                |log: &mut Log, _, _, _| {
                    log.push(1);
                },
            )
            .unwrap();
        handle.arm_after(Duration::from_millis(1), |log, _, _| log.push(2));
        handle.remote().post(|log, _| log.push(3)).unwrap();
        handle.defer(|log, _| log.push(4));
        let mut got = Log::new();
        let deadline = Instant::now() + Duration::from_secs(60);
        while got.len() < 4 {
            event_loop.turn(&mut got, None).unwrap();
            assert!(Instant::now() < deadline, "only {got:?} ran");
        }
        restless.cancel();
        assert!(
            complete_in(&mut event_loop, &mut got, restless)
                .unwrap_err()
                .is_cancelled()
        );
    });
}

#[test]
fn callbacks_that_always_run_do_not_starve_tasks() {
    on_every_loop(|mut event_loop| {
        let handle = event_loop.handle();
        let (near, _far) = UnixStream::pair().unwrap();
        handle
            .insert(near, Interest::WRITABLE, Mode::Level, |_, _, _, _| ())
            .unwrap();
        handle.arm_after(Duration::ZERO, |_, tick, handle| {
            assert!(handle.reset_after(tick.timer, Duration::ZERO));
        });
        fn again(_: &mut (), handle: &mut waitset::Handle<'_, ()>) {
            handle.defer(again);
        }
        handle.defer(again);
        complete_in(&mut event_loop, &mut (), async {
            sleep(Duration::from_millis(1)).await;
            for _ in 0..100 {
                yield_now().await;
            }
        });
    });
}

#[test]
fn a_loop_whose_tasks_wait_sleeps() {
    on_every_loop(|mut event_loop| {
        let waits = |event_loop: &Loop<()>| event_loop.reactor().stats().waits;
        if !event_loop.handle().capabilities().sleeps {
            return;
        }
        let handle = event_loop.handle();
        drop(handle.spawn(sleep(Duration::MAX)));
        drop(handle.spawn(pending::<()>()));
        event_loop.turn(&mut (), Some(Duration::ZERO)).unwrap();
        let before = waits(&event_loop);
        complete_in(&mut event_loop, &mut (), sleep(Duration::from_millis(50)));
        let waits = waits(&event_loop) - before;
        assert!(waits <= 10, "{waits} waits");
    });
}

#[test]
fn a_block_on_in_a_callback_and_in_a_task_has_its_own_reactor_and_the_loop_goes_on() {
    fn block() -> u32 {
        let reactor = waitset::PollReactor::new().unwrap();
        waitset_async::block_on(reactor, async {
            sleep(Duration::from_millis(1)).await;
            spawn(async { 7 }).await.unwrap()
        })
        .unwrap()
    }

    on_every_loop(|mut event_loop| {
        let handle = event_loop.handle();
        handle.arm_after(Duration::ZERO, |log: &mut Log, _, _| log.push(block()));
        let local = handle.local();
        let mut got = Log::new();
        complete_in(&mut event_loop, &mut got, async move {
            let blocked = block();
            // The loop's context is the current one again.
            sleep(Duration::from_millis(1)).await;
            let (near, _far) = Async::<UnixStream>::pair().unwrap();
            near.writable().await.unwrap();
            log(&local, blocked).await;
        });
        assert_eq!(got, [7, 7]);
    });
}

#[test]
fn a_source_comes_back_within_a_callback() {
    on_every_loop(|mut event_loop| {
        let (near, far) = UnixStream::pair().unwrap();
        (&near).write_all(b"!").unwrap();
        let kept = Rc::new(RefCell::new(None));
        let share = Rc::clone(&kept);
        complete_in(&mut event_loop, &mut Log::new(), async move {
            let far = Async::new(far).unwrap();
            far.readable().await.unwrap();
            *share.borrow_mut() = Some(far);
        });
        let (mut other, ready) = UnixStream::pair().unwrap();
        other.write_all(b"!").unwrap();
        event_loop
            .handle()
            .insert(
                ready,
                Interest::READABLE,
                Mode::Oneshot,
                move |log: &mut Log, _, _, _| {
                    let source: Async<UnixStream> = kept.take().unwrap();
                    let mut source = source.into_inner();
                    log.push(u32::try_from(source.read(&mut [0]).unwrap()).unwrap());
                },
            )
            .unwrap();
        let mut got = Log::new();
        while got.is_empty() {
            event_loop.turn(&mut got, None).unwrap();
        }
        assert_eq!(got, [1]);
        assert_eq!(event_loop.handle().len(), 1);
        let _ = near;
    });
}

#[test]
fn a_sleep_that_is_reset_or_dropped_elsewhere_obeys() {
    on_every_loop(|mut event_loop| {
        // Reset by a thread, and by a callback, while the loop sleeps for an hour.
        for by_thread in [true, false] {
            let timer = Arc::new(Mutex::new(sleep(Duration::from_secs(3600))));
            let polled = Arc::clone(&timer);
            let task = event_loop.handle().spawn(poll_fn(move |context| {
                Pin::new(&mut *polled.lock().unwrap()).poll(context)
            }));
            event_loop.turn(&mut (), None).unwrap();
            let reset = move || timer.lock().unwrap().reset(Instant::now());
            match by_thread {
                true => drop(thread::spawn(reset)),
                false => event_loop.handle().defer(move |(), _| reset()),
            }
            complete_in(&mut event_loop, &mut (), task).unwrap();
        }
        // Dropped by a thread: nothing is armed any more, and nothing wakes the loop.
        let (sender, receiver) = mpsc::channel::<Sleep>();
        let thread = thread::spawn(move || drop(receiver.recv().unwrap()));
        let due = Instant::now() + Duration::from_millis(30);
        complete_in(&mut event_loop, &mut (), async move {
            let mut timer = sleep_until(due);
            assert!(futures::poll!(&mut timer).is_pending());
            sender.send(timer).unwrap();
        });
        thread.join().unwrap();
        let ran = event_loop.turn(&mut (), Some(Duration::from_millis(60)));
        assert_eq!(ran.unwrap(), 0);
    });
}

/// Over the default mechanism: those of poll(2) and select(2) lend no descriptor.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[test]
fn the_tasks_of_a_nested_loop_are_woken_by_the_outer_loop_by_threads_and_by_time() {
    let mut inner = EventLoop::<bool>::new().unwrap().into_nested().unwrap();
    let handle = inner.handle();
    let local = handle.local();
    let (by_outer, told_by_outer) = futures::channel::oneshot::channel();
    let (by_thread, told_by_thread) = futures::channel::oneshot::channel();
    drop(handle.spawn(async move {
        told_by_outer.await.unwrap();
        let thread = thread::spawn(|| by_thread.send(()).unwrap());
        told_by_thread.await.unwrap();
        thread.join().unwrap();
        sleep(Duration::from_millis(1)).await;
        local.with_state(|is_done, _| *is_done = true).await;
    }));
    let mut outer = EventLoop::new().unwrap();
    let handle = outer.handle();
    handle
        .insert_mut(
            inner,
            Interest::READABLE,
            Mode::Edge,
            |is_done: &mut bool, inner, _, handle| {
                inner.turn(is_done).unwrap();
                if *is_done {
                    handle.stop();
                }
            },
        )
        .unwrap();
    let mut by_outer = Some(by_outer);
    handle.arm_after(Duration::from_millis(1), move |_, _, _| {
        by_outer.take().unwrap().send(()).unwrap();
    });
    outer.run(&mut false).unwrap();
}
