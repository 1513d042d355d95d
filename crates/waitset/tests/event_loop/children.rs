//! Child processes: each test in a process of its own, which has no other children.
#![cfg(any(target_os = "linux", target_os = "android"))]

use std::io::{ErrorKind, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal as Raw, kill};
use nix::sys::wait::wait;
use nix::unistd::Pid;
use waitset::{ChildProcess, EventLoop, Mode};

use crate::mechanisms::*;
use crate::{alone, sys};

type Ended = Vec<(usize, ExitStatus)>;

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// A child that ends when the pipe is closed, so that it does not outlive a failed test.
fn waiting() -> (Child, ChildStdin) {
    let mut command = shell("read line");
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let gate = child.stdin.take().unwrap();
    (child, gate)
}

fn watch(handle: &mut In<'_, Ended>, number: usize, child: Child) {
    let child = ChildProcess::new(child).unwrap();
    handle
        .insert(
            child,
            READ,
            Mode::Level,
            move |ended: &mut Ended, child, _, handle| {
                ended.push((number, child.try_wait().unwrap()));
                handle.remove(handle.key());
            },
        )
        .unwrap();
}

fn assert_no_child_is_left() {
    assert_eq!(wait(), Err(Errno::ECHILD));
}

#[test]
fn of_a_hundred_children_that_end_at_once_none_is_lost() {
    let test = "children::of_a_hundred_children_that_end_at_once_none_is_lost";
    alone::on_every_mechanism(test, |reactor| {
        let mut event_loop: Loop<Ended> = EventLoop::with_reactor(reactor);
        // They wait for one pipe to be closed.
        let (gate, mut opener) = std::os::unix::net::UnixStream::pair().unwrap();
        for number in 0..100 {
            let gate = std::os::fd::OwnedFd::from(gate.try_clone().unwrap());
            let mut command = shell(&format!("read line; exit {number}"));
            let child = command.stdin(Stdio::from(gate)).spawn().unwrap();
            watch(&mut event_loop.handle(), number, child);
        }
        drop(gate);
        let mut ended = Ended::new();
        assert_eq!(event_loop.turn(&mut ended, AT_ONCE).unwrap(), 0);
        opener.flush().unwrap();
        drop(opener);
        turn_until(&mut event_loop, &mut ended, |ended| ended.len() == 100);
        ended.sort_unstable_by_key(|(number, _)| *number);
        for (expected, (number, status)) in ended.iter().enumerate() {
            assert_eq!(*number, expected);
            assert_eq!(status.code(), Some(expected as i32));
        }
        assert_no_child_is_left();
        assert!(event_loop.handle().is_empty());
    });
}

#[test]
fn a_child_that_was_killed_says_by_which_signal() {
    let test = "children::a_child_that_was_killed_says_by_which_signal";
    alone::on_every_mechanism(test, |reactor| {
        let mut event_loop: Loop<Ended> = EventLoop::with_reactor(reactor);
        let (child, _gate) = waiting();
        let pid = Pid::from_raw(child.id() as i32);
        watch(&mut event_loop.handle(), 0, child);
        let mut ended = Ended::new();
        assert_eq!(event_loop.turn(&mut ended, AT_ONCE).unwrap(), 0);
        kill(pid, Raw::SIGKILL).unwrap();
        turn_until(&mut event_loop, &mut ended, |ended| ended.len() == 1);
        assert_eq!(ended[0].1.signal(), Some(Raw::SIGKILL as i32));
        assert_no_child_is_left();
    });
}

#[test]
fn a_child_that_has_ended_before_it_is_watched_is_told_too() {
    let test = "children::a_child_that_has_ended_before_it_is_watched_is_told_too";
    alone::on_every_mechanism(test, |reactor| {
        let mut event_loop: Loop<Ended> = EventLoop::with_reactor(reactor);
        // One that has been waited for, one that is a zombie.
        let mut waited = shell("exit 3").spawn().unwrap();
        assert_eq!(waited.wait().unwrap().code(), Some(3));
        let (mut end, gate) = std::io::pipe().unwrap();
        let zombie = shell("exit 4").stdout(gate).spawn().unwrap();
        std::io::Read::read_to_end(&mut end, &mut Vec::new()).unwrap();
        watch(&mut event_loop.handle(), 3, waited);
        watch(&mut event_loop.handle(), 4, zombie);
        let mut ended = Ended::new();
        turn_until(&mut event_loop, &mut ended, |ended| ended.len() == 2);
        for (number, status) in ended {
            assert_eq!(status.code(), Some(number as i32));
        }
        assert_no_child_is_left();
    });
}

#[test]
fn a_child_process_can_be_ended_and_given_back() {
    let test = "children::a_child_process_can_be_ended_and_given_back";
    alone::on_every_mechanism(test, |_| {
        let (child, _gate) = waiting();
        let child = ChildProcess::new(child).unwrap();
        let running = child.try_wait().unwrap_err();
        assert_eq!(running.kind(), ErrorKind::WouldBlock);
        child.kill().unwrap();
        let id = child.id();
        let mut child = child.into_child();
        assert_eq!(child.id(), id);
        assert_eq!(child.wait().unwrap().signal(), Some(9));
    });
}

#[test]
fn others_hear_of_their_children_as_before() {
    static HEARD: AtomicU32 = AtomicU32::new(0);
    extern "C" fn hear(_: libc::c_int) {
        HEARD.fetch_add(1, Ordering::Relaxed);
    }
    let test = "children::others_hear_of_their_children_as_before";
    alone::on_every_mechanism(test, |reactor| {
        sys::handle_without_restart(Raw::SIGCHLD, hear);
        let mut event_loop: Loop<Ended> = EventLoop::with_reactor(reactor);
        let (theirs, their_gate) = waiting();
        let (ours, our_gate) = waiting();
        watch(&mut event_loop.handle(), 0, ours);
        drop((their_gate, our_gate));
        let mut ended = Ended::new();
        turn_until(&mut event_loop, &mut ended, |ended| ended.len() == 1);
        settle(&mut event_loop, &mut ended);
        drop(event_loop);
        // Neither blocked, nor handled by another, nor waited for.
        assert!(!SigSet::thread_get_mask().unwrap().contains(Raw::SIGCHLD));
        let mut theirs = theirs;
        assert!(theirs.wait().unwrap().code().is_some());
        assert!(HEARD.load(Ordering::Relaxed) > 0);
        assert_no_child_is_left();
    });
}
