//! Sources: what is inserted, changed, rests and is removed.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset::{Backend, EventLoop, Mode};

use crate::mechanisms::*;

#[test]
fn a_callback_has_the_state_its_source_and_the_event() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Vec<u8>> = EventLoop::with_reactor(reactor);
        let (near, mut far) = pair();
        let insert = event_loop.handle().insert(
            near,
            READ,
            Mode::Level,
            |text: &mut Vec<u8>, mut near, event, _| {
                assert!(event.is_readable() && !event.is_writable());
                let mut buffer = [0; 16];
                let count = near.read(&mut buffer).unwrap();
                text.extend(&buffer[..count]);
            },
        );
        insert.unwrap();
        far.write_all(b"hello").unwrap();
        let mut text = Vec::new();
        turn_until(&mut event_loop, &mut text, |text| text.len() == 5);
        assert_eq!(text, b"hello");
        assert_eq!(event_loop.turn(&mut text, AT_ONCE).unwrap(), 0);
    });
}

#[test]
fn a_refused_source_comes_back_in_the_error() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<()> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        let (near, _far) = pair();
        let near = Rc::new(near);
        handle
            .insert(Rc::clone(&near), READ, Mode::Level, |_, _, _, _| ())
            .unwrap();
        let again = handle.insert(Rc::clone(&near), READ, Mode::Level, |_, _, _, _| ());
        let error = again.unwrap_err();
        assert_eq!(error.error().kind(), ErrorKind::AlreadyExists);
        assert!(Rc::ptr_eq(&error.into_source(), &near));
        assert_eq!(handle.len(), 1, "the first stays");
    });
}

#[test]
fn modify_changes_what_is_told() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<u32> = EventLoop::with_reactor(reactor);
        let (near, _far) = pair();
        let insert = event_loop
            .handle()
            .insert(near, READ, Mode::Level, |calls, _, event, _| {
                assert!(event.is_writable() && !event.is_readable());
                *calls += 1;
            });
        let key = insert.unwrap();
        let mut calls = 0;
        settle(&mut event_loop, &mut calls);
        event_loop
            .handle()
            .modify(key, READ | WRITE, Mode::Level)
            .unwrap();
        assert_eq!(event_loop.turn(&mut calls, None).unwrap(), 1);
        event_loop.handle().modify(key, READ, Mode::Level).unwrap();
        settle(&mut event_loop, &mut calls);
        assert_eq!(calls, 1);
    });
}

#[test]
fn what_was_removed_is_not_found_and_a_channel_is_asked_for_nothing() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<()> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        let (near, _far) = pair();
        let key = handle
            .insert(near, READ, Mode::Level, |_, _, _, _| ())
            .unwrap();
        assert!(handle.contains(key) && handle.remove(key));
        assert!(!handle.contains(key) && !handle.remove(key) && !handle.disable(key));
        let modified = handle.modify(key, READ, Mode::Level).unwrap_err();
        assert_eq!(modified.kind(), ErrorKind::NotFound);
        assert_eq!(handle.enable(key).unwrap_err().kind(), ErrorKind::NotFound);
        let (_sender, channel) = handle.channel(|_, _: Option<()>, _| ());
        let modified = handle.modify(channel, READ, Mode::Level).unwrap_err();
        assert_eq!(modified.kind(), ErrorKind::InvalidInput);
    });
}

/// The modes that a mechanism has.
fn modes(event_loop: &mut Loop<u32>) -> impl Iterator<Item = Mode> + use<> {
    let capabilities = event_loop.handle().capabilities();
    let modes = [Mode::Level, Mode::Edge, Mode::Oneshot];
    modes
        .into_iter()
        .filter(move |mode| capabilities.supports(*mode))
}

#[test]
fn a_disabled_source_is_silent_until_it_is_enabled_and_then_told_what_it_has() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<u32> = EventLoop::with_reactor(reactor);
        for mode in modes(&mut event_loop) {
            let (near, mut far) = pair();
            let insert = event_loop
                .handle()
                .insert(near, READ, mode, |calls, near, _, _| {
                    *calls += 1;
                    drain(near);
                });
            let key = insert.unwrap();
            let mut calls = 0;
            settle(&mut event_loop, &mut calls);
            assert!(event_loop.handle().disable(key));
            far.write_all(b"!").unwrap();
            for _ in 0..3 {
                event_loop.turn(&mut calls, AT_ONCE).unwrap();
            }
            assert_eq!(calls, 0, "{mode:?}");
            event_loop.handle().enable(key).unwrap();
            turn_until(&mut event_loop, &mut calls, |calls| *calls == 1);
            settle(&mut event_loop, &mut calls);
            assert_eq!(calls, 1, "{mode:?}");
            event_loop.handle().remove(key);
        }
    });
}

#[test]
fn enabling_an_enabled_source_arms_it_again() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<u32> = EventLoop::with_reactor(reactor);
        let (near, _far) = ready();
        let insert = event_loop
            .handle()
            .insert(near, READ, Mode::Oneshot, |calls, _, _, _| *calls += 1);
        let key = insert.unwrap();
        let mut calls = 0;
        turn_until(&mut event_loop, &mut calls, |calls| *calls == 1);
        settle(&mut event_loop, &mut calls);
        event_loop.handle().enable(key).unwrap();
        turn_until(&mut event_loop, &mut calls, |calls| *calls == 2);
        settle(&mut event_loop, &mut calls);
        assert_eq!(calls, 2);
    });
}

#[test]
fn a_disabled_source_takes_a_change_and_keeps_resting() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<u32> = EventLoop::with_reactor(reactor);
        let (near, _far) = ready();
        let insert = event_loop
            .handle()
            .insert(near, READ, Mode::Level, |calls, _, event, _| {
                assert!(event.is_writable() && !event.is_readable());
                *calls += 1;
            });
        let key = insert.unwrap();
        let mut calls = 0;
        event_loop.handle().disable(key);
        // Before anything has come for it, and after.
        for _ in 0..2 {
            event_loop.handle().modify(key, WRITE, Mode::Level).unwrap();
            for _ in 0..3 {
                event_loop.turn(&mut calls, AT_ONCE).unwrap();
            }
            assert!(!event_loop.handle().is_enabled(key));
        }
        assert_eq!(calls, 0);
        event_loop.handle().enable(key).unwrap();
        turn_until(&mut event_loop, &mut calls, |calls| *calls == 1);
    });
}

#[test]
fn a_ready_source_that_rests_ends_one_wait_early_at_most() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<()> = EventLoop::with_reactor(reactor);
        let (near, far) = ready();
        let insert =
            event_loop
                .handle()
                .insert(near, READ, Mode::Level, |_, _, _, _| unreachable!());
        let key = insert.unwrap();
        drop(far); // a hang-up, which poll and epoll tell unasked
        event_loop.handle().disable(key);
        event_loop
            .turn(&mut (), Some(Duration::from_millis(5)))
            .unwrap();
        let timeout = Duration::from_millis(5);
        let start = Instant::now();
        event_loop.turn(&mut (), Some(timeout)).unwrap();
        assert!(start.elapsed() >= timeout);
    });
}

#[test]
fn off_and_on_again_makes_no_system_call_under_epoll() {
    let Ok(reactor) = Backend::Epoll.open() else {
        return eprintln!("skipped: there is no epoll");
    };
    let mut event_loop: Loop<()> = EventLoop::with_reactor(reactor);
    let (near, _far) = pair();
    let insert = event_loop
        .handle()
        .insert(near, READ, Mode::Level, |_, _, _, _| ());
    let key = insert.unwrap();
    let calls = |event_loop: &mut Loop<()>| event_loop.handle().stats().control_calls;
    let before = calls(&mut event_loop);
    for _ in 0..100 {
        event_loop.handle().disable(key);
        event_loop.turn(&mut (), AT_ONCE).unwrap();
        event_loop.handle().enable(key).unwrap();
        event_loop.turn(&mut (), AT_ONCE).unwrap();
    }
    assert_eq!(calls(&mut event_loop), before);
}

#[test]
fn a_source_removed_by_its_callback_is_open_until_that_returns() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<usize> = EventLoop::with_reactor(reactor);
        let (near, mut far) = ready();
        let insert =
            event_loop
                .handle()
                .insert(near, READ, Mode::Level, |bytes, near, _, handle| {
                    let number = near.as_raw_fd();
                    assert!(handle.remove(handle.key()));
                    assert!(handle.is_empty());
                    // Nobody gets its number meanwhile, so what is read is its own.
                    let (stranger, _peer) = ready();
                    assert_ne!(stranger.as_raw_fd(), number);
                    *bytes += drain(near);
                });
        insert.unwrap();
        let mut bytes = 0;
        turn_until(&mut event_loop, &mut bytes, |bytes| *bytes == 1);
        assert_eq!(far.read(&mut [0]).unwrap(), 0, "it has been closed");
        assert_eq!(event_loop.turn(&mut bytes, AT_ONCE).unwrap(), 0);
    });
}

#[test]
fn dropping_the_loop_closes_its_sources_and_drops_all_callbacks() {
    on_every_mechanism(|reactor| {
        let held = Rc::new(());
        let mut event_loop: Loop<()> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        let (near, mut far) = pair();
        let copies = [(); 6].map(|()| Rc::clone(&held));
        let [a, b, c, d, e, f] = copies;
        handle
            .insert(near, READ, Mode::Level, move |_, _, _, _| drop(a.clone()))
            .unwrap();
        handle.arm_after(Duration::ZERO, move |_, _, _| drop(b.clone()));
        handle.arm_every(Duration::MAX, move |_, _, _| drop(c.clone()));
        handle.defer(move |_, _| drop(d));
        handle.before_sleep(move |_, _| drop(e.clone()));
        let (sender, _) = handle.channel(move |_, _: Option<()>, _| drop(f.clone()));
        assert_eq!(Rc::strong_count(&held), 7);
        drop(event_loop);
        assert_eq!(Rc::strong_count(&held), 1);
        assert_eq!(far.read(&mut [0]).unwrap(), 0);
        assert!(sender.send(()).is_err());
    });
}

#[test]
fn a_loop_with_little_room_runs_every_callback() {
    on_every_mechanism(|reactor| {
        let mode = match reactor.capabilities().supports(Mode::Edge) {
            true => Mode::Edge,
            false => Mode::Oneshot,
        };
        // Room for none would never have an event.
        let mut event_loop: Loop<Vec<usize>> = EventLoop::with_batch(reactor, 0);
        let mut peers = Vec::new();
        for number in 0..5 {
            let (near, far) = ready();
            let told = move |told: &mut Vec<usize>, _: &_, _, _: &mut In<'_, _>| told.push(number);
            let inserted = event_loop.handle().insert(near, READ, mode, told);
            inserted.unwrap();
            peers.push(far);
        }
        let mut told = Vec::new();
        for _ in 0..5 {
            assert_eq!(event_loop.turn(&mut told, None).unwrap(), 1);
        }
        assert_eq!(event_loop.turn(&mut told, AT_ONCE).unwrap(), 0);
        told.sort_unstable();
        assert_eq!(told, [0, 1, 2, 3, 4]);
    });
}
