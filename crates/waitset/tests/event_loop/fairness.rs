//! Nobody starves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use waitset::{EventLoop, Mode};

use crate::mechanisms::*;

const QUIET: usize = 99;

#[test]
fn a_flooding_channel_delays_quiet_sources_by_two_turns_at_most() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Vec<bool>> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        let (sender, _) = handle.channel(|_: &mut Vec<bool>, _: Option<()>, _| ());
        let mut peers = Vec::new();
        for number in 0..QUIET {
            let (near, far) = ready();
            peers.push(far);
            handle
                .insert(
                    near,
                    READ,
                    Mode::Oneshot,
                    move |served: &mut Vec<bool>, near, _, _| {
                        served[number] = true;
                        drain(near);
                    },
                )
                .unwrap();
        }
        (0..100_000).try_for_each(|_| sender.send(())).unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        let flooder = thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                (0..16).try_for_each(|_| sender.send(())).unwrap();
                thread::yield_now();
            }
        });
        let mut served = vec![false; QUIET];
        for _ in 0..2 {
            event_loop.turn(&mut served, None).unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        flooder.join().unwrap();
        assert!(served.iter().all(|served| *served), "{served:?}");
    });
}

#[test]
fn a_call_that_defers_itself_runs_once_a_turn_and_lets_events_through() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<(u32, u32)> = EventLoop::with_reactor(reactor);
        let (near, _far) = ready();
        let insert = event_loop.handle().insert(
            near,
            READ,
            Mode::Level,
            |state: &mut (u32, u32), _, _, _| state.1 += 1,
        );
        insert.unwrap();
        fn again(state: &mut (u32, u32), handle: &mut In<'_, (u32, u32)>) {
            state.0 += 1;
            handle.defer(again);
        }
        event_loop.handle().defer(again);
        let mut state = (0, 0);
        for turn in 1..=50 {
            event_loop.turn(&mut state, None).unwrap();
            assert_eq!(state.0, turn);
        }
        assert!(state.1 >= 25, "{} events in 50 turns", state.1);
    });
}

#[test]
fn a_turn_runs_its_steps_in_the_order_of_its_description() {
    on_every_mechanism(|reactor| {
        type Log = Vec<&'static str>;
        let mut event_loop: Loop<Log> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        let (near, _far) = ready();
        // In the opposite order.
        handle.before_sleep(|log: &mut Log, _| log.push("hook"));
        let (sender, _) = handle.channel(|log: &mut Log, _, _| log.push("message"));
        sender.send(()).unwrap();
        handle
            .remote()
            .post(|log: &mut Log, _| log.push("posted"))
            .unwrap();
        handle.defer(|log: &mut Log, _| log.push("deferred"));
        handle
            .insert(near, READ, Mode::Oneshot, |log: &mut Log, _, _, _| {
                log.push("event")
            })
            .unwrap();
        handle.arm_at(std::time::Instant::now(), |log: &mut Log, _, _| {
            log.push("timer")
        });
        let mut log = Log::new();
        // A mechanism may tell of the wake first and of the event in the next turn.
        turn_until(&mut event_loop, &mut log, |log| log.contains(&"event"));
        let position = |step: &str| log.iter().position(|logged| *logged == step).unwrap();
        assert_eq!(position("timer"), 0);
        assert!(position("deferred") < position("posted"));
        assert!(position("posted") < position("message"));
        assert!(position("message") < position("hook"));
        assert_eq!(log.last(), Some(&"hook"));
    });
}

#[test]
fn a_stopped_loop_finishes_its_turn() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Vec<&str>> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        handle.before_sleep(|log: &mut Vec<&str>, _| log.push("hook"));
        handle.defer(|_, handle| handle.stop());
        handle.defer(|log, _| log.push("after the stop"));
        let mut log = Vec::new();
        event_loop.run(&mut log).unwrap();
        assert_eq!(log, ["hook", "after the stop", "hook"]);
    });
}
