//! A wake ends the current or the next wait, once.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task;
use std::thread;
use std::time::Duration;

use waitset_core::{Events, Mode};

use crate::Make;
use crate::child::alone;
use crate::sources::{ready_pipe, unix_pair};
use crate::watch::{BOUND, R, Watch};

use super::meanwhile::once_asleep;

/// libuv#50: a wake that comes before the wait is the easiest to lose.
pub fn a_wake_before_the_wait_is_kept(make: Make) {
    let mut watch = Watch::new(make);
    for _ in 0..100 {
        watch.reactor.waker().wake();
        assert_eq!(watch.wait(None), 0);
        assert!(watch.events.was_woken());
    }
}

pub fn a_wake_ends_a_wait_that_is_under_way(make: Make) {
    let mut watch = Watch::new(make);
    for timeout in [None, Some(Duration::from_secs(3_600))] {
        let (waker, sleeps) = (watch.reactor.waker(), watch.can().sleeps);
        once_asleep(
            sleeps,
            move || waker.wake(),
            || {
                assert_eq!(watch.wait(timeout), 0);
            },
        );
        assert!(watch.events.was_woken());
    }
}

pub fn a_wake_is_told_once(make: Make) {
    let mut watch = Watch::new(make);
    watch.reactor.waker().wake();
    watch.wait(Some(Duration::ZERO));
    assert!(watch.events.was_woken());
    for _ in 0..3 {
        watch.wait(Some(Duration::ZERO));
        assert!(!watch.events.was_woken());
    }
    watch.assert_at_rest();
}

pub fn many_wakes_coalesce_into_one(make: Make) {
    let mut watch = Watch::new(make);
    let wakers: Vec<_> = (0..10).map(|_| watch.reactor.waker()).collect();
    for _ in 0..100 {
        wakers.iter().for_each(|waker| waker.clone().wake());
    }
    assert!(watch.stats().wake_calls <= 1);
    assert_eq!(watch.wait(None), 0);
    assert!(watch.events.was_woken());
    watch.wait(Some(Duration::ZERO));
    assert!(!watch.events.was_woken());
}

pub fn a_wake_does_not_hide_events(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, _writer) = ready_pipe();
    watch.register(&reader, 7, R, Mode::Level);
    for _ in 0..10 {
        watch.reactor.waker().wake();
        let mut told = (0, false);
        // Both in one wait or in two, as the mechanism finds them.
        for _ in 0..2 {
            told.0 += watch.wait(Some(Duration::ZERO));
            told.1 |= watch.events.was_woken();
        }
        assert!(told.0 >= 1 && told.1, "{told:?}");
    }
}

pub fn events_that_fill_the_buffer_do_not_hide_a_wake(make: Make) {
    let mut watch = Watch::with_capacity(make, 1);
    let sources: Vec<_> = (0..5).map(|_| ready_pipe()).collect();
    for ((reader, _), token) in sources.iter().zip(0..) {
        watch.register(reader, token, R, Mode::Level);
    }
    for _ in 0..20 {
        watch.reactor.waker().wake();
        let woken = (0..=2 * sources.len()).any(|_| {
            watch.wait(Some(Duration::ZERO));
            watch.events.was_woken()
        });
        assert!(woken);
    }
}

pub fn a_waker_is_a_task_waker(make: Make) {
    let mut watch = Watch::new(make);
    let waker = task::Waker::from(Arc::new(watch.reactor.waker()));
    waker.wake_by_ref();
    assert_eq!(watch.wait(None), 0);
    assert!(watch.events.was_woken());
    waker.wake();
    assert_eq!(watch.wait(None), 0);
    assert!(watch.events.was_woken());
}

/// libuv#50, calloop 0.6.5, boost asio#320. A thread counts and wakes; whoever is woken
/// sees the count. Now and then it waits to be seen, which a lost wake makes it do for
/// ever.
pub fn of_a_hundred_thousand_wakes_none_is_lost(make: Make) {
    const WAKES: u64 = 100_000;
    let mut watch = Watch::new(make);
    let waker = watch.reactor.waker();
    let (made, seen) = (AtomicU64::new(0), AtomicU64::new(0));
    // Who never sleeps shares the processors with the thread that it waits for.
    let in_a_row = if watch.can().sleeps { 16 } else { 1_000 };
    thread::scope(|scope| {
        scope.spawn(|| {
            for count in 1..=WAKES {
                made.store(count, Ordering::Relaxed);
                waker.wake();
                while count % in_a_row == 0 && seen.load(Ordering::Relaxed) < count {
                    thread::yield_now();
                }
            }
        });
        // Also when this thread panics, the other one must not wait for ever.
        let release = Release(&seen);
        while seen.load(Ordering::Relaxed) < WAKES {
            watch.wait(Some(BOUND));
            assert!(watch.events.was_woken(), "lost after {made:?}");
            seen.store(made.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        drop(release);
    });
}

/// Lets everybody through who waits for a count to be reached.
struct Release<'a>(&'a AtomicU64);

impl Drop for Release<'_> {
    fn drop(&mut self) {
        self.0.store(u64::MAX, Ordering::Relaxed);
    }
}

pub fn wakes_from_many_threads_all_arrive(make: Make) {
    let mut watch = Watch::new(make);
    let done = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            let waker = watch.reactor.waker();
            let done = &done;
            scope.spawn(move || {
                for _ in 0..1_000 {
                    waker.wake();
                }
                done.fetch_add(1, Ordering::Relaxed);
                waker.wake();
            });
        }
        while done.load(Ordering::Relaxed) < 8 {
            watch.wait(Some(BOUND));
            assert!(watch.events.was_woken());
        }
    });
}

/// netty#10615, #16836: a late wake wrote eight bytes into a stranger's descriptor.
pub fn a_waker_that_outlives_its_reactor_writes_to_no_other_descriptor(make: Make) {
    alone(|| {
        let reactor = make().unwrap();
        let wakers: Vec<_> = (0..8).map(|_| reactor.waker()).collect();
        drop(reactor);
        let pairs: Vec<_> = (0..32).map(|_| unix_pair()).collect();
        thread::scope(|scope| {
            for waker in wakers {
                scope.spawn(move || (0..1_000).for_each(|_| waker.wake()));
            }
        });
        let mut watch = Watch::with_capacity(make, 2 * pairs.len());
        for (one, other) in &pairs {
            watch.register(one.as_fd(), 1, R, Mode::Level);
            watch.register(other.as_fd(), 2, R, Mode::Level);
        }
        watch.assert_silent();
    });
}

pub fn a_waker_wakes_no_other_reactor(make: Make) {
    let mut watch = Watch::new(make);
    let other = make().unwrap();
    other.waker().wake();
    let mut events = Events::with_capacity(1);
    watch
        .reactor
        .wait(&mut events, Some(Duration::ZERO))
        .unwrap();
    assert!(!events.was_woken());
}
