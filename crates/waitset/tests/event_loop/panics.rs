//! A panic in a callback goes through the turn and leaves the loop usable.

use std::any::Any;
use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset::{EventLoop, Mode};

use crate::mechanisms::*;

/// A wait that takes so long was not to be.
const HANGS: Duration = Duration::from_secs(5);

/// What callbacks did: the first to run panics.
#[derive(Default)]
struct State {
    calls: u32,
    panics: u32,
}

impl State {
    fn call(&mut self) {
        self.calls += 1;
        if self.calls == 1 {
            // Without the hook, which would print it.
            std::panic::resume_unwind(Box::new("on purpose"));
        }
    }
}

/// Turns until `calls` callbacks have run, and catches the panic of the first.
fn turn_through(event_loop: &mut Loop<State>, state: &mut State, calls: u32) {
    let start = Instant::now();
    while state.calls < calls {
        assert!(start.elapsed() < Duration::from_secs(60), "{event_loop:?}");
        let turn = AssertUnwindSafe(|| event_loop.turn(state, None).unwrap());
        if let Err(panic) = catch_unwind(turn) {
            assert_eq!(text(panic), "on purpose");
            state.panics += 1;
        }
    }
    assert_eq!((state.calls, state.panics), (calls, 1));
    settle(event_loop, state);
    assert_eq!(state.calls, calls);
}

fn text(panic: Box<dyn Any + Send>) -> &'static str {
    panic.downcast_ref().copied().unwrap_or("another panic")
}

#[test]
fn the_rest_of_a_batch_is_told_after_a_panic_though_no_source_is_armed_any_more() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<State> = EventLoop::with_reactor(reactor);
        let mut peers = Vec::new();
        for _ in 0..5 {
            let (near, far) = ready();
            peers.push(far);
            event_loop
                .handle()
                .insert(near, READ, Mode::Oneshot, |state: &mut State, _, _, _| {
                    state.call()
                })
                .unwrap();
        }
        turn_through(&mut event_loop, &mut State::default(), 5);
        assert_eq!(event_loop.handle().len(), 5, "who panicked stays");
    });
}

#[test]
fn events_that_came_with_a_timer_are_told_after_its_panic_though_no_source_is_armed_any_more() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<State> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        let mut peers = Vec::new();
        for _ in 0..2 {
            let (near, far) = ready();
            peers.push(far);
            let told = |state: &mut State, _: &UnixStream, _, _: &mut In<'_, State>| state.call();
            handle.insert(near, READ, Mode::Oneshot, told).unwrap();
        }
        handle.arm_at(Instant::now(), |state: &mut State, _, _| state.call());
        turn_through(&mut event_loop, &mut State::default(), 3);
    });
}

#[test]
fn who_panicked_can_run_again() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<State> = EventLoop::with_reactor(reactor);
        let (near, _far) = ready();
        let insert =
            event_loop
                .handle()
                .insert(near, READ, Mode::Level, |state: &mut State, near, _, _| {
                    state.call();
                    drain(near);
                });
        insert.unwrap();
        turn_through(&mut event_loop, &mut State::default(), 2);
    });
}

#[test]
fn timers_that_were_due_fire_after_the_panic_of_one_which_is_gone() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<State> = EventLoop::with_reactor(reactor);
        let past = Instant::now();
        let timers: Vec<_> = (0..4)
            .map(|_| {
                let fire = |state: &mut State, _, _: &mut In<'_, State>| state.call();
                event_loop.handle().arm_at(past, fire)
            })
            .collect();
        turn_through(&mut event_loop, &mut State::default(), 4);
        assert!(
            timers
                .iter()
                .all(|timer| !event_loop.handle().is_armed(*timer))
        );
    });
}

#[test]
fn a_repeating_timer_ticks_on_after_its_panic() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<State> = EventLoop::with_reactor(reactor);
        let period = Duration::from_micros(100);
        event_loop
            .handle()
            .arm_every(period, |state: &mut State, tick, handle| {
                if state.calls == 2 {
                    handle.cancel(tick.timer);
                }
                state.call();
            });
        turn_through(&mut event_loop, &mut State::default(), 3);
    });
}

#[test]
fn calls_and_messages_run_after_the_panic_of_one() {
    on_every_mechanism(|reactor| {
        for first in ["deferred", "posted", "message"] {
            let backend: waitset::Backend = reactor.name().parse().unwrap();
            let mut event_loop: Loop<State> = EventLoop::with_reactor(backend.open().unwrap());
            let handle = event_loop.handle();
            let (sender, _) = handle.channel(|state: &mut State, _: Option<()>, _| state.call());
            for _ in 0..3 {
                match first {
                    "deferred" => handle.defer(|state: &mut State, _| state.call()),
                    "posted" => handle.remote().post(|state, _| state.call()).unwrap(),
                    _ => sender.send(()).unwrap(),
                }
            }
            turn_through(&mut event_loop, &mut State::default(), 3);
            // It works as before.
            sender.send(()).unwrap();
            let mut state = State {
                calls: 1,
                panics: 0,
            };
            turn_until(&mut event_loop, &mut state, |state| state.calls == 2);
        }
    });
}

#[test]
fn a_hook_that_panicked_runs_in_the_next_turn() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<State> = EventLoop::with_reactor(reactor);
        event_loop
            .handle()
            .before_sleep(|state: &mut State, _| state.call());
        let mut state = State::default();
        let turn = AssertUnwindSafe(|| event_loop.turn(&mut state, AT_ONCE).unwrap());
        assert_eq!(text(catch_unwind(turn).unwrap_err()), "on purpose");
        event_loop.turn(&mut state, AT_ONCE).unwrap();
        assert_eq!(state.calls, 2);
    });
}

/// A hook is where a turn's work is flushed: it must not wait for the next thing to come.
#[test]
fn after_a_panic_in_any_callback_the_next_turn_runs_the_hooks_without_waiting() {
    on_every_mechanism(|reactor| {
        for panics in ["source", "timer", "deferred", "posted", "message", "hook"] {
            let backend: waitset::Backend = reactor.name().parse().unwrap();
            let mut event_loop: Loop<State> = EventLoop::with_reactor(backend.open().unwrap());
            let (sender, _peer) = arm_one_that_panics(&mut event_loop.handle(), panics);
            let flushed = Rc::new(Cell::new(0));
            let counted = Rc::clone(&flushed);
            let flush = move |_: &mut State, _: &mut In<'_, State>| counted.set(counted.get() + 1);
            event_loop.handle().before_sleep(flush);

            let mut state = State::default();
            let mut before = 0;
            while state.calls == 0 {
                before = flushed.get();
                let turn = AssertUnwindSafe(|| event_loop.turn(&mut state, AT_ONCE).unwrap());
                let _ = catch_unwind(turn);
            }
            assert_eq!(flushed.get(), before, "{panics}: it did not get so far");
            let start = Instant::now();
            event_loop.turn(&mut state, Some(HANGS)).unwrap();
            assert_eq!(flushed.get(), before + 1, "{panics}");
            assert!(start.elapsed() < HANGS, "{panics}: it waited");
            drop(sender);
        }
    });
}

/// What has to stay alive until it has panicked.
fn arm_one_that_panics(
    handle: &mut In<'_, State>,
    which: &str,
) -> (waitset::ChannelSender<()>, UnixStream) {
    let (near, peer) = ready();
    let (sender, _) = handle.channel(|state: &mut State, _: Option<()>, _| state.call());
    match which {
        "source" => {
            let told = |state: &mut State, _: &UnixStream, _, _: &mut In<'_, State>| state.call();
            handle.insert(near, READ, Mode::Oneshot, told).unwrap();
        }
        "timer" => {
            handle.arm_after(Duration::ZERO, |state: &mut State, _, _| state.call());
        }
        "deferred" => handle.defer(|state: &mut State, _| state.call()),
        "posted" => handle.remote().post(|state, _| state.call()).unwrap(),
        "message" => sender.send(()).unwrap(),
        _ => {
            handle.before_sleep(|state: &mut State, _| state.call());
        }
    }
    (sender, peer)
}

#[test]
fn a_hook_that_always_panics_does_not_keep_sources_from_being_told() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<State> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        handle.before_sleep(|_, _| std::panic::resume_unwind(Box::new("on purpose")));
        let mut state = State::default();
        let turn = AssertUnwindSafe(|| event_loop.turn(&mut state, AT_ONCE).unwrap());
        catch_unwind(turn).unwrap_err();

        let (near, _far) = ready();
        let told = |state: &mut State, near: &UnixStream, _, _: &mut In<'_, State>| {
            state.calls += 1;
            drain(near);
        };
        let inserted = event_loop.handle().insert(near, READ, Mode::Level, told);
        inserted.unwrap();
        let turn = AssertUnwindSafe(|| event_loop.turn(&mut state, AT_ONCE).unwrap());
        catch_unwind(turn).unwrap_err();
        assert_eq!(state.calls, 1);
    });
}

/// Panics when it is dropped.
struct Fragile(UnixStream);

impl AsFd for Fragile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        std::panic::resume_unwind(Box::new("on purpose"));
    }
}

/// Half a list of changes done would tell what was removed, and close what is registered.
#[test]
fn a_source_that_panics_when_it_is_dropped_hinders_no_other_change_of_that_callback() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Vec<&str>> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        let (near, _fragile_peer) = pair();
        let fragile = handle.insert(Fragile(near), READ, Mode::Level, |_, _, _, _| ());
        let fragile = fragile.unwrap();

        // Two that remove each other: whoever is told second must not be told.
        let (first, second) = (Rc::new(Cell::new(None)), Rc::new(Cell::new(None)));
        let mut peers = Vec::new();
        for (own, other) in [(&first, &second), (&second, &first)] {
            let (near, far) = ready();
            peers.push(far);
            let other = Rc::clone(other);
            let key = handle.insert(
                near,
                READ,
                Mode::Level,
                move |told: &mut Vec<&str>, _, _, handle| {
                    told.push("one of the two");
                    handle.remove(fragile);
                    handle.remove(other.get().unwrap());
                    handle.remove(handle.key());
                    let (near, _far) = ready();
                    let fresh = handle.insert(
                        near,
                        READ,
                        Mode::Level,
                        |told: &mut Vec<&str>, _, _, handle| {
                            told.push("the fresh one");
                            handle.remove(handle.key());
                        },
                    );
                    fresh.unwrap();
                },
            );
            own.set(Some(key.unwrap()));
        }
        let mut told = Vec::new();
        let turn = AssertUnwindSafe(|| event_loop.turn(&mut told, None).unwrap());
        assert_eq!(text(catch_unwind(turn).unwrap_err()), "on purpose");
        turn_until(&mut event_loop, &mut told, |told| told.len() >= 2);
        settle(&mut event_loop, &mut told);
        assert_eq!(told, ["one of the two", "the fresh one"]);
        assert!(event_loop.handle().is_empty());
    });
}

#[test]
fn a_panic_leaks_nothing() {
    on_every_mechanism(|reactor| {
        let held = Rc::new(());
        let mut event_loop: Loop<()> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        let panic = || -> () { std::panic::resume_unwind(Box::new("on purpose")) };
        let [a, b, c, d] = [(); 4].map(|()| Rc::clone(&held));
        let (near, mut far) = ready();
        handle
            .insert(near, READ, Mode::Level, move |(), near, _, handle| {
                let _held = Rc::clone(&a);
                drain(near);
                handle.remove(handle.key());
                panic();
            })
            .unwrap();
        handle.arm_after(Duration::ZERO, move |(), _, _| {
            let _held = Rc::clone(&b);
            panic();
        });
        handle.defer(move |(), _| {
            let _held = c;
            panic();
        });
        let (sender, channel) = handle.channel(move |(), message: Option<Rc<()>>, _| {
            let _held = (message, Rc::clone(&d));
            panic();
        });
        sender.send(Rc::clone(&held)).unwrap();
        let mut panics = 0;
        while panics < 4 {
            let turn = AssertUnwindSafe(|| event_loop.turn(&mut (), None).unwrap());
            panics += u32::from(catch_unwind(turn).is_err());
        }
        assert_eq!(Rc::strong_count(&held), 2, "the channel has the other");
        assert_eq!(std::io::Read::read(&mut far, &mut [0]).unwrap(), 0);
        event_loop.handle().remove(channel);
        assert_eq!(Rc::strong_count(&held), 1);
        assert!(event_loop.handle().is_empty());
    });
}
