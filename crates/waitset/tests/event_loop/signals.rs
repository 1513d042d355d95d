//! Signals: each test in a child process of its own, whose threads block `SIGTERM`, `SIGUSR1`
//! and the real-time signals.
#![cfg(any(target_os = "linux", target_os = "android"))]

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
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
        let mut event_loop: Loop<Vec<SignalInfo>> = EventLoop::with_reactor(reactor);
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
        let mut event_loop: Loop<Vec<SignalInfo>> = EventLoop::with_reactor(reactor);
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
fn every_real_time_signal_that_was_queued_is_read_the_lowest_first() {
    let test = "signals::every_real_time_signal_that_was_queued_is_read_the_lowest_first";
    alone::on_every_mechanism(test, |reactor| {
        let numbers = libc::SIGRTMIN()..=libc::SIGRTMAX();
        let all: Vec<_> = numbers.clone().map(Signal::from_number).collect();
        let mut event_loop: Loop<Vec<SignalInfo>> = EventLoop::with_reactor(reactor);
        let signals = Signals::new(&all).unwrap();
        let told = |infos: &mut Vec<SignalInfo>, signals: &Signals, _, _: &mut In<'_, _>| {
            collect(infos, signals);
        };
        let inserted = event_loop.handle().insert(signals, READ, Mode::Level, told);
        inserted.unwrap();
        let mut expected = Vec::new();
        for number in numbers {
            for value in [7, -7, 7] {
                expected.push((number, value));
            }
        }
        for (number, value) in expected.iter().rev() {
            sys::queue_to_this_process(*number, *value);
        }
        let mut infos = Vec::new();
        turn_until(&mut event_loop, &mut infos, |infos| {
            infos.len() == expected.len()
        });
        settle(&mut event_loop, &mut infos);
        let got = infos
            .iter()
            .map(|info| (info.signal().number(), info.value()));
        assert_eq!(got.collect::<Vec<_>>(), expected);
    });
}

#[test]
fn a_signal_stays_blocked_until_the_last_that_reads_it_is_dropped() {
    let is_blocked = || {
        let mask = SigSet::thread_get_mask().unwrap();
        mask.contains(Raw::SIGUSR2)
    };
    let new = || Signals::new(&[Signal::USER_2, Signal::USER_2]).unwrap();
    for first_goes_first in [true, false] {
        let (first, second) = (new(), new());
        let (one, other) = match first_goes_first {
            true => (first, second),
            false => (second, first),
        };
        drop(one);
        assert!(is_blocked());
        raise(Raw::SIGUSR2).unwrap();
        assert_eq!(other.next().unwrap().signal(), Signal::USER_2);
        // A child has it unblocked by either.
        let mut command = Command::new("sh");
        other.unblock_in(command.args(["-c", "kill -USR2 $$"]));
        assert_eq!(command.status().unwrap().signal(), Some(libc::SIGUSR2));
        drop(other);
        assert!(!is_blocked());
    }
}

#[test]
fn each_number_that_cannot_be_read_is_refused_with_its_own_reason() {
    let (first, last) = (libc::SIGRTMIN(), libc::SIGRTMAX());
    let range = format!("{first} (SIGRTMIN) to {last} (SIGRTMAX)");
    let mut table = vec![
        (libc::SIGKILL, "no process can block SIGKILL"),
        (libc::SIGSTOP, "no process can block SIGKILL or SIGSTOP"),
    ];
    for number in [0, -1, i32::MIN, last + 1, 1_000, i32::MAX] {
        table.push((number, "signals have the numbers 1 to 31"));
        table.push((number, &range));
    }
    for number in 32..first {
        table.push((number, "the C library"));
        table.push((number, &range));
    }
    for (number, reason) in table {
        let signals = [Signal::INTERRUPT, Signal::from_number(number)];
        let error = Signals::new(&signals).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{number}");
        let text = error.to_string();
        assert!(text.contains(reason), "{text}");
        assert!(text.contains(&format!("signal {number}:")), "{text}");
        assert!(text.contains("; use "), "{text}");
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
        let mut event_loop = EventLoop::with_reactor(reactor);
        watch(&mut event_loop);
        raise(Raw::SIGTERM).unwrap();
        let child = sys::in_a_fork(|| {
            let mut own = EventLoop::with_reactor(backend.open().unwrap());
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
