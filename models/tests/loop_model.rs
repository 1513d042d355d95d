//! No message and no wake of another thread is lost, in every interleaving with a loop that
//! is about to sleep: run by the model checker.
//!
//! `cargo test --release -p waitset-models --test loop_model`
//!
//! These are red if `Remote::post` or a sender wakes before it publishes, and if a channel's
//! `is_scheduled` is taken down after the messages were looked at, or by a store instead of
//! a swap.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use waitset::{EventLoop, Handle};
use waitset_models::Sleeper;

type Got = Vec<u32>;

/// Runs a model: all interleavings with at most three preemptions, which is what errors of
/// this kind take.
fn model(run: impl Fn(EventLoop<Got, Sleeper>) + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(move || run(EventLoop::with_reactor(Sleeper::new())));
}

/// What a channel does: notes the messages, and stops the loop when it is disconnected.
fn note(got: &mut Got, message: Option<u32>, handle: &mut Handle<'_, Got>) {
    match message {
        Some(number) => got.push(number),
        None => handle.stop(),
    }
}

#[test]
fn closures_of_two_threads_are_run() {
    model(|mut event_loop| {
        let threads = [1, 2].map(|number| {
            let remote = event_loop.handle().remote();
            thread::spawn(move || remote.post(move |got: &mut Got, _| got.push(number)))
        });
        let mut got = Vec::new();
        while got.len() < 2 {
            event_loop.turn(&mut got, None).unwrap();
        }
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
    });
}

#[test]
fn what_was_done_before_a_wake_is_seen_after_it() {
    model(|mut event_loop| {
        let is_done = Arc::new(AtomicBool::new(false));
        let (done, remote) = (Arc::clone(&is_done), event_loop.handle().remote());
        let thread = thread::spawn(move || {
            // Relaxed: it is the wake that makes it visible.
            done.store(true, Ordering::Relaxed);
            remote.wake();
        });
        while !is_done.load(Ordering::Relaxed) {
            event_loop.turn(&mut Vec::new(), None).unwrap();
        }
        thread.join().unwrap();
    });
}

#[test]
fn messages_of_two_threads_and_their_disconnect_arrive() {
    model(|mut event_loop| {
        let (sender, _) = event_loop.handle().channel(note);
        let other = sender.clone();
        let threads = [(sender, 1), (other, 2)]
            .map(|(sender, number)| thread::spawn(move || sender.send(number)));
        let mut got = Vec::new();
        event_loop.run(&mut got).unwrap();
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
    });
}

#[test]
fn each_message_of_a_thread_is_served_before_the_next_is_awaited() {
    model(|mut event_loop| {
        let (sender, _) = event_loop.handle().channel(note);
        let thread = thread::spawn(move || {
            sender.send(1).unwrap();
            sender.send(2).unwrap();
            sender
        });
        let mut got = Vec::new();
        // Nobody is disconnected meanwhile: only the rings of the messages end the sleep.
        while got.len() < 2 {
            event_loop.turn(&mut got, None).unwrap();
        }
        assert_eq!(got, [1, 2]);
        drop(thread.join().unwrap());
        event_loop.run(&mut got).unwrap();
    });
}

#[test]
fn a_sender_that_waits_for_room_goes_on() {
    model(|mut event_loop| {
        let (sender, _) = event_loop.handle().sync_channel(1, note);
        let thread = thread::spawn(move || {
            sender.send(1).unwrap();
            sender.send(2).unwrap();
        });
        let mut got = Vec::new();
        event_loop.run(&mut got).unwrap();
        assert_eq!(got, [1, 2]);
        thread.join().unwrap();
    });
}

#[test]
fn a_loop_that_is_dropped_leaves_no_sender_waiting() {
    model(|mut event_loop| {
        let (sender, _) = event_loop.handle().sync_channel(1, note);
        let thread = thread::spawn(move || {
            let first = sender.send(1);
            // It may have been taken by a loop that then was dropped, or not at all.
            first.is_ok().then(|| sender.send(2))
        });
        drop(event_loop);
        let second = thread.join().unwrap();
        assert!(second.is_none_or(|second| second.is_err()));
    });
}
