//! More completions than the ring holds.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "registrations")]

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use waitset_conformance::not_checked;
use waitset_core::{Events, Interest, Mode, Reactor, Token};
use waitset_uring::UringReactor;

/// More than twice what the ring holds.
const SOURCES: u64 = 9_000;

/// Completions of polls that were cancelled, and no wait takes them.
#[test]
fn deregistering_more_than_the_ring_holds_without_a_wait_between_comes_to_an_end() {
    in_time(register_look_and_deregister);
}

/// silk#80: a multishot poll ends where its completion finds no room, the bell's, too.
#[test]
fn edges_beyond_what_the_ring_holds_are_all_told_and_hide_no_wake() {
    in_time(tell_all_again_and_again);
}

/// A source that is closed is closed for its peer, too, whatever else has happened.
#[test]
fn a_source_deregistered_while_the_ring_overflows_is_closed_for_its_peer() {
    in_time(deregister_behind_an_overflow);
}

fn in_time(run: fn() -> io::Result<()>) {
    if let Err(error) = UringReactor::new() {
        return not_checked(error);
    }
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    // One after the other: the process may not have the descriptors of two.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let needed = SOURCES + 100;
    if hard < needed {
        return not_checked(format_args!("{needed} descriptors are not to be had here"));
    }
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || done.send(run()));
    let outcome = is_done.recv_timeout(Duration::from_secs(60));
    outcome.expect("it does not come to an end").unwrap();
}

/// Many descriptors of one stream, all registered.
fn registered(uring: &mut UringReactor, sources: &[UnixStream], mode: Mode) -> io::Result<()> {
    for (source, number) in sources.iter().zip(0..) {
        let token = Token(number);
        // SAFETY: the callers declare the sources before the reactor, so they are closed
        // after it.
        unsafe { uring.register(source.as_fd(), token, Interest::READABLE, mode)? };
    }
    Ok(())
}

fn duplicates(of: &UnixStream) -> io::Result<Vec<UnixStream>> {
    (0..SOURCES).map(|_| of.try_clone()).collect()
}

fn tell_all_again_and_again() -> io::Result<()> {
    let (mut reader, mut writer) = UnixStream::pair()?;
    let sources = duplicates(&reader)?;
    let mut uring = UringReactor::new()?;
    registered(&mut uring, &sources, Mode::Edge)?;
    let mut events = Events::with_capacity(64);
    assert_eq!(uring.wait(&mut events, Some(Duration::ZERO))?, 0);
    for _ in 0..3 {
        writer.write_all(b"!")?;
        uring.waker().wake();
        let (mut told, mut woken) = (vec![false; sources.len()], false);
        while !woken || told.contains(&false) {
            uring.wait(&mut events, None)?;
            woken |= events.was_woken();
            for event in &events {
                let is_again = std::mem::replace(&mut told[event.token().0 as usize], true);
                assert!(!is_again, "{event:?} came twice");
            }
        }
        reader.read_exact(&mut [0])?;
        // Polls that ended are armed again, and find nothing to read.
        assert_eq!(uring.wait(&mut events, Some(Duration::ZERO))?, 0);
    }
    Ok(())
}

fn deregister_behind_an_overflow() -> io::Result<()> {
    let (reader, mut writer) = UnixStream::pair()?;
    let sources = duplicates(&reader)?;
    let (near, mut far) = UnixStream::pair()?;
    let mut uring = UringReactor::new()?;
    registered(&mut uring, &sources, Mode::Edge)?;
    // SAFETY: `near` is open until it has been deregistered.
    unsafe { uring.register(near.as_fd(), Token(SOURCES), Interest::READABLE, Mode::Edge)? };
    let mut events = Events::with_capacity(1);
    assert_eq!(uring.wait(&mut events, Some(Duration::ZERO))?, 0);
    writer.write_all(b"!")?;
    // Each runs a portion of what is pending, and takes one of what has completed.
    for _ in 0..SOURCES / 10 {
        assert_eq!(uring.wait(&mut events, None)?, 1);
    }
    far.write_all(b"!")?;
    uring.deregister(near.as_fd())?;
    drop(near);
    far.set_read_timeout(Some(Duration::from_secs(20)))?;
    match far.read(&mut [0]) {
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(()),
        answer => answer.map(|count| assert_eq!(count, 0)),
    }
}

fn register_look_and_deregister() -> io::Result<()> {
    let (reader, _writer) = UnixStream::pair()?;
    let sources = duplicates(&reader)?;
    let mut uring = UringReactor::new()?;
    registered(&mut uring, &sources, Mode::Level)?;
    let mut events = Events::with_capacity(16);
    assert_eq!(uring.wait(&mut events, Some(Duration::ZERO))?, 0);
    for source in &sources {
        uring.deregister(source.as_fd())?;
    }
    // It is of use still, and what it tells is none of theirs.
    uring.waker().wake();
    assert_eq!(uring.wait(&mut events, None)?, 0);
    assert!(events.was_woken());
    Ok(())
}
