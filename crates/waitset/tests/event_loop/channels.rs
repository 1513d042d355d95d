//! Channels from other threads.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::TrySendError;
use std::thread;
use std::time::{Duration, Instant};

use waitset::{EventLoop, Mode};

use crate::mechanisms::*;

/// Sums messages up and counts the ends.
#[derive(Default)]
struct Sum {
    sum: u64,
    messages: u64,
    ends: u32,
}

fn add(state: &mut Sum, message: Option<u64>, _: &mut In<'_, Sum>) {
    match message {
        Some(number) => {
            state.sum += number;
            state.messages += 1;
        }
        None => state.ends += 1,
    }
}

const SENDERS: u64 = 4;
const EACH: u64 = 25_000;
const ALL: u64 = SENDERS * EACH;

#[test]
fn a_hundred_thousand_messages_of_several_threads_all_arrive_and_then_the_end() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Sum> = EventLoop::with_reactor(reactor);
        let (sender, channel) = event_loop.handle().channel(add);
        let mut state = Sum::default();
        thread::scope(|scope| {
            for thread in 0..SENDERS {
                let sender = sender.clone();
                scope.spawn(move || {
                    for number in 0..EACH {
                        sender.send(thread * EACH + number).unwrap();
                    }
                });
            }
            drop(sender);
            turn_until(&mut event_loop, &mut state, |state| state.ends > 0);
        });
        assert_eq!((state.messages, state.sum), (ALL, ALL * (ALL - 1) / 2));
        assert!(!event_loop.handle().contains(channel));
        settle(&mut event_loop, &mut state);
        assert_eq!(state.ends, 1);
    });
}

/// The loop sleeps before each message: a wake that is lost would hang it.
#[test]
fn no_message_is_lost_to_a_loop_that_is_about_to_sleep() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Sum> = EventLoop::with_reactor(reactor);
        let (sender, _) = event_loop.handle().channel(add);
        let (back, forth) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            for number in forth {
                sender.send(number).unwrap();
            }
        });
        let mut state = Sum::default();
        for number in 0..2_000 {
            back.send(number).unwrap();
            turn_until(&mut event_loop, &mut state, |state| {
                state.messages == number + 1
            });
        }
        drop(back);
        thread.join().unwrap();
        turn_until(&mut event_loop, &mut state, |state| state.ends == 1);
    });
}

#[test]
fn who_sends_to_a_full_channel_waits_until_the_loop_makes_room() {
    on_every_mechanism(|reactor| {
        for bound in [0, 1, 3] {
            let mut event_loop: Loop<Sum> = EventLoop::with_reactor(reactor_again(&reactor));
            let (sender, _) = event_loop.handle().sync_channel(bound, add);
            let mut state = Sum::default();
            thread::scope(|scope| {
                for _ in 0..SENDERS {
                    let sender = sender.clone();
                    scope.spawn(move || (0..2_000).try_for_each(|_| sender.send(1)).unwrap());
                }
                drop(sender);
                turn_until(&mut event_loop, &mut state, |state| state.ends > 0);
            });
            assert_eq!(state.sum, SENDERS * 2_000);
        }
    });
}

/// Another reactor of the same kind.
fn reactor_again(reactor: &AnyReactor) -> AnyReactor {
    let backend: waitset::Backend = reactor.name().parse().unwrap();
    backend.open().unwrap()
}

#[test]
fn a_full_channel_gives_the_message_back_to_who_only_tries() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Sum> = EventLoop::with_reactor(reactor);
        let (sender, channel) = event_loop.handle().sync_channel(2, add);
        assert!(sender.try_send(1).is_ok() && sender.try_send(2).is_ok());
        assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
        let mut state = Sum::default();
        assert_eq!(event_loop.turn(&mut state, None).unwrap(), 2);
        assert!(sender.try_send(3).is_ok());
        event_loop.handle().remove(channel);
        assert_eq!(sender.try_send(4), Err(TrySendError::Disconnected(4)));
        settle(&mut event_loop, &mut state);
        assert_eq!((state.sum, state.ends), (3, 0), "nothing after its removal");
    });
}

#[test]
fn senders_learn_that_a_channel_or_its_loop_is_gone() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Sum> = EventLoop::with_reactor(reactor);
        let (first, channel) = event_loop.handle().channel(add);
        let (second, _) = event_loop.handle().channel(add);
        event_loop.handle().remove(channel);
        assert_eq!(first.send(7).unwrap_err().0, 7);
        second.send(7).unwrap();
        drop(event_loop);
        assert_eq!(second.send(8).unwrap_err().0, 8);
    });
}

#[test]
fn a_removed_channel_goes_with_its_messages_and_whoever_waits_for_room_has_an_error() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<usize> = EventLoop::with_reactor(reactor);
        let held = Arc::new(());
        let callback = {
            let held = Arc::clone(&held);
            move |_: &mut usize, _, _: &mut In<'_, usize>| unreachable!("{held:?}")
        };
        let (sender, channel) = event_loop.handle().sync_channel(1, callback);
        sender.try_send(Arc::clone(&held)).unwrap();
        let message = Arc::clone(&held);
        let waiting = thread::spawn(move || sender.send(message).is_err());
        assert!(event_loop.handle().remove(channel));
        assert!(waiting.join().unwrap(), "nobody makes room any more");
        assert_eq!(Arc::strong_count(&held), 1);
    });
}

#[test]
fn a_channel_that_a_source_removes_goes_when_the_callback_has_returned() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<usize> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        let callback = |_: &mut usize, _, _: &mut In<'_, usize>| unreachable!();
        let (sender, channel) = handle.channel(callback);
        let held = Arc::new(());
        let (message, sends) = (Arc::clone(&held), sender.clone());
        let (near, _far) = ready();
        let removes = move |calls: &mut usize, _: &_, _, handle: &mut In<'_, usize>| {
            *calls += 1;
            assert!(handle.remove(channel));
            sends.send(Arc::clone(&message)).unwrap();
        };
        handle.insert(near, READ, Mode::Oneshot, removes).unwrap();
        let mut calls = 0;
        turn_until(&mut event_loop, &mut calls, |calls| *calls == 1);
        assert_eq!(
            Arc::strong_count(&held),
            2,
            "the source's callback has the other"
        );
        assert!(sender.send(held).is_err());
    });
}

#[test]
fn a_channel_that_is_never_empty_runs_a_bounded_number_of_messages_a_turn() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Sum> = EventLoop::with_reactor(reactor);
        let (sender, _) = event_loop.handle().channel(add);
        (0..1_000).try_for_each(|_| sender.send(1)).unwrap();
        let mut state = Sum::default();
        for turn in 1..=15 {
            event_loop.turn(&mut state, None).unwrap();
            assert_eq!(state.messages, 64 * turn);
        }
        event_loop.turn(&mut state, None).unwrap();
        assert_eq!(state.messages, 1_000);
        let start = Instant::now();
        let timeout = Duration::from_millis(3);
        // One more look may be needed to find it empty.
        event_loop.turn(&mut state, AT_ONCE).unwrap();
        event_loop.turn(&mut state, Some(timeout)).unwrap();
        assert!(start.elapsed() >= timeout, "it sleeps again");
    });
}

#[test]
fn a_disabled_channel_keeps_its_messages_for_when_it_is_enabled() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Sum> = EventLoop::with_reactor(reactor);
        let (sender, channel) = event_loop.handle().channel(add);
        let mut state = Sum::default();
        // Disabled before it is sent to, after, and while it is looked at.
        for round in 1..=3 {
            event_loop.handle().disable(channel);
            sender.send(1).unwrap();
            settle(&mut event_loop, &mut state);
            sender.send(1).unwrap();
            for _ in 0..3 {
                event_loop.turn(&mut state, AT_ONCE).unwrap();
            }
            assert_eq!(state.messages, 2 * (round - 1));
            event_loop.handle().enable(channel).unwrap();
            turn_until(&mut event_loop, &mut state, |state| {
                state.messages == 2 * round
            });
        }
        event_loop.handle().disable(channel);
        drop(sender);
        settle(&mut event_loop, &mut state);
        assert_eq!(state.ends, 0);
        event_loop.handle().enable(channel).unwrap();
        turn_until(&mut event_loop, &mut state, |state| state.ends == 1);
    });
}

#[test]
fn a_channel_disabled_by_its_own_callback_stops_at_that_message() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Vec<u32>> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        let keys = Rc::new(Cell::new(None));
        let own = Rc::clone(&keys);
        let (sender, channel) = handle.channel(move |got: &mut Vec<u32>, message, handle| {
            got.extend(message);
            handle.disable(own.get().unwrap());
        });
        keys.set(Some(channel));
        (0..5).try_for_each(|number| sender.send(number)).unwrap();
        let mut got = Vec::new();
        for count in 1..=5 {
            turn_until(&mut event_loop, &mut got, |got| got.len() == count);
            settle(&mut event_loop, &mut got);
            assert_eq!(got.len(), count);
            event_loop.handle().enable(channel).unwrap();
        }
        assert_eq!(got, [0, 1, 2, 3, 4]);
    });
}
