//! Timers, on every mechanism.

mod mechanisms;

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::os::unix::net::UnixStream;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::future::{Either, join_all, select};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use futures::poll;

use mechanisms::{complete, for_each_mechanism, on_every_mechanism, timed};
use waitset_async::{
    Async, Elapsed, Sleep, interval, interval_at, sleep, sleep_until, spawn, timeout, yield_now,
};

const FOR_EVER: Duration = Duration::MAX;

#[test]
fn a_sleep_is_never_shorter_than_asked() {
    on_every_mechanism(|mut executor| {
        for micros in [0, 1, 50, 999, 1_001, 5_500] {
            let asked = Duration::from_micros(micros);
            // Its time runs from here, not from when it is awaited.
            let start = Instant::now();
            let asleep = sleep(asked);
            complete(&mut executor, asleep);
            assert!(start.elapsed() >= asked, "{micros} µs");
        }
        let due = Instant::now() + Duration::from_millis(3);
        complete(&mut executor, sleep_until(due));
        assert!(Instant::now() >= due);
    });
}

#[test]
fn a_sleep_wakes_up_once() {
    for_each_mechanism(|mut executor, capabilities| {
        complete(&mut executor, yield_now());
        let before = executor.stats();
        complete(&mut executor, sleep(Duration::from_micros(20_500)));
        let waits = executor.stats().since(&before).waits;
        assert!(waits <= 3 || !capabilities.sleeps, "{waits} waits");
    });
}

#[test]
fn timers_end_in_the_order_of_their_deadlines() {
    on_every_mechanism(|mut executor| {
        let order = Rc::new(RefCell::new(Vec::new()));
        complete(&mut executor, async {
            let start = Instant::now();
            let tasks = [5, 1, 4, 2, 3].map(|millis| {
                let order = Rc::clone(&order);
                spawn(async move {
                    sleep_until(start + Duration::from_millis(millis)).await;
                    order.borrow_mut().push(millis);
                })
            });
            join_all(tasks).await;
        });
        assert_eq!(*order.borrow(), [1, 2, 3, 4, 5]);
    });
}

#[test]
fn timers_of_one_moment_all_end() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let due = Instant::now() + Duration::from_millis(2);
            join_all((0..1_000).map(|_| sleep_until(due))).await;
        });
    });
}

#[test]
fn the_longest_sleep_neither_overflows_nor_ends() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let century = Duration::from_secs(100 * 365 * 24 * 3600);
            let (for_ever, century) = (sleep(FOR_EVER), sleep(century));
            let short = sleep(Duration::from_millis(5));
            match select(select(for_ever, century), short).await {
                Either::Right(_) => {}
                Either::Left(_) => panic!("it ended"),
            }
        });
    });
}

#[test]
fn a_timeout_drops_what_it_waits_for() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let owned = Rc::new(());
            let share = Rc::clone(&owned);
            let slow = async move {
                let _share = share;
                pending::<()>().await;
            };
            let limit = Duration::from_millis(2);
            let start = Instant::now();
            let error = timeout(limit, slow).await.unwrap_err();
            assert!(start.elapsed() >= limit);
            assert_eq!(Rc::strong_count(&owned), 1);
            let error = std::io::Error::from(error);
            assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        });
    });
}

#[test]
fn what_is_ready_is_in_time_even_at_zero() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            assert_eq!(timeout(Duration::ZERO, async { 7 }).await, Ok(7));
            let never = timeout(Duration::ZERO, pending::<()>()).await;
            assert!(matches!(never, Err(Elapsed { .. })));
        });
    });
}

#[test]
fn a_timeout_that_is_not_needed_is_forgotten() {
    on_every_mechanism(|mut executor| {
        let ((), took) = timed(&mut executor, async {
            for _ in 0..10_000 {
                timeout(Duration::from_secs(3600), yield_now())
                    .await
                    .unwrap();
            }
            // Were they still there, the executor would look at the clock for them.
            sleep(Duration::from_millis(1)).await;
        });
        assert!(took < Duration::from_secs(30));
    });
}

#[test]
fn a_slow_peer_runs_into_the_timeout_and_the_source_stays_usable() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (mut near, mut far) = Async::<UnixStream>::pair().unwrap();
            let mut byte = [0];
            for _ in 0..3 {
                let slow = timeout(Duration::from_millis(1), far.read(&mut byte)).await;
                assert!(slow.is_err());
            }
            near.write_all(b"!").await.unwrap();
            let quick = timeout(Duration::from_secs(10), far.read(&mut byte)).await;
            assert_eq!(quick.unwrap().unwrap(), 1);
        });
    });
}

#[test]
fn a_timer_that_is_reset_ends_at_its_new_time() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            // To earlier, while it is awaited and without being polled anew.
            let mut timer = sleep(FOR_EVER);
            let mut polls = 0;
            timer.reset(Instant::now() + Duration::from_secs(3600));
            let (mut has_reset, mut has_left_never) = (false, false);
            poll_fn(|context| {
                polls += 1;
                let poll = Pin::new(&mut timer).poll(context);
                if !has_reset {
                    has_reset = true;
                    timer.reset(Instant::now() + Duration::from_millis(2));
                }
                poll
            })
            .await;
            assert_eq!(polls, 2);

            // From never.
            let mut timer = sleep(FOR_EVER);
            poll_fn(|context| {
                if Pin::new(&mut timer).poll(context).is_ready() {
                    return Poll::Ready(());
                }
                if !std::mem::replace(&mut has_left_never, true) {
                    timer.reset(Instant::now() + Duration::from_millis(2));
                }
                Poll::Pending
            })
            .await;

            // To later, and again after its end.
            for _ in 0..2 {
                let due = Instant::now() + Duration::from_millis(2);
                timer.reset(due);
                (&mut timer).await;
                assert!(Instant::now() >= due);
            }
        });
    });
}

#[test]
fn a_timer_that_has_ended_stays_so_however_often_it_is_polled() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            for duration in [Duration::ZERO, Duration::from_millis(1)] {
                let mut timer = sleep(duration);
                for _ in 0..3 {
                    (&mut timer).await;
                }
            }
            let mut yielding = yield_now();
            for _ in 0..3 {
                (&mut yielding).await;
            }
        });
    });
}

#[test]
fn a_timer_moves_to_the_executor_that_polls_it() {
    on_every_mechanism(|mut executor| {
        let mut timer = sleep(Duration::from_millis(3));
        let first = complete(&mut executor, async { poll!(&mut timer) });
        assert!(first.is_pending());
        let mut other = waitset_async::Executor::new(waitset::PollReactor::new().unwrap());
        complete(&mut other, timer);
    });
}

#[test]
fn a_timer_is_send_and_sync() {
    fn check<T: Send + Sync + Unpin>() {}
    check::<Sleep>();
}

#[test]
#[should_panic(expected = "within block_on")]
fn a_timer_says_that_it_needs_an_executor() {
    let context = &mut std::task::Context::from_waker(std::task::Waker::noop());
    let _: Poll<()> = Pin::new(&mut sleep(Duration::ZERO)).poll(context);
}

#[test]
fn an_interval_ticks_at_whole_periods_and_never_early() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let period = Duration::from_millis(2);
            let start = Instant::now();
            let mut interval = interval(period);
            let mut due = None;
            for _ in 0..5 {
                let tick = interval.tick().await;
                assert!(Instant::now() >= tick.due && tick.due >= start + period);
                if let Some(next) = due {
                    assert_eq!(tick.due, next);
                }
                due = Some(tick.due + period * (1 + u32::try_from(tick.missed).unwrap()));
            }
        });
    });
}

#[test]
fn an_interval_counts_the_ticks_that_were_missed() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let period = Duration::from_millis(10);
            let first = Instant::now() - 5 * period / 2;
            let mut interval = interval_at(first, period);
            let tick = interval.tick().await;
            assert!(tick.due == first && tick.missed >= 2);
            let next = interval.tick().await;
            let periods = u32::try_from(1 + tick.missed).unwrap();
            assert_eq!(next.due, first + periods * period);
        });
    });
}

#[test]
fn an_interval_loses_no_tick_when_awaiting_it_is_given_up() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let start = Instant::now();
            let period = Duration::from_millis(3);
            let mut interval = interval_at(start + period, period);
            while let Err(Elapsed { .. }) = timeout(Duration::ZERO, interval.tick()).await {}
            assert!(start.elapsed() >= period);
            let tick = interval.tick().await;
            assert!(tick.due >= start + 2 * period);
        });
    });
}

#[cfg(feature = "stream")]
#[test]
fn an_interval_is_a_stream() {
    use futures::StreamExt;

    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let start = Instant::now();
            let interval = interval_at(start, Duration::from_micros(100));
            let ticks: Vec<_> = interval.take(5).collect().await;
            assert!(ticks[0].due == start && ticks.is_sorted_by_key(|tick| tick.due));
        });
    });
}

#[test]
fn an_interval_that_is_reset_starts_again() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let start = Instant::now();
            let hour = Duration::from_secs(3600);
            let mut interval = interval_at(start, hour);
            interval.reset();
            assert!(poll!(pin!(interval.tick())).is_pending());
            let mut never = interval_at(start, FOR_EVER);
            assert_eq!(never.tick().await.missed, 0);
            assert!(poll!(pin!(never.tick())).is_pending());
        });
    });
}
