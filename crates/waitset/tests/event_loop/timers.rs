//! Timers in a turning loop. What does not need a clock is tested beside the heap.

use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use waitset::{EventLoop, Mode, TimerKey};

use crate::mechanisms::*;
use crate::{alone, sys};

const MILLISECOND: Duration = Duration::from_millis(1);

#[test]
fn no_timer_fires_early_and_none_makes_the_loop_spin() {
    on_every_mechanism(|reactor| {
        let sleeps = reactor.capabilities().sleeps;
        let mut event_loop: Loop<Option<Instant>> = EventLoop::with_reactor(reactor);
        let nanos = [1, 999, 50_000, 999_999, 1_000_001, 7_500_000];
        for delay in nanos.map(Duration::from_nanos) {
            let start = Instant::now();
            event_loop.handle().arm_after(delay, move |fired, tick, _| {
                let now = Instant::now();
                assert!(tick.due <= now && tick.due >= start + delay);
                assert_eq!(tick.missed, 0);
                *fired = Some(now);
            });
            let (mut fired, mut turns) = (None, 0);
            while fired.is_none() {
                event_loop.turn(&mut fired, None).unwrap();
                turns += 1;
            }
            assert!(fired.unwrap() - start >= delay, "{delay:?}");
            assert!(turns <= 2 || !sleeps, "{delay:?} took {turns} turns");
        }
    });
}

#[test]
fn a_timer_that_is_never_due_keeps_quiet_beside_one_that_is() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<u32> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        let days = Duration::from_secs(25 * 24 * 60 * 60); // beyond i32 milliseconds
        for delay in [Duration::MAX, Duration::from_secs(u64::MAX), days] {
            handle.arm_after(delay, |_, _, _| unreachable!());
            handle.arm_every(delay, |_, _, _| unreachable!());
        }
        handle.arm_after(5 * MILLISECOND, |calls, _, _| *calls += 1);
        let start = Instant::now();
        let mut calls = 0;
        turn_until(&mut event_loop, &mut calls, |calls| *calls == 1);
        assert!(start.elapsed() >= 5 * MILLISECOND);
    });
}

#[test]
fn a_wait_that_was_cut_short_is_not_longer_the_next_time() {
    let test = "timers::a_wait_that_was_cut_short_is_not_longer_the_next_time";
    alone::on_every_mechanism(test, |reactor| {
        extern "C" fn ignore(_: libc::c_int) {}
        sys::handle_without_restart(Signal::SIGUSR2, ignore);
        let mut event_loop: Loop<bool> = EventLoop::with_reactor(reactor);
        let delay = 100 * MILLISECOND;
        let start = Instant::now();
        let handle = event_loop.handle();
        handle.arm_after(delay, |fired, _, _| *fired = true);
        handle.arm_after(Duration::MAX, |_, _, _| unreachable!());
        // Far more often than the timer's delay passes, for as long as it takes.
        let this = sys::this_thread();
        let (done, is_done) = std::sync::mpsc::channel::<()>();
        let storm = std::thread::spawn(move || {
            while is_done.recv_timeout(MILLISECOND) == Err(RecvTimeoutError::Timeout) {
                this.interrupt(Signal::SIGUSR2);
            }
        });
        let mut fired = false;
        turn_until(&mut event_loop, &mut fired, |fired| *fired);
        drop(done);
        storm.join().unwrap();
        assert!(start.elapsed() >= delay);
    });
}

#[test]
fn the_timeout_of_a_turn_counts_beside_later_timers() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<()> = EventLoop::with_reactor(reactor);
        let hour = Duration::from_secs(3_600);
        event_loop
            .handle()
            .arm_after(hour, |(), _, _| unreachable!());
        let start = Instant::now();
        assert_eq!(event_loop.turn(&mut (), Some(3 * MILLISECOND)).unwrap(), 0);
        assert!(start.elapsed() >= 3 * MILLISECOND);
        assert!(start.elapsed() < hour / 10);
    });
}

#[test]
fn timers_fire_in_the_order_of_their_deadlines() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Vec<u64>> = EventLoop::with_reactor(reactor);
        let past = Instant::now();
        for number in [3, 1, 4, 1, 5, 9, 2, 6] {
            let deadline = past + Duration::from_nanos(number);
            event_loop
                .handle()
                .arm_at(deadline, move |order: &mut Vec<u64>, _, _| {
                    order.push(number)
                });
        }
        let mut order = Vec::new();
        turn_until(&mut event_loop, &mut order, |order| order.len() == 8);
        assert!(order.is_sorted(), "{order:?}");
    });
}

#[test]
fn a_zero_timer_that_arms_itself_again_fires_once_a_turn_and_lets_events_through() {
    on_every_mechanism(|reactor| {
        #[derive(Default)]
        struct State {
            ticks: u32,
            events: u32,
        }
        let mut event_loop: Loop<State> = EventLoop::with_reactor(reactor);
        let (near, _far) = ready();
        let mut handle = event_loop.handle();
        handle.arm_after(Duration::ZERO, |state: &mut State, tick, handle| {
            state.ticks += 1;
            handle.reset_after(tick.timer, Duration::ZERO);
        });
        // The same by other means: a new timer each time, due long ago.
        let past = Instant::now();
        fn again(handle: &mut In<'_, State>, past: Instant) {
            handle.arm_at(past, move |_, _, handle| again(handle, past));
        }
        again(&mut handle, past);
        handle
            .insert(near, READ, Mode::Level, |state: &mut State, _, _, _| {
                state.events += 1
            })
            .unwrap();
        let mut state = State::default();
        turn_until(&mut event_loop, &mut state, |state| state.events == 100);
        // Once for each turn, and a turn for each event, but for what the first turns
        // of a mechanism may need.
        assert!((100..200).contains(&state.ticks), "{}", state.ticks);
    });
}

#[test]
fn a_timer_cancelled_or_reset_by_another_that_is_due_does_not_fire() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Vec<TimerKey>> = EventLoop::with_reactor(reactor);
        let past = Instant::now();
        let handle = event_loop.handle();
        handle.arm_at(past, |later: &mut Vec<TimerKey>, _, handle| {
            assert!(handle.cancel(later[0]));
            assert!(handle.reset_after(later[1], Duration::MAX));
        });
        let mut later: Vec<_> = (0..2)
            .map(|_| handle.arm_at(past, |_: &mut Vec<TimerKey>, _, _| unreachable!()))
            .collect();
        assert_eq!(event_loop.turn(&mut later, AT_ONCE).unwrap(), 1);
        assert_eq!(event_loop.turn(&mut later, AT_ONCE).unwrap(), 0);
        assert!(!event_loop.handle().is_armed(later[0]));
        assert!(event_loop.handle().is_armed(later[1]));
    });
}

#[test]
fn a_repeating_timer_keeps_its_rhythm_and_counts_what_it_missed() {
    on_every_mechanism(|reactor| {
        #[derive(Default)]
        struct State {
            ticks: u64,
            last: Option<Instant>,
        }
        let period = 2 * MILLISECOND;
        let mut event_loop: Loop<State> = EventLoop::with_reactor(reactor);
        let start = Instant::now();
        event_loop
            .handle()
            .arm_every(period, move |state: &mut State, tick, handle| {
                let now = Instant::now();
                assert!(tick.due <= now);
                if let Some(last) = state.last {
                    // From one due tick to the next, no matter how late either ran.
                    let periods = (tick.due - last).as_nanos() / period.as_nanos();
                    assert_eq!(tick.due - last, period * u32::try_from(periods).unwrap());
                }
                // The ticks up to now, none twice: the last of them is less than a period ago.
                state.ticks += 1 + tick.missed;
                state.last = Some(tick.due + period * u32::try_from(tick.missed).unwrap());
                if state.ticks >= 20 {
                    handle.cancel(tick.timer);
                } else if state.ticks % 3 == 0 {
                    // A slow callback, so that ticks are missed.
                    while now.elapsed() < 2 * period {}
                }
            });
        let mut state = State::default();
        turn_until(&mut event_loop, &mut state, |state| state.ticks >= 20);
        assert!(start.elapsed() >= period * 20);
        let ticks = state.ticks;
        settle(&mut event_loop, &mut state);
        assert_eq!(state.ticks, ticks, "it has cancelled itself");
    });
}

#[test]
fn a_hundred_thousand_timers_fire_each_once() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Vec<u8>> = EventLoop::with_reactor(reactor);
        let mut fired = vec![0; 100_000];
        for number in 0..fired.len() {
            let delay = Duration::from_nanos((number * 7_919 % 5_000_000) as u64);
            let fire = move |fired: &mut Vec<u8>, _, _: &mut In<'_, Vec<u8>>| fired[number] += 1;
            event_loop.handle().arm_after(delay, fire);
        }
        turn_until(&mut event_loop, &mut fired, |fired| {
            fired.iter().all(|times| *times > 0)
        });
        settle(&mut event_loop, &mut fired);
        assert!(fired.iter().all(|times| *times == 1));
    });
}
