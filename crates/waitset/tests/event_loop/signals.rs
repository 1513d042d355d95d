//! Signals: each test in a child process of its own, whose threads block `SIGTERM` and
//! `SIGUSR1`.
#![cfg(any(target_os = "linux", target_os = "android"))]

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use nix::sys::signal::{SigSet, Signal as Raw, kill, raise};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use waitset::{EventLoop, Mode, Signal, SignalInfo, Signals};

use crate::mechanisms::*;
use crate::{alone, sys};

fn collect(infos: &mut Vec<SignalInfo>, signals: &Signals) {
    let none = loop {
        match signals.next() {
            Ok(info) => infos.push(info),
            Err(error) => break error,
        }
    };
    assert_eq!(none.kind(), ErrorKind::WouldBlock);
}

fn own_user() -> u32 {
    std::fs::metadata("/proc/self").unwrap().uid()
}

#[test]
fn signals_of_the_process_arrive_as_events_with_their_sender() {
    let test = "signals::signals_of_the_process_arrive_as_events_with_their_sender";
    alone::on_every_mechanism(test, |reactor| {
        let own = Pid::this();
        let mut event_loop: Loop<Vec<SignalInfo>> = EventLoop::over(reactor);
        let signals = Signals::new(&[Signal::TERMINATE, Signal::USER_1]).unwrap();
        let insert = event_loop.handle().insert(
            signals,
            READ,
            Mode::Level,
            |infos: &mut Vec<SignalInfo>, signals, _, _| collect(infos, signals),
        );
        insert.unwrap();
        let mut infos = Vec::new();
        settle(&mut event_loop, &mut infos);
        // One that is pending before the wait, and one that comes from outside.
        kill(own, Raw::SIGTERM).unwrap();
        turn_until(&mut event_loop, &mut infos, |infos| infos.len() == 1);
        assert_eq!(infos[0].signal(), Signal::TERMINATE);
        assert_eq!(infos[0].sender(), std::process::id());
        assert_eq!(infos[0].user(), own_user());
        let mut child = Command::new("sh")
            .args(["-c", &format!("kill -USR1 {own}")])
            .spawn()
            .unwrap();
        turn_until(&mut event_loop, &mut infos, |infos| infos.len() == 2);
        assert_eq!(infos[1].signal(), Signal::USER_1);
        assert_eq!(infos[1].sender(), child.id());
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn what_was_blocked_is_unblocked_on_drop_and_nothing_else() {
    let test = "signals::what_was_blocked_is_unblocked_on_drop_and_nothing_else";
    alone::on_every_mechanism(test, |reactor| {
        let before = SigSet::thread_get_mask().unwrap();
        assert!(before.contains(Raw::SIGUSR1) && !before.contains(Raw::SIGUSR2));
        let mut event_loop: Loop<Vec<SignalInfo>> = EventLoop::over(reactor);
        let signals = Signals::new(&[Signal::USER_1, Signal::USER_2]).unwrap();
        let during = SigSet::thread_get_mask().unwrap();
        assert!(during.contains(Raw::SIGUSR1) && during.contains(Raw::SIGUSR2));
        let insert = event_loop.handle().insert(
            signals,
            READ,
            Mode::Level,
            |infos: &mut Vec<SignalInfo>, signals, _, _| collect(infos, signals),
        );
        insert.unwrap();
        raise(Raw::SIGUSR2).unwrap();
        raise(Raw::SIGUSR1).unwrap();
        raise(Raw::SIGUSR1).unwrap(); // coalesces, as signal(7) has it
        let mut infos = Vec::new();
        turn_until(&mut event_loop, &mut infos, |infos| infos.len() == 2);
        settle(&mut event_loop, &mut infos);
        infos.sort_unstable_by_key(SignalInfo::signal);
        let seen: Vec<_> = infos.iter().map(SignalInfo::signal).collect();
        assert_eq!(seen, [Signal::USER_1, Signal::USER_2]);
        drop(event_loop);
        assert!(SigSet::thread_get_mask().unwrap() == before);
    });
}

#[test]
fn what_is_no_signal_or_cannot_be_blocked_is_refused() {
    for number in [0, -1, 9, 19, 1_000] {
        let error = Signals::new(&[Signal::INTERRUPT, Signal::from_number(number)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{number}");
    }
    let mask = SigSet::thread_get_mask().unwrap();
    assert!(!mask.contains(Raw::SIGINT), "nothing stays blocked");
}

#[test]
fn a_forked_child_s_own_loop_has_none_of_the_parent_s_signals_and_does_not_spin() {
    let test =
        "signals::a_forked_child_s_own_loop_has_none_of_the_parent_s_signals_and_does_not_spin";
    alone::on_every_mechanism(test, |reactor| {
        let backend: waitset::Backend = reactor.name().parse().unwrap();
        let watch = |event_loop: &mut Loop<Vec<SignalInfo>>| {
            let signals = Signals::new(&[Signal::TERMINATE]).unwrap();
            let told = |infos: &mut Vec<SignalInfo>, signals: &Signals, _, _: &mut In<'_, _>| {
                collect(infos, signals);
            };
            let inserted = event_loop.handle().insert(signals, READ, Mode::Level, told);
            inserted.unwrap();
        };
        let mut event_loop = EventLoop::over(reactor);
        watch(&mut event_loop);
        raise(Raw::SIGTERM).unwrap();
        let child = sys::in_a_fork(|| {
            let mut own = EventLoop::over(backend.open().unwrap());
            watch(&mut own);
            let mut infos = Vec::new();
            let quiet = (0..10).all(|_| own.turn(&mut infos, AT_ONCE).unwrap() == 0);
            raise(Raw::SIGTERM).unwrap();
            turn_until(&mut own, &mut infos, |infos| !infos.is_empty());
            i32::from(!quiet || infos.len() != 1)
        });
        assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
        let mut infos = Vec::new();
        turn_until(&mut event_loop, &mut infos, |infos| !infos.is_empty());
        settle(&mut event_loop, &mut infos);
        assert_eq!(infos.len(), 1, "its own");
    });
}
