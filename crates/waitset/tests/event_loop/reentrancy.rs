//! Everything is allowed in every callback.

use std::time::{Duration, Instant};

use waitset::{EventLoop, Key, Mode};

use crate::mechanisms::*;

/// How often things ran that `everything` has set going.
type Count = u32;

/// Does all that can be done to a loop, and returns how much of it will be counted.
fn everything(handle: &mut In<'_, Count>) -> Count {
    let (near, far) = ready();
    drop(far);
    let key = handle
        .insert(
            near,
            READ,
            Mode::Level,
            |count: &mut Count, _, _, handle| {
                *count += 1;
                handle.remove(handle.key());
            },
        )
        .unwrap();
    handle.modify(key, READ | WRITE, Mode::Level).unwrap();
    assert!(handle.disable(key));
    handle.enable(key).unwrap();
    let (other, _peer) = pair();
    let other = handle
        .insert(other, READ, Mode::Level, |_, _, _, _| unreachable!())
        .unwrap();
    assert!(handle.remove(other));

    handle.arm_at(Instant::now(), |count, _, _| *count += 1);
    let timer = handle.arm_after(Duration::MAX, |count, _, _| *count += 1);
    assert!(handle.reset_after(timer, Duration::ZERO));
    let repeating = handle.arm_every(Duration::ZERO, |_, _, _| unreachable!());
    assert!(handle.reset_at(repeating, Instant::now()));
    assert!(handle.cancel(repeating));

    handle.defer(|count, _| *count += 1);
    let hook = handle.before_sleep(|_, _| unreachable!());
    assert!(handle.disable(hook));
    handle.enable(hook).unwrap();
    assert!(handle.remove(hook));
    let (sender, _) = handle.channel(|count, _, _| *count += 1);
    sender.send(()).unwrap();
    drop(sender);
    let (sender, channel) = handle.sync_channel(1, |_, _: Option<()>, _| unreachable!());
    assert!(sender.try_send(()).is_ok() && handle.remove(channel));
    handle.remote().post(|count, _| *count += 1).unwrap();
    handle.waker().wake();
    handle.stop();
    // The source, two timers, the call, a message and its end, the posted closure.
    7
}

#[test]
fn every_operation_works_within_every_callback() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Count> = EventLoop::with_reactor(reactor);
        let mut handle = event_loop.handle();
        let mut expected = 0;
        let (near, _far) = ready();
        let source = handle
            .insert(near, READ, Mode::Oneshot, |_, _, _, handle| {
                everything(handle);
            })
            .unwrap();
        handle.arm_after(Duration::ZERO, |_, _, handle| {
            everything(handle);
        });
        handle.defer(|_, handle| {
            everything(handle);
        });
        let remote = handle.remote();
        remote
            .post(|_, handle| {
                everything(handle);
            })
            .unwrap();
        let (sender, channel) = handle.channel(|_, _, handle| {
            everything(handle);
        });
        sender.send(()).unwrap();
        let mut is_first = true;
        let hook = handle.before_sleep(move |_, handle| {
            if std::mem::take(&mut is_first) {
                everything(handle);
            }
        });
        // And from outside.
        for _ in 0..7 {
            expected += 7;
        }
        everything(&mut handle);
        let mut count = 0;
        turn_until(&mut event_loop, &mut count, |count| *count >= expected);
        settle(&mut event_loop, &mut count);
        assert_eq!(count, expected);
        let handle = event_loop.handle();
        assert!(handle.remove(source) && handle.remove(channel) && handle.remove(hook));
        assert!(handle.is_empty());
    });
}

#[test]
fn each_callback_can_remove_itself_and_never_runs_again() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Vec<Key>> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        let (near, _far) = ready();
        let source = handle
            .insert(
                near,
                READ,
                Mode::Level,
                |keys: &mut Vec<Key>, _, _, handle| {
                    assert!(handle.remove(handle.key()));
                    keys.retain(|key| *key != handle.key());
                },
            )
            .unwrap();
        let (sender, channel) = handle.channel(|keys: &mut Vec<Key>, _, handle| {
            let channel = keys.remove(0);
            assert!(handle.remove(channel));
        });
        (0..3).try_for_each(|_| sender.send(())).unwrap();
        let hook = handle.before_sleep(|keys: &mut Vec<Key>, handle| {
            let hook = keys.remove(keys.len() - 1);
            assert!(handle.remove(hook));
        });
        let timer = handle.arm_every(Duration::from_nanos(1), |_, tick, handle| {
            assert!(handle.cancel(tick.timer));
        });
        // A channel comes first, a hook last.
        let mut keys = vec![channel, source, hook];
        turn_until(&mut event_loop, &mut keys, Vec::is_empty);
        settle(&mut event_loop, &mut keys);
        assert!(event_loop.handle().is_empty());
        assert!(!event_loop.handle().is_armed(timer));
    });
}

#[test]
fn hooks_can_add_disable_and_remove_hooks() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Vec<&str>> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        let third = handle.before_sleep(|_, _| unreachable!("removed before its turn"));
        handle.remove(third);
        let fourth = std::rc::Rc::new(std::cell::Cell::new(None));
        let own = fourth.clone();
        let first = handle.before_sleep(move |log: &mut Vec<&str>, handle| {
            log.push("first");
            if let Some(fourth) = own.take() {
                assert!(handle.remove(fourth));
                handle.before_sleep(|log, _| log.push("added"));
            }
        });
        fourth.set(Some(handle.before_sleep(|_, _| unreachable!())));
        handle.before_sleep(|log, _| log.push("last"));
        let mut log = Vec::new();
        event_loop.turn(&mut log, AT_ONCE).unwrap();
        assert_eq!(log, ["first", "last"]);
        log.clear();
        event_loop.handle().disable(first);
        event_loop.turn(&mut log, AT_ONCE).unwrap();
        assert_eq!(log, ["last", "added"]);
        log.clear();
        event_loop.handle().enable(first).unwrap();
        event_loop.turn(&mut log, AT_ONCE).unwrap();
        assert_eq!(log, ["first", "last", "added"]);
    });
}
