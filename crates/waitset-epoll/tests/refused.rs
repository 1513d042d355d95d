//! What the kernel refuses, by a filter as containers have them.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "registrations")]

use std::io::{ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use waitset_conformance::{not_checked, refusing};
use waitset_core::{Events, Interest, Mode, Reactor, Token};
use waitset_epoll::EpollReactor;

/// The kernel's answer to a call that it does not know, and those of sandboxes.
const UNKNOWN: [i32; 3] = [libc::ENOSYS, libc::EPERM, libc::EACCES];

#[test]
fn without_epoll_pwait2_timeouts_are_milliseconds_rounded_up() {
    for errno in UNKNOWN {
        let waited = refusing(&[libc::SYS_epoll_pwait2], errno, || {
            let mut epoll = EpollReactor::new().unwrap();
            let mut events = Events::with_capacity(8);
            for micros in [1, 999, 1_001, 2_000, 2_500] {
                let timeout = Duration::from_micros(micros);
                let start = Instant::now();
                assert_eq!(epoll.wait(&mut events, Some(timeout)).unwrap(), 0);
                assert!(start.elapsed() >= timeout, "{timeout:?}");
                assert!(!events.was_interrupted());
            }
            epoll.stats().wait_calls
        });
        match waited {
            // One for each wait, and the one that was refused.
            Ok(calls) => assert_eq!(calls, 6),
            Err(error) => return not_checked(format_args!("no seccomp filter: {error}")),
        }
    }
}

#[test]
fn a_change_that_the_kernel_refuses_leaves_the_registration_as_it_was() {
    let (near, mut far) = UnixStream::pair().unwrap();
    let (other, _peer) = UnixStream::pair().unwrap();
    let mut events = Events::with_capacity(8);
    let mut epoll = EpollReactor::new().unwrap();
    // SAFETY: both sources are open until the reactor is dropped.
    unsafe { epoll.register(near.as_fd(), Token(7), Interest::READABLE, Mode::Edge) }.unwrap();
    let refused = refusing(&[libc::SYS_epoll_ctl], libc::ENOMEM, || {
        for mode in [Mode::Edge, Mode::Oneshot, Mode::Level] {
            let answer = epoll.modify(near.as_fd(), Token(8), Interest::WRITABLE, mode);
            assert_eq!(answer.unwrap_err().kind(), ErrorKind::OutOfMemory);
            // SAFETY: as above.
            let answer =
                unsafe { epoll.register(other.as_fd(), Token(9), Interest::WRITABLE, mode) };
            assert_eq!(answer.unwrap_err().kind(), ErrorKind::OutOfMemory);
        }
    });
    if let Err(error) = refused {
        return not_checked(format_args!("no seccomp filter: {error}"));
    }
    assert_eq!(epoll.wait(&mut events, Some(Duration::ZERO)).unwrap(), 0);
    far.write_all(b"!").unwrap();
    assert_eq!(epoll.wait(&mut events, None).unwrap(), 1);
    let event = events.as_slice()[0];
    assert!(event.token() == Token(7) && event.is_readable() && !event.is_writable());
    // It is an edge still, and what was not registered can be.
    assert_eq!(epoll.wait(&mut events, Some(Duration::ZERO)).unwrap(), 0);
    let answer = epoll.deregister(other.as_fd());
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::NotFound);
    // SAFETY: as above.
    unsafe { epoll.register(other.as_fd(), Token(9), Interest::WRITABLE, Mode::Level) }.unwrap();
    assert_eq!(epoll.wait(&mut events, None).unwrap(), 1);
}
