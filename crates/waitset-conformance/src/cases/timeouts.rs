//! A wait lasts as long as it was told to.

use std::io::Write;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use waitset_core::{Mode, Token};

use crate::Make;
use crate::sources::{drain, pipe, ready_pipe};
use crate::watch::{BOUND, R, Watch};

use super::meanwhile::{once_asleep, this_thread};

/// mio#1614, smol#109, ceph#60265: a fraction of a millisecond is not zero. The steps are
/// those of LTP's epoll_pwait06 and around a millisecond.
pub fn a_wait_never_ends_before_its_timeout(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, _writer) = pipe();
    watch.register(&reader, 7, R, Mode::Level);
    for nanos in [
        1, 10, 999, 1_000, 10_000, 100_000, 999_999, 1_000_000, 1_000_001, 10_000_000,
    ] {
        let timeout = Duration::from_nanos(nanos);
        for _ in 0..3 {
            let start = Instant::now();
            assert_eq!(watch.wait(Some(timeout)), 0);
            let waited = start.elapsed();
            assert!(waited >= timeout, "{waited:?} instead of {timeout:?}");
            assert!(waited < BOUND, "{waited:?} instead of {timeout:?}");
            assert!(!watch.events.was_woken() && !watch.events.was_interrupted());
        }
    }
}

pub fn a_wait_that_sleeps_makes_few_system_calls(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, _writer) = pipe();
    watch.register(&reader, 7, R, Mode::Level);
    for timeout in [
        Duration::from_nanos(1),
        Duration::from_micros(999),
        Duration::from_millis(50),
    ] {
        let before = watch.stats();
        watch.wait(Some(timeout));
        let made = watch.stats().since(&before);
        assert_eq!((made.waits, made.empty_returns), (1, 1));
        if watch.can().sleeps {
            // A look first, and the old call where the kernel lacks the new one.
            assert!(made.system_calls() <= 3, "{made:?} for {timeout:?}");
        }
    }
}

/// polling 0.1.5: a timeout of zero blocked.
pub fn a_timeout_of_zero_only_looks(make: Make) {
    let mut watch = Watch::new(make);
    assert_eq!(watch.wait(Some(Duration::ZERO)), 0);
    let (reader, _writer) = ready_pipe();
    watch.register(&reader, 7, R, Mode::Level);
    assert_eq!(watch.wait(Some(Duration::ZERO)), 1);
    watch.deregister(&reader);
    assert_eq!(watch.wait(Some(Duration::ZERO)), 0);
}

pub fn a_wait_for_nothing_lasts_for_its_timeout(make: Make) {
    let mut watch = Watch::new(make);
    let start = Instant::now();
    assert_eq!(watch.wait(Some(Duration::from_millis(5))), 0);
    assert!(start.elapsed() >= Duration::from_millis(5));
}

pub fn a_wait_without_timeout_lasts_until_there_is_an_event(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, mut writer) = pipe();
    watch.register(&reader, 7, R, Mode::Level);
    let sleeps = watch.can().sleeps;
    once_asleep(
        sleeps,
        move || writer.write_all(b"!").unwrap(),
        || {
            assert_eq!(watch.wait(None), 1);
        },
    );
}

pub fn an_event_ends_a_wait_before_its_timeout(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, mut writer) = pipe();
    watch.register(&reader, 7, R, Mode::Level);
    let sleeps = watch.can().sleeps;
    let start = Instant::now();
    once_asleep(
        sleeps,
        move || writer.write_all(b"!").unwrap(),
        || {
            assert_eq!(watch.wait(Some(Duration::from_secs(3_600))), 1);
        },
    );
    assert!(start.elapsed() < Duration::from_secs(3_600));
}

/// mio#1657, calloop 0.11: it overflows or panics. mio#1948: milliseconds beyond an
/// `i32` turn negative or are over at once.
pub fn a_timeout_beyond_what_the_system_can_hold_means_for_ever(make: Make) {
    const DAYS_24: Duration = Duration::from_millis(i32::MAX as u64);
    let longs = [
        DAYS_24 - Duration::from_nanos(1),
        DAYS_24,
        DAYS_24 + Duration::from_nanos(1),
        DAYS_24 + Duration::from_millis(1),
        Duration::from_millis(u32::MAX.into()) + Duration::from_millis(1),
        Duration::from_secs(i32::MAX as u64),
        Duration::from_secs(i64::MAX as u64),
        Duration::from_secs(u64::MAX),
        Duration::MAX,
    ];
    let mut watch = Watch::new(make);
    for timeout in longs {
        let (waker, sleeps) = (watch.reactor.waker(), watch.can().sleeps);
        once_asleep(
            sleeps,
            move || waker.wake(),
            || {
                assert_eq!(watch.wait(Some(timeout)), 0, "{timeout:?}");
            },
        );
        assert!(watch.events.was_woken(), "{timeout:?} was over at once");
    }
}

/// A reactor may be made in one thread and used in another.
pub fn a_reactor_can_be_sent_to_another_thread(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, _writer) = ready_pipe();
    watch.register(&reader, 7, R, Mode::Level);
    let (there, back) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            assert_ne!(this_thread(), 0);
            there.send(watch.look_for_tokens()).unwrap();
        });
    });
    assert_eq!(back.recv().unwrap(), [7]);
}

/// What the kernel did for a thread may end with it.
pub fn a_reactor_whose_thread_has_ended_serves_on_in_another(make: Make) {
    for is_ready in [false, true] {
        let mut watch = Watch::new(make);
        let (reader, mut writer) = pipe();
        watch.register(&reader, 7, R, Mode::Level);
        if is_ready {
            writer.write_all(b"!").unwrap();
        }
        let in_a_thread = std::thread::spawn(move || {
            watch.look();
            watch
        });
        let mut watch = in_a_thread.join().unwrap();
        writer.write_all(b"!").unwrap();
        for _ in 0..3 {
            assert_eq!(watch.the_event().token(), Token(7));
        }
        watch.reactor.waker().wake();
        let start = Instant::now();
        // The kernel may take a moment to undo what it did for the other thread.
        while !watch.events.was_woken() {
            watch.wait(Some(BOUND));
            assert!(start.elapsed() < BOUND, "the wake is lost");
        }
        drain(&reader);
        watch.assert_at_rest();
        watch.deregister(&reader);
    }
}
