//! The whole reactor, in states that only its inside can reach.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use waitset_core::{Events, Interest, Mode, Reactor, Token};

use crate::uring::{Generations, UringReactor};
use crate::{cancel, ring, sys};

/// What a race in the kernel leaves, held up here: see [`Ring::has_work`].
#[allow(unsafe_code, reason = "a registration")]
fn with_a_stuck_flag(uring: &mut UringReactor) -> io::Result<()> {
    let (mut near, far) = UnixStream::pair()?;
    let mut events = Events::with_capacity(8);
    // SAFETY: `far` is open until it has been deregistered.
    unsafe { uring.register(far.as_fd(), Token(7), Interest::READABLE, Mode::Level)? };
    uring.ring.is_flag_stuck = true;
    assert_eq!(uring.wait(&mut events, Some(Duration::ZERO))?, 0);
    assert_eq!(uring.wait(&mut events, Some(Duration::from_millis(1)))?, 0);
    near.write_all(b"!")?;
    for _ in 0..3 {
        assert_eq!(uring.wait(&mut events, None)?, 1);
    }
    uring.waker().wake();
    uring.wait(&mut events, None)?;
    assert!(events.was_woken());
    uring.deregister(far.as_fd())
}

/// A buffer that is always full takes one completion per wait, and each wait cancels many.
#[test]
#[allow(unsafe_code, reason = "registrations")]
fn cancelled_polls_do_not_pile_up() {
    const SOURCES: usize = 400;
    let mut uring = match UringReactor::new() {
        Ok(uring) => uring,
        Err(reason) => return waitset_conformance::not_checked(reason),
    };
    let (mut near, far) = UnixStream::pair().unwrap();
    near.write_all(b"!").unwrap();
    let sources: Vec<_> = (0..SOURCES).map(|_| far.try_clone().unwrap()).collect();
    for source in &sources {
        let source = source.as_fd();
        // SAFETY: the sources are open until the reactor has been dropped.
        unsafe { uring.register(source, Token(7), Interest::READABLE, Mode::Edge) }.unwrap();
    }
    // What is ready as it is armed comes before what is still to be run.
    // SAFETY: as above.
    unsafe { uring.register(far.as_fd(), Token(8), Interest::WRITABLE, Mode::Level) }.unwrap();
    let mut events = Events::with_capacity(1);
    for _ in 0..40 {
        assert_eq!(uring.wait(&mut events, None).unwrap(), 1);
        for source in &sources {
            let source = source.as_fd();
            uring
                .modify(source, Token(7), Interest::READABLE, Mode::Edge)
                .unwrap();
        }
    }
    let doomed = uring.doomed;
    let (_, done) = uring.ring.count(|completion| !completion.more);
    assert!(
        doomed - done <= cancel::MOST_DOOMED,
        "{doomed}, {done} done"
    );
    drop(uring);
}

/// liburing#363: a number that is used up begins anew, past the bell's.
#[test]
#[allow(unsafe_code, reason = "registrations")]
fn generations_go_round_without_an_event_lost_or_misled() {
    let mut uring = match UringReactor::new() {
        Ok(uring) => uring,
        Err(reason) => return waitset_conformance::not_checked(reason),
    };
    uring.generations = Generations(u32::MAX - 10);
    let (mut near, far) = UnixStream::pair().unwrap();
    near.write_all(b"!").unwrap();
    let mut events = Events::with_capacity(8);
    for token in 0..20 {
        let token = Token(token);
        // SAFETY: `far` is open until it has been deregistered.
        let answer = unsafe { uring.register(far.as_fd(), token, Interest::READABLE, Mode::Edge) };
        answer.unwrap();
        assert_eq!(uring.wait(&mut events, None).unwrap(), 1);
        assert_eq!(events.as_slice()[0].token(), token);
        assert_eq!(uring.wait(&mut events, Some(Duration::ZERO)).unwrap(), 0);
        uring.waker().wake();
        uring.wait(&mut events, None).unwrap();
        assert!(events.was_woken());
        uring.deregister(far.as_fd()).unwrap();
    }
    // Two for each: registering takes one, and cancelling a poll.
    assert!(uring.generations.0 < 40, "it did not go round");
}

/// libuv#3980: the ring's own indices, of 32 bits, go round. Minutes long, since only
/// as many requests get there.
#[test]
#[ignore = "submits four thousand million requests"]
#[allow(unsafe_code, reason = "a registration")]
fn the_indices_of_a_ring_go_round_without_an_event_lost() {
    const NEARLY_ROUND: u64 = (1 << 32) - 2_000;
    let mut uring = match UringReactor::new() {
        Ok(uring) => uring,
        Err(reason) => return waitset_conformance::not_checked(reason),
    };
    let mut made = 0;
    while made < NEARLY_ROUND {
        let count = ring::room(&uring.ring.submissions());
        for _ in 0..count {
            sys::push_nothing(&mut uring.ring.submissions());
        }
        made += count as u64;
        uring.ring.enter(0, None).unwrap();
        assert_eq!(uring.ring.completions().count(), count);
    }
    let (mut near, far) = UnixStream::pair().unwrap();
    let mut events = Events::with_capacity(8);
    // SAFETY: `far` is open until it has been deregistered.
    let answer = unsafe { uring.register(far.as_fd(), Token(7), Interest::READABLE, Mode::Level) };
    answer.unwrap();
    near.write_all(b"!").unwrap();
    // A poll each, past the end and on; what nobody waits for is between them.
    for _ in 0..5_000 {
        assert_eq!(uring.wait(&mut events, None).unwrap(), 1);
        assert_eq!(events.as_slice()[0].token(), Token(7));
    }
    uring.deregister(far.as_fd()).unwrap();
}

#[test]
fn a_flag_that_is_up_for_nothing_keeps_nothing_from_returning() {
    let mut uring = match UringReactor::new() {
        Ok(uring) => uring,
        Err(reason) => return waitset_conformance::not_checked(reason),
    };
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        let outcome = with_a_stuck_flag(&mut uring);
        drop(uring);
        done.send(outcome)
    });
    let outcome = is_done.recv_timeout(Duration::from_secs(60));
    outcome.expect("it does not come to an end").unwrap();
}
