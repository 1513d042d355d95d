//! A reference to a reactor is a reactor, and so is what spins one.
#![cfg(target_os = "linux")]

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use waitset_busy::{Adaptive, Busy};
use waitset_core::{Capabilities, Events, Interest, Mode, Reactor, Stats, Token};
use waitset_epoll::EpollReactor;

/// What a caller sees who takes any reactor by value.
fn serve(mut reactor: impl Reactor) -> io::Result<usize> {
    let (near, _far) = std::os::unix::net::UnixStream::pair()?;
    #[allow(unsafe_code, reason = "the trait's one unsafe method")]
    // SAFETY: `near` stays open until it is deregistered.
    unsafe {
        reactor.register(near.as_fd(), Token(7), Interest::WRITABLE, Mode::Level)?;
    }
    let mut events = Events::with_capacity(8);
    reactor.modify(near.as_fd(), Token(8), Interest::WRITABLE, Mode::Oneshot)?;
    let count = reactor.wait(&mut events, None)?;
    assert_eq!(events.as_slice()[0].token(), Token(8));
    reactor.deregister(near.as_fd())?;
    reactor.waker().wake();
    reactor.wait(&mut events, None)?;
    assert!(events.was_woken());
    Ok(count)
}

fn about(reactor: impl Reactor) -> (&'static str, Capabilities, Stats) {
    (reactor.name(), reactor.capabilities(), reactor.stats())
}

#[test]
fn a_mutable_reference_is_the_reactor_it_points_to() -> io::Result<()> {
    let mut epoll = EpollReactor::new()?;
    assert_eq!(serve(&mut epoll)?, 1);
    assert_eq!(serve(&mut &mut epoll)?, 1);
    assert_eq!(epoll.stats().waits, 4);
    assert_eq!(about(&mut epoll), about(epoll));
    Ok(())
}

#[test]
fn a_reference_can_be_spun_for_a_while() -> io::Result<()> {
    let mut epoll = EpollReactor::new()?;
    assert_eq!(serve(Busy::new(&mut epoll))?, 1);
    assert_eq!(serve(Adaptive::new(&mut epoll))?, 1);
    let nothing = epoll.wait(&mut Events::with_capacity(1), Some(Duration::ZERO))?;
    assert_eq!(nothing, 0);
    Ok(())
}

#[test]
fn a_box_is_the_reactor_inside() -> io::Result<()> {
    let mut boxed: Box<dyn Reactor + Send> = Box::new(Busy::new(EpollReactor::new()?));
    assert_eq!(boxed.name(), "busy");
    assert!(!boxed.capabilities().sleeps);
    assert_eq!(serve(&mut boxed)?, 1);
    assert_eq!(boxed.stats().waits, 2);
    serve(Box::new(boxed)).map(drop)
}
