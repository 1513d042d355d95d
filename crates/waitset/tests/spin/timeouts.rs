//! Waits that bring nothing, and what their timeouts have to do with it.

use std::time::{Duration, Instant};

use waitset::spin::{Culprit, Reason};
use waitset::{Events, Reactor, WaitHint};

use super::mechanisms::*;
use super::sys::Cutter;

/// Waits until a moment with what `round` makes of the time that is left.
fn wait_until(reactor: &mut impl Reactor, due: Instant, round: impl Fn(Duration) -> Duration) {
    let mut events = Events::with_capacity(8);
    loop {
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        reactor.wait(&mut events, Some(round(left))).unwrap();
    }
}

fn rounded_down(left: Duration) -> Duration {
    Duration::from_millis(left.as_millis() as u64)
}

fn in_two_and_a_half_milliseconds() -> Instant {
    Instant::now() + Duration::from_micros(2_500)
}

#[test]
fn a_timeout_that_the_caller_rounds_down_to_zero() {
    on_every_mechanism(|reactor| {
        let (mut reactor, told) = watched(reactor);
        let spin = first_told(&told, || {
            let due = in_two_and_a_half_milliseconds();
            wait_until(&mut reactor, due, rounded_down);
        });
        assert_eq!(spin.reason, Reason::ZeroTimeout, "{spin}");
        assert_eq!(spin.culprit, Culprit::Timeout(AT_ONCE));
        for _ in 0..20 {
            let due = in_two_and_a_half_milliseconds();
            wait_until(&mut reactor, due, rounded_down);
        }
        told.expect_none();
    });
}

#[test]
fn a_timeout_that_the_mechanism_rounds_down_to_zero() {
    on_every_mechanism(|reactor| {
        let (mut reactor, told) = watched(Box::new(Cutter(reactor)));
        let spin = first_told(&told, || {
            let due = in_two_and_a_half_milliseconds();
            wait_until(&mut reactor, due, |left| left);
        });
        assert_eq!(spin.reason, Reason::EarlyReturn, "{spin}");
        assert!(matches!(spin.culprit, Culprit::Timeout(Some(_))), "{spin}");
    });
}

#[test]
fn a_timeout_below_half_a_millisecond_that_only_looks_again() {
    on_every_mechanism(|reactor| {
        let (mut reactor, told) = watched(reactor);
        let timeout = Some(Duration::from_micros(50));
        let mut events = Events::with_capacity(8);
        let spin = first_told(&told, || {
            reactor.wait(&mut events, timeout).unwrap();
        });
        assert_eq!(spin.reason, Reason::ShortTimeout, "{spin}");
        assert_eq!(spin.culprit, Culprit::Timeout(timeout));
    });
}

#[test]
fn a_timeout_that_is_rounded_up_is_left_alone() {
    on_every_mechanism(|reactor| {
        let (mut reactor, told) = watched(reactor);
        for _ in 0..200 {
            let due = Instant::now() + Duration::from_micros(700);
            wait_until(&mut reactor, due, |left| left);
        }
        told.expect_none();
    });
}

#[test]
fn work_that_ticks_every_millisecond_is_left_alone() {
    on_every_mechanism(|reactor| {
        let (mut reactor, told) = watched(reactor);
        let mut due = Instant::now();
        for _ in 0..300 {
            due += Duration::from_millis(1);
            wait_until(&mut reactor, due, |left| left);
        }
        told.expect_none();
    });
}

#[test]
fn a_caller_who_only_looks_is_left_alone() {
    on_every_mechanism(|reactor| {
        let (mut reactor, told) = watched(reactor);
        let mut events = Events::with_capacity(8);
        for _ in 0..MEASURED {
            reactor.wait(&mut events, AT_ONCE).unwrap();
        }
        told.expect_none();
    });
}

#[test]
fn a_caller_who_works_between_looks_is_left_alone() {
    on_every_mechanism(|reactor| {
        let (mut reactor, told) = watched(reactor);
        let mut events = Events::with_capacity(8);
        for _ in 0..5 {
            // Something is due, and takes its time.
            reactor
                .wait(&mut events, Some(Duration::from_millis(1)))
                .unwrap();
            for _ in 0..300 {
                reactor.wait(&mut events, AT_ONCE).unwrap();
                let start = Instant::now();
                while start.elapsed() < Duration::from_micros(15) {}
            }
        }
        told.expect_none();
    });
}

#[test]
fn a_caller_who_says_that_there_is_work_is_left_alone() {
    on_every_mechanism(|reactor| {
        let (mut reactor, told) = watched(reactor);
        let mut events = Events::with_capacity(8);
        for _ in 0..5 {
            reactor
                .wait(&mut events, Some(Duration::from_millis(1)))
                .unwrap();
            for _ in 0..1000 {
                reactor.hint(WaitHint::Work);
                reactor.wait(&mut events, AT_ONCE).unwrap();
            }
        }
        told.expect_none();
    });
}

#[test]
fn wakes_are_left_alone() {
    on_every_mechanism(|reactor| {
        let (mut reactor, told) = watched(reactor);
        let mut events = Events::with_capacity(8);
        let waker = reactor.waker();
        for _ in 0..MEASURED {
            waker.wake();
            reactor.wait(&mut events, Some(LONGEST)).unwrap();
            assert!(events.was_woken());
        }
        told.expect_none();
    });
}
