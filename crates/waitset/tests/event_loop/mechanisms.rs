//! What every test needs: the mechanisms, pairs of sockets, and turning with a bound.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use waitset::{Backend, EventLoop, Handle, Interest, Reactor};

pub(crate) type AnyReactor = Box<dyn Reactor + Send>;
pub(crate) type Loop<State> = EventLoop<State, AnyReactor>;
pub(crate) type In<'a, State> = Handle<'a, State>;

pub(crate) const READ: Interest = Interest::READABLE;
pub(crate) const WRITE: Interest = Interest::WRITABLE;
pub(crate) const AT_ONCE: Option<Duration> = Some(Duration::ZERO);

/// What takes longer hangs.
const LONGEST: Duration = Duration::from_secs(60);

/// Runs a test on each mechanism that this machine has, which names itself if it fails.
///
/// Each has a thread of its own: closing an io_uring interrupts a later system call of
/// the thread that used it.
pub(crate) fn on_every_mechanism(test: impl Fn(AnyReactor) + Sync) {
    for backend in Backend::all() {
        let reactor = match backend.open() {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                // Past the harness, which keeps what passing tests print to itself.
                let _ = writeln!(io::stderr(), "NOT CHECKED: {error}");
                continue;
            }
            opened => opened.unwrap(),
        };
        eprintln!("on {backend}");
        thread::scope(|scope| {
            scope.spawn(|| test(reactor));
        });
    }
}

/// Turns until the state is as it should be.
pub(crate) fn turn_until<State>(
    event_loop: &mut Loop<State>,
    state: &mut State,
    is_done: impl Fn(&State) -> bool,
) {
    let start = Instant::now();
    while !is_done(state) {
        assert!(start.elapsed() < LONGEST, "the loop hangs: {event_loop:?}");
        event_loop
            .turn(state, Some(Duration::from_secs(1)))
            .unwrap();
    }
}

/// Turns without waiting until there is nothing to do.
pub(crate) fn settle<State>(event_loop: &mut Loop<State>, state: &mut State) {
    for _ in 0..100 {
        if event_loop.turn(state, AT_ONCE).unwrap() == 0 {
            return;
        }
    }
    panic!("the loop does not come to rest: {event_loop:?}");
}

pub(crate) fn pair() -> (UnixStream, UnixStream) {
    let (near, far) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    far.set_nonblocking(true).unwrap();
    (near, far)
}

/// A stream with a byte to read, and its peer.
pub(crate) fn ready() -> (UnixStream, UnixStream) {
    let (near, mut far) = pair();
    far.write_all(b"!").unwrap();
    (near, far)
}

/// Waits until the other end is closed, with or without something left to read there. A child that
/// another test has just forked can hold a copy of it for a moment.
#[track_caller]
pub(crate) fn await_end(mut stream: &UnixStream) {
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(LONGEST)).unwrap();
    match stream.read(&mut [0]) {
        Ok(count) => assert_eq!(count, 0),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
}

/// Takes the bytes there are.
pub(crate) fn drain(mut stream: &UnixStream) -> usize {
    let mut bytes = 0;
    let mut buffer = [0; 64];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return bytes,
            Ok(count) => bytes += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return bytes,
            Err(error) => panic!("{error}"),
        }
    }
}
