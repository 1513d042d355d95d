//! A reactor that refuses changes, because the kernel has run out of something.

use std::cell::Cell;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use waitset::stream::{AcceptSource, Acceptor, connect_tcp};
use waitset::{EventLoop, Mode};

use crate::mechanisms::*;
use crate::sys::Refuser;

/// A reactor that refuses as many changes as the one says, and to let go as often as the other.
fn refuser(inner: AnyReactor) -> (AnyReactor, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let (refusals, clings) = (Arc::default(), Arc::default());
    let reactor = Refuser {
        inner,
        refusals: Arc::clone(&refusals),
        clings: Arc::clone(&clings),
    };
    (Box::new(reactor), refusals, clings)
}

/// Longer than the pause before something that was refused is tried again.
const LATER: Duration = Duration::from_millis(50);

/// Turns until every timer has fired that is due within [`LATER`].
fn turn_until_later<State: 'static>(event_loop: &mut Loop<State>, state: &mut State) {
    let is_later = Rc::new(Cell::new(false));
    let flag = Rc::clone(&is_later);
    let handle = event_loop.handle();
    handle.arm_after(LATER, move |_, _, _| flag.set(true));
    turn_until(event_loop, state, |_| is_later.get());
}

#[test]
fn a_source_that_the_reactor_cannot_let_go_of_stays_in_the_loop() {
    on_every_mechanism(|reactor| {
        let (reactor, _, clings) = refuser(reactor);
        let mut event_loop: Loop<usize> = EventLoop::with_reactor(reactor);
        let (far, mut near) = ready();
        let handle = event_loop.handle();
        let count = |bytes: &mut usize, far: &_, _, _: &mut In<'_, usize>| *bytes += drain(far);
        let key = handle.insert(far, READ, Mode::Level, count).unwrap();
        clings.store(1, Relaxed);
        assert!(!handle.remove(key));
        assert!(handle.contains(key) && handle.is_enabled(key));
        let mut bytes = 0;
        event_loop.turn(&mut bytes, None).unwrap();
        assert_eq!(bytes, 1);
        let mut byte = [0];
        assert!(near.read(&mut byte).is_err(), "it is open");
        assert!(event_loop.handle().remove(key));
        assert_eq!(near.read(&mut byte).unwrap(), 0, "it is closed");
    });
}

#[test]
fn a_disabled_source_that_the_reactor_could_not_let_go_of_is_enabled_again() {
    on_every_mechanism(|reactor| {
        let (reactor, _, clings) = refuser(reactor);
        let mut event_loop: Loop<u32> = EventLoop::with_reactor(reactor);
        let (far, _near) = ready();
        let handle = event_loop.handle();
        let count = |calls: &mut u32, _: &_, _, _: &mut In<'_, u32>| *calls += 1;
        let key = handle.insert(far, READ, Mode::Level, count).unwrap();
        assert!(handle.disable(key));
        clings.store(1, Relaxed);
        let mut calls = 0;
        event_loop.turn(&mut calls, AT_ONCE).unwrap();
        assert_eq!(clings.load(Relaxed), 0, "it was to be silenced");
        event_loop.handle().enable(key).unwrap();
        event_loop.turn(&mut calls, AT_ONCE).unwrap();
        assert_eq!(calls, 1);
        assert!(event_loop.handle().remove(key));
    });
}

/// Has no memory for the first connection, and no connection after that.
struct Starved {
    near: UnixStream,
    calls: Rc<Cell<u32>>,
}

impl AsFd for Starved {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.near.as_fd()
    }
}

impl AcceptSource for Starved {
    type Stream = ();
    type Peer = ();

    fn try_accept(&self) -> std::io::Result<((), ())> {
        self.calls.set(self.calls.get() + 1);
        if self.calls.get() == 1 {
            return Err(std::io::Error::from_raw_os_error(libc::ENOMEM));
        }
        drain(&self.near);
        Err(ErrorKind::WouldBlock.into())
    }
}

#[test]
fn a_listener_whose_rest_was_refused_accepts_after_its_pause() {
    for mode in [Mode::Level, Mode::Edge, Mode::Oneshot] {
        on_every_mechanism(|reactor| {
            if !reactor.capabilities().supports(mode) {
                return;
            }
            let (reactor, refusals, _) = refuser(reactor);
            let mut event_loop: Loop<()> = EventLoop::with_reactor(reactor);
            let (near, mut far) = ready();
            let calls = Rc::new(Cell::new(0));
            let starved = Starved {
                near,
                calls: Rc::clone(&calls),
            };
            // The rest, and the first time that it is tried again.
            refusals.store(2, Relaxed);
            let acceptor = Acceptor::new(starved).unwrap();
            let listening = event_loop.handle().listen(acceptor, mode, |_, _, _| ());
            listening.unwrap();
            event_loop.turn(&mut (), None).unwrap();
            turn_until_later(&mut event_loop, &mut ());
            assert_eq!(refusals.load(Relaxed), 0);
            let before = calls.get();
            far.write_all(b"!").unwrap();
            turn_until(&mut event_loop, &mut (), |()| calls.get() > before);
        });
    }
}

#[test]
fn an_attempt_to_connect_that_the_reactor_cannot_let_go_of_is_told_when_it_can() {
    on_every_mechanism(|reactor| {
        let (reactor, _, clings) = refuser(reactor);
        let mut event_loop: Loop<Vec<ErrorKind>> = EventLoop::with_reactor(reactor);
        // A full backlog has the attempt go on until its time is over.
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        listener.bind(&any.into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let _waiting = [(); 3].map(|()| connect_tcp(address).unwrap());
        clings.store(2, Relaxed);
        let limit = Duration::from_millis(1);
        let handle = event_loop.handle();
        handle.connect_tcp(address, limit, |told: &mut Vec<_>, answer, _| {
            told.push(answer.unwrap_err().kind());
        });
        let mut told = Vec::new();
        turn_until(&mut event_loop, &mut told, |told| !told.is_empty());
        assert_eq!(told, [ErrorKind::TimedOut]);
        assert_eq!(clings.load(Relaxed), 0);
        assert!(event_loop.handle().is_empty());
    });
}
