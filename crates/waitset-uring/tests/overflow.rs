//! More cancellations than the ring holds completions.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "registrations")]

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use waitset_conformance::not_checked;
use waitset_core::{Events, Interest, Mode, Reactor, Token};
use waitset_uring::Uring;

/// Completions of polls that were cancelled, without a wait that takes them, are more than
/// twice the ring's.
const SOURCES: u64 = 10_000;

#[test]
fn deregistering_more_than_the_ring_holds_without_a_wait_between_comes_to_an_end() {
    if let Err(error) = Uring::new() {
        return not_checked(error);
    }
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    if hard < SOURCES + 100 {
        return not_checked(format_args!("{SOURCES} descriptors are not to be had here"));
    }
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || done.send(register_look_and_deregister()));
    let outcome = is_done.recv_timeout(Duration::from_secs(60));
    outcome.expect("it does not come to an end").unwrap();
}

fn register_look_and_deregister() -> io::Result<()> {
    let (reader, _writer) = UnixStream::pair()?;
    let sources: Vec<_> = (0..SOURCES)
        .map(|_| reader.try_clone())
        .collect::<io::Result<_>>()?;
    let mut uring = Uring::new()?;
    for (source, number) in sources.iter().zip(0..) {
        let token = Token(number);
        // SAFETY: the sources are declared before the reactor, so they are closed after it.
        unsafe { uring.register(source.as_fd(), token, Interest::READABLE, Mode::Level)? };
    }
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
