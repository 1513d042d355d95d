//! Sources that another ring signals: the kernel ends each multishot poll that it wakes so.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "registrations, and another ring")]

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use io_uring::{IoUring, opcode};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};
use waitset_conformance::not_checked;
use waitset_core::{Events, Interest, Mode, Reactor, Token};
use waitset_uring::UringReactor;

const LONG: Duration = Duration::from_secs(20);
const MODES: [Mode; 3] = [Mode::Level, Mode::Oneshot, Mode::Edge];

/// Another ring, with a request that completes at once.
struct Other(IoUring);

impl Other {
    fn complete_one(&mut self) {
        // SAFETY: the request refers to no memory.
        unsafe { self.0.submission().push(&opcode::Nop::new().build()) }.unwrap();
        self.0.submit().unwrap();
    }

    fn take(&mut self) {
        assert_eq!(self.0.completion().count(), 1);
    }
}

/// A reactor of ours and a ring of the program's, if this machine has any.
fn opened() -> Option<(UringReactor, Other)> {
    match UringReactor::new() {
        Ok(uring) => Some((uring, Other(IoUring::new(8).unwrap()))),
        Err(error) => {
            not_checked(error);
            None
        }
    }
}

/// Completes twenty requests, each taken before the next, and sees an event of each.
fn tells_each(
    uring: &mut UringReactor,
    source: BorrowedFd<'_>,
    mode: Mode,
    mut other: Other,
    mut drain: impl FnMut(),
) {
    let mut events = Events::with_capacity(8);
    // SAFETY: the callers keep the source open until it is deregistered here.
    unsafe { uring.register(source, Token(1), Interest::READABLE, mode) }.unwrap();
    assert_eq!(uring.wait(&mut events, Some(Duration::ZERO)).unwrap(), 0);
    for number in 0..20 {
        other.complete_one();
        let count = uring.wait(&mut events, Some(LONG)).unwrap();
        assert_eq!(count, 1, "{mode:?}: request {number} was not told");
        assert_eq!(events.as_slice()[0].token(), Token(1));
        drain();
        other.take();
        if mode == Mode::Oneshot {
            uring
                .modify(source, Token(1), Interest::READABLE, mode)
                .unwrap();
        }
        // A poll that was armed before the request was taken may tell of it once more.
        uring.wait(&mut events, Some(Duration::ZERO)).unwrap();
        assert_eq!(uring.wait(&mut events, Some(Duration::ZERO)).unwrap(), 0);
    }
    uring.deregister(source).unwrap();
}

#[test]
fn an_eventfd_that_a_ring_signals_is_told_every_time() {
    for mode in MODES {
        let Some((mut uring, other)) = opened() else {
            return;
        };
        let bell = EventFd::from_flags(EfdFlags::EFD_NONBLOCK).unwrap();
        let registered = other
            .0
            .submitter()
            .register_eventfd(bell.as_fd().as_raw_fd());
        registered.unwrap();
        tells_each(&mut uring, bell.as_fd(), mode, other, || {
            assert!(bell.read().is_ok())
        });
    }
}

#[test]
fn a_ring_is_told_whenever_something_completes() {
    for mode in MODES {
        let Some((mut uring, other)) = opened() else {
            return;
        };
        // SAFETY: the ring is open while `other` is, which `tells_each` drops at its end.
        let source = unsafe { BorrowedFd::borrow_raw(other.0.as_raw_fd()) };
        tells_each(&mut uring, source, mode, other, || {});
    }
}

#[test]
fn an_epoll_set_that_watches_a_ring_is_told_every_time() {
    for mode in MODES {
        let Some((mut uring, other)) = opened() else {
            return;
        };
        let set = Epoll::new(EpollCreateFlags::empty()).unwrap();
        // SAFETY: the ring is open for longer than it is in the set.
        let ring = unsafe { BorrowedFd::borrow_raw(other.0.as_raw_fd()) };
        set.add(
            ring,
            EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, 0),
        )
        .unwrap();
        tells_each(&mut uring, set.0.as_fd(), mode, other, || {
            let mut events = [EpollEvent::empty(); 4];
            assert_eq!(set.wait(&mut events, 0_u8).unwrap(), 1);
        });
    }
}

/// It was told, and the program did not read: an edge does not come again and again.
#[test]
fn an_eventfd_that_a_ring_signalled_and_nobody_reads_comes_to_rest() {
    let Some((mut uring, mut other)) = opened() else {
        return;
    };
    let bell = EventFd::from_flags(EfdFlags::EFD_NONBLOCK).unwrap();
    let registered = other
        .0
        .submitter()
        .register_eventfd(bell.as_fd().as_raw_fd());
    registered.unwrap();
    let mut events = Events::with_capacity(8);
    // SAFETY: the eventfd is open until the reactor has been dropped.
    unsafe { uring.register(bell.as_fd(), Token(1), Interest::READABLE, Mode::Edge) }.unwrap();
    assert_eq!(uring.wait(&mut events, Some(Duration::ZERO)).unwrap(), 0);
    other.complete_one();
    let mut told = 0;
    for _ in 0..10 {
        told += uring.wait(&mut events, Some(Duration::ZERO)).unwrap();
    }
    assert!((1..=2).contains(&told), "{told} events of one arrival");
    uring.deregister(bell.as_fd()).unwrap();
}
