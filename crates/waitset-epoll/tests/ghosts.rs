//! What it takes to get rid of sources that were closed while registered and live on in a
//! duplicate: one fresh instance for all of them, and none if there are none.
#![cfg(target_os = "linux")]
#![allow(
    unsafe_code,
    reason = "registrations, and numbers that are overwritten"
)]

use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use waitset_conformance::{not_checked, refusing};
use waitset_core::{Events, Interest, Mode, Reactor, Token};
use waitset_epoll::EpollReactor;

/// A registered number, overwritten; the old file's peer, and what else keeps it alive.
struct Ghost {
    number: OwnedFd,
    peer: UnixStream,
    _duplicate: Option<UnixStream>,
    _new: (UnixStream, UnixStream),
}

fn register(epoll: &mut EpollReactor, source: impl AsFd, token: u64, mode: Mode) {
    let (token, interest) = (Token(token), Interest::READABLE);
    // SAFETY: it stays open until the reactor is dropped, but for those that are overwritten,
    // which is what is tested.
    unsafe { epoll.register(source.as_fd(), token, interest, mode) }.unwrap();
}

fn ghost(epoll: &mut EpollReactor, token: u64, lives_on: bool) -> Ghost {
    let (near, peer) = UnixStream::pair().unwrap();
    let _duplicate = lives_on.then(|| near.try_clone().unwrap());
    register(epoll, &near, token, Mode::Level);
    let new = UnixStream::pair().unwrap();
    // SAFETY: both are open, and whoever owns the number owns what it refers to now.
    let fd = unsafe { libc::dup2(new.0.as_raw_fd(), near.as_raw_fd()) };
    assert_eq!(fd, near.as_raw_fd());
    Ghost {
        number: near.into(),
        peer,
        _duplicate,
        _new: new,
    }
}

fn tokens(epoll: &mut EpollReactor) -> Vec<u64> {
    let mut events = Events::with_capacity(64);
    epoll.wait(&mut events, Some(Duration::ZERO)).unwrap();
    let mut tokens: Vec<_> = events.iter().map(|event| event.token().0).collect();
    tokens.sort_unstable();
    tokens
}

#[test]
fn many_ghosts_take_one_fresh_instance() {
    let mut epoll = EpollReactor::new().unwrap();
    let (others, _peers): (Vec<_>, Vec<_>) = (0..10).map(|_| UnixStream::pair().unwrap()).unzip();
    for (other, token) in others.iter().zip(100..) {
        register(&mut epoll, other, token, Mode::Level);
    }
    let mut ghosts: Vec<_> = (0..10)
        .map(|token| ghost(&mut epoll, token, true))
        .collect();
    for ghost in &mut ghosts {
        ghost.peer.write_all(b"?").unwrap();
    }
    assert_eq!(tokens(&mut epoll).len(), 10);
    let before = epoll.stats().control_calls;
    for ghost in &ghosts {
        epoll.deregister(ghost.number.as_fd()).unwrap();
    }
    // One to deregister each, and one that finds the first ghost.
    assert_eq!(epoll.stats().control_calls - before, 11);
    for _ in 0..3 {
        assert_eq!(tokens(&mut epoll), []);
    }
    // To open an instance, to fill it with the bell and the others, and to close the old one.
    assert_eq!(epoll.stats().control_calls - before, 11 + 3 + 10);
}

#[test]
fn without_a_duplicate_there_is_no_ghost_and_no_fresh_instance() {
    let mut epoll = EpollReactor::new().unwrap();
    let ghosts: Vec<_> = (0..10)
        .map(|token| ghost(&mut epoll, token, false))
        .collect();
    let before = epoll.stats().control_calls;
    for (ghost, token) in ghosts.iter().zip(20..) {
        if token < 25 {
            epoll.deregister(ghost.number.as_fd()).unwrap();
        }
        register(&mut epoll, &ghost.number, token, Mode::Level);
    }
    assert_eq!(tokens(&mut epoll), []);
    // Each is looked for once, and otherwise only what was asked for is done.
    assert_eq!(epoll.stats().control_calls - before, 10 + 5 + 10);
}

#[test]
fn a_ghost_that_no_call_shows_is_found_among_healthy_sources() {
    for timeout in [Some(Duration::ZERO), Some(Duration::from_secs(1)), None] {
        let mut epoll = EpollReactor::new().unwrap();
        let mut events = Events::with_capacity(64);
        let (others, mut peers): (Vec<_>, Vec<_>) =
            (0..3).map(|_| UnixStream::pair().unwrap()).unzip();
        for (other, token) in others.iter().zip(100..) {
            register(&mut epoll, other, token, Mode::Level);
        }
        for peer in &mut peers {
            peer.write_all(b"!").unwrap();
        }
        let mut ghost = ghost(&mut epoll, 1, true);
        ghost.peer.write_all(b"?").unwrap();
        let before = epoll.stats().control_calls;
        let mut waits = 0;
        while {
            epoll.wait(&mut events, timeout).unwrap();
            events.len() == 4
        } {
            waits += 1;
            // One of four is looked at in each round.
            assert!(waits <= 4 << 14);
        }
        assert_eq!(events.len(), 3);
        // A look for each round, and the fresh instance.
        let rounds = waits / (1 << 14);
        assert_eq!(epoll.stats().control_calls - before, rounds + 3 + 4);
        ghost._new.1.write_all(b"!").unwrap();
        assert_eq!(tokens(&mut epoll), [1, 100, 101, 102]);
    }
}

/// Whether the kernel names ghosts or not, as a sandbox has it.
#[test]
fn a_kernel_that_does_not_tell_of_ghosts_has_them_laid_all_the_same() {
    for errno in [libc::ENOSYS, libc::EPERM] {
        let answer = refusing(&[libc::SYS_kcmp], errno, || {
            let mut epoll = EpollReactor::new().unwrap();
            let mut ghost = ghost(&mut epoll, 1, true);
            epoll.deregister(ghost.number.as_fd()).unwrap();
            ghost.peer.write_all(b"?").unwrap();
            assert_eq!(tokens(&mut epoll), []);
            register(&mut epoll, &ghost.number, 2, Mode::Level);
            ghost._new.1.write_all(b"!").unwrap();
            assert_eq!(tokens(&mut epoll), [2]);
        });
        if let Err(error) = answer {
            return not_checked(format_args!("no seccomp filter: {error}"));
        }
    }
}

#[test]
fn as_long_as_no_instance_can_be_opened_the_old_one_serves_on() {
    for (call, errno) in [
        (libc::SYS_epoll_create1, libc::EMFILE),
        (libc::SYS_epoll_ctl, libc::ENOSPC),
    ] {
        let mut epoll = EpollReactor::new().unwrap();
        let (near, mut far) = UnixStream::pair().unwrap();
        register(&mut epoll, &near, 7, Mode::Level);
        let mut ghost = ghost(&mut epoll, 1, true);
        ghost.peer.write_all(b"?").unwrap();
        epoll.deregister(ghost.number.as_fd()).unwrap();
        far.write_all(b"!").unwrap();
        let answer = refusing(&[call], errno, || {
            for _ in 0..3 {
                assert!(tokens(&mut epoll).contains(&7));
            }
        });
        if let Err(error) = answer {
            return not_checked(format_args!("no seccomp filter: {error}"));
        }
        for _ in 0..3 {
            assert_eq!(tokens(&mut epoll), [7]);
        }
    }
}

/// A ghost of a one-shot source is known by its mark: the wait ends rather than spin unseen.
#[test]
fn a_wait_with_a_ghost_that_cannot_be_laid_ends() {
    let mut epoll = EpollReactor::new().unwrap();
    let (near, mut peer) = UnixStream::pair().unwrap();
    let _duplicate = near.try_clone().unwrap();
    register(&mut epoll, &near, 1, Mode::Oneshot);
    peer.write_all(b"?").unwrap();
    assert_eq!(tokens(&mut epoll), [1]);
    let new = UnixStream::pair().unwrap();
    // SAFETY: both are open, and whoever owns the number owns what it refers to now.
    unsafe { libc::dup2(new.0.as_raw_fd(), near.as_raw_fd()) };
    let mut events = Events::with_capacity(8);
    let answer = refusing(&[libc::SYS_epoll_create1], libc::EMFILE, || {
        for _ in 0..3 {
            assert_eq!(epoll.wait(&mut events, None).unwrap(), 0);
        }
    });
    if let Err(error) = answer {
        return not_checked(format_args!("no seccomp filter: {error}"));
    }
    assert_eq!(tokens(&mut epoll), []);
}

/// The bell of a fresh instance rings for every wake of before.
#[test]
fn wakes_of_before_end_no_wait_in_a_fresh_instance() {
    let mut epoll = EpollReactor::new().unwrap();
    let mut events = Events::with_capacity(8);
    epoll.waker().wake();
    epoll.wait(&mut events, None).unwrap();
    assert!(events.was_woken());
    let ghost = ghost(&mut epoll, 1, true);
    epoll.deregister(ghost.number.as_fd()).unwrap();
    for timeout in [Duration::ZERO, Duration::from_millis(5), Duration::ZERO] {
        assert_eq!(epoll.wait(&mut events, Some(timeout)).unwrap(), 0);
        assert!(!events.was_woken());
    }
    // One that came while the old instance was the instance is kept.
    let ghost = self::ghost(&mut epoll, 2, true);
    epoll.waker().wake();
    epoll.deregister(ghost.number.as_fd()).unwrap();
    epoll.wait(&mut events, None).unwrap();
    assert!(events.was_woken());
    epoll.wait(&mut events, Some(Duration::ZERO)).unwrap();
    assert!(!events.was_woken());
}
