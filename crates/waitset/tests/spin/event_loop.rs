//! Timers, as the event loop tells of them.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use waitset::spin::{Culprit, Reason};
use waitset::{EventLoop, Handle, Mode, TimerKey};

use super::mechanisms::*;
use super::sys::Cutter;

type Loop<State> = EventLoop<State, Watched>;
type In<'a, State> = Handle<'a, State>;

fn with_loop<State>(test: impl Fn(Loop<State>, Told) + Sync) {
    on_every_mechanism(|reactor| {
        let (reactor, told) = watched(reactor);
        test(EventLoop::with_reactor(reactor), told);
    });
}

#[track_caller]
fn expect_zero_timer(told: &Told, timer: Option<TimerKey>) {
    let spin = told.expect_one();
    assert_eq!(spin.reason, Reason::ZeroTimer, "{spin}");
    let Culprit::Timer { token } = spin.culprit else {
        panic!("{spin}");
    };
    assert!(timer.is_none_or(|timer| timer.token() == token), "{spin}");
}

fn turn_often<State>(event_loop: &mut Loop<State>, state: &mut State) {
    for _ in 0..1000 {
        event_loop.turn(state, Some(LONGEST)).unwrap();
    }
}

#[test]
fn a_timer_that_resets_itself_to_zero() {
    with_loop(|mut event_loop, told| {
        let handle = event_loop.handle();
        let timer = handle.arm_after(Duration::ZERO, |_, tick, handle| {
            handle.reset_after(tick.timer, Duration::ZERO);
        });
        turn_often(&mut event_loop, &mut ());
        expect_zero_timer(&told, Some(timer));
    });
}

#[test]
fn a_timer_that_resets_itself_to_a_moment_that_is_over() {
    with_loop(|mut event_loop, told| {
        let start = Instant::now();
        let handle = event_loop.handle();
        let timer = handle.arm_at(start, move |_, tick, handle| {
            handle.reset_at(tick.timer, start);
        });
        turn_often(&mut event_loop, &mut ());
        expect_zero_timer(&told, Some(timer));
    });
}

#[test]
fn a_timer_with_a_period_of_zero() {
    with_loop(|mut event_loop, told| {
        let handle = event_loop.handle();
        let timer = handle.arm_every(Duration::ZERO, |_, _, _| ());
        turn_often(&mut event_loop, &mut ());
        expect_zero_timer(&told, Some(timer));
    });
}

#[test]
fn a_timer_that_arms_the_next_with_zero() {
    fn arm(_: &mut (), handle: &mut In<'_, ()>) {
        handle.arm_after(Duration::ZERO, |state, _, handle| arm(state, handle));
    }
    with_loop(|mut event_loop, told| {
        arm(&mut (), &mut event_loop.handle());
        turn_often(&mut event_loop, &mut ());
        expect_zero_timer(&told, None);
    });
}

#[test]
fn a_timer_at_zero_beside_a_source_that_is_served_now_and_then() {
    with_loop(|mut event_loop, told| {
        let (near, far) = unix_pair();
        let far = OwnedFd::from(far);
        let handle = event_loop.handle();
        let near = OwnedFd::from(near);
        let read_one = |_: &mut u32, near: &OwnedFd, _, _: &mut In<'_, _>| {
            read(near, 1);
        };
        handle.insert(near, READ, Mode::Level, read_one).unwrap();
        let timer = handle.arm_after(Duration::ZERO, move |ticks: &mut u32, tick, handle| {
            *ticks += 1;
            if *ticks % 300 == 0 {
                write(&far, 1);
            }
            handle.reset_after(tick.timer, Duration::ZERO);
        });
        turn_often(&mut event_loop, &mut 0);
        expect_zero_timer(&told, Some(timer));
    });
}

#[test]
fn a_mechanism_that_rounds_down_the_time_until_a_timer() {
    on_every_mechanism(|reactor| {
        let (reactor, told) = watched(Box::new(Cutter(reactor)));
        let mut event_loop: Loop<()> = EventLoop::with_reactor(reactor);
        let period = Duration::from_micros(2_500);
        event_loop.handle().arm_every(period, |_, _, _| ());
        let spin = first_told(&told, || {
            event_loop.turn(&mut (), None).unwrap();
        });
        assert_eq!(spin.reason, Reason::EarlyReturn, "{spin}");
    });
}

#[test]
fn an_idle_loop_with_timers_is_left_alone() {
    with_loop(|mut event_loop, told| {
        let handle = event_loop.handle();
        for micros in [300, 700, 1_000, 1_500] {
            handle.arm_every(Duration::from_micros(micros), |_, _, _| ());
        }
        for _ in 0..100 {
            handle.arm_after(LONGEST, |_, _, _| ());
        }
        let mut ticks = 0;
        handle.arm_every(Duration::from_millis(1), |ticks, _, handle| {
            *ticks += 1;
            if *ticks == 200 {
                handle.stop();
            }
        });
        event_loop.run(&mut ticks).unwrap();
        told.expect_none();
    });
}

#[test]
fn timers_that_are_late_are_left_alone() {
    with_loop(|mut event_loop, told| {
        let period = Duration::from_micros(20);
        let handle = event_loop.handle();
        // Each callback takes longer than its period: there is too much work.
        handle.arm_every(period, move |ticks, _, handle| {
            let start = Instant::now();
            while start.elapsed() < period {}
            *ticks += 1;
            if *ticks == 500 {
                handle.stop();
            }
        });
        event_loop.run(&mut 0).unwrap();
        told.expect_none();
    });
}

#[test]
fn deferred_work_is_left_alone() {
    fn go_on(left: &mut u32, handle: &mut In<'_, u32>) {
        *left -= 1;
        match left {
            0 => handle.stop(),
            _ => handle.defer(go_on),
        }
    }
    with_loop(|mut event_loop, told| {
        for _ in 0..3 {
            // After a wait that slept until its time was up.
            let start = |_: &mut u32, _, handle: &mut In<'_, _>| handle.defer(go_on);
            event_loop
                .handle()
                .arm_after(Duration::from_millis(1), start);
            event_loop.run(&mut 1000).unwrap();
        }
        told.expect_none();
    });
}

#[test]
fn a_zero_timer_for_each_message_is_left_alone() {
    with_loop(|mut event_loop, told| {
        let (near, far) = unix_pair();
        let far = OwnedFd::from(far);
        write(&far, 1);
        let handle = event_loop.handle();
        let near = OwnedFd::from(near);
        handle
            .insert(
                near,
                READ,
                Mode::Level,
                move |left: &mut u32, near, _, handle| {
                    read(near, 1);
                    let far = far.try_clone().unwrap();
                    *left -= 1;
                    if *left == 0 {
                        handle.stop();
                    }
                    handle.arm_after(Duration::ZERO, move |_, _, _| {
                        write(&far, 1);
                    });
                },
            )
            .unwrap();
        event_loop.run(&mut 2000).unwrap();
        told.expect_none();
    });
}
