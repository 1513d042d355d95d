//! What every test needs: the mechanisms under a detector, sources, and loops with a bound.

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use waitset::spin::{Culprit, Reason, Spin, SpinDetector};
use waitset::{Backend, Event, Interest, Key, Mode, Reactor, WaitSet};

pub(crate) type AnyReactor = Box<dyn Reactor + Send>;
pub(crate) type Watched = SpinDetector<AnyReactor>;
pub(crate) type Set = WaitSet<OwnedFd, (), Watched>;

pub(crate) const READ: Interest = Interest::READABLE;
pub(crate) const WRITE: Interest = Interest::WRITABLE;
pub(crate) const AT_ONCE: Option<Duration> = Some(Duration::ZERO);

/// More waits than a finding takes.
pub(crate) const MEASURED: u64 = 3_000;
/// The same where the kernel does not tell the length of a queue.
pub(crate) const UNMEASURED: u64 = 70_000;

/// What takes longer hangs.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);

/// What was told since it was last asked.
pub(crate) struct Told(Receiver<Spin>);

impl Told {
    pub(crate) fn take(&self) -> Vec<Spin> {
        self.0.try_iter().collect()
    }

    #[track_caller]
    pub(crate) fn expect_none(&self) {
        let told = self.take();
        assert!(told.is_empty(), "{told:#?}");
    }

    /// The one that there is.
    #[track_caller]
    pub(crate) fn expect_one(&self) -> Spin {
        let mut told = self.take();
        assert_eq!(told.len(), 1, "{told:#?}");
        told.remove(0)
    }
}

/// A reactor under a detector.
pub(crate) fn watched(reactor: AnyReactor) -> (Watched, Told) {
    let (sender, told) = mpsc::channel();
    let tell = move |spin: &Spin| sender.send(spin.clone()).unwrap();
    (SpinDetector::new(reactor, tell).unwrap(), Told(told))
}

/// Runs a test on each mechanism that this machine has, which names itself if it fails.
///
/// Each has a thread of its own: closing an io_uring interrupts a later system call of
/// the thread that used it.
pub(crate) fn on_every_mechanism(test: impl Fn(AnyReactor) + Sync) {
    for backend in Backend::all() {
        let reactor = match backend.open() {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                eprintln!("{backend}: skipped: {error}");
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

/// Runs a test with a set under a detector.
pub(crate) fn with_set(test: impl Fn(Set, Told) + Sync) {
    on_every_mechanism(|reactor| {
        let (reactor, told) = watched(reactor);
        test(WaitSet::with_reactor(reactor), told);
    });
}

/// Waits so many times, and answers each event with `answer`.
pub(crate) fn turn(set: &mut Set, waits: u64, mut answer: impl FnMut(&mut Set, Key, Event)) {
    for _ in 0..waits {
        set.wait(Some(LONGEST)).unwrap();
        while let Some((key, event)) = set.next_event() {
            answer(set, key, event);
        }
    }
}

/// Waits so many times, and does nothing about it.
pub(crate) fn spin(set: &mut Set, waits: u64) {
    turn(set, waits, |_, _, _| ());
}

/// Waits until something is told.
pub(crate) fn first_told(told: &Told, mut wait: impl FnMut()) -> Spin {
    let start = Instant::now();
    loop {
        wait();
        if let Some(spin) = told.take().pop() {
            return spin;
        }
        assert!(start.elapsed() < LONGEST, "nothing was found");
    }
}

/// Lets a source spin that nobody touches: it is found, named, and told once.
#[track_caller]
pub(crate) fn is_found(source: OwnedFd, interest: Interest, waits: u64) -> impl Fn(Reason, &str) {
    let source = Mutex::new(source);
    move |reason, name| {
        with_set(|mut set, told| {
            let source = source.lock().unwrap().try_clone().unwrap();
            let key = set.insert(source, interest, Mode::Level).unwrap();
            spin(&mut set, waits);
            let found = told.expect_one();
            assert_eq!(found.reason, reason, "{found}");
            let Culprit::Source {
                token,
                name: called,
                ..
            } = &found.culprit
            else {
                panic!("{found}");
            };
            assert_eq!(*token, key.token());
            assert!(called.starts_with(name), "{called} is not {name}");
            spin(&mut set, MEASURED);
            told.expect_none();
        });
    }
}

pub(crate) fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let far = listener.accept().unwrap().0;
    near.set_nodelay(true).unwrap();
    far.set_nodelay(true).unwrap();
    near.set_nonblocking(true).unwrap();
    (near, far)
}

pub(crate) fn unix_pair() -> (UnixStream, UnixStream) {
    let (near, far) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    (near, far)
}

/// The end to read from, and the one to write to.
pub(crate) fn pipe() -> (OwnedFd, OwnedFd) {
    nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).unwrap()
}

/// Reads up to so many bytes, as a program does that was told that there are some.
pub(crate) fn read(source: &OwnedFd, most: usize) -> usize {
    let mut bytes = [0; 65_536];
    match nix::unistd::read(source, &mut bytes[..most]) {
        Ok(count) => count,
        Err(Errno::EAGAIN) => 0,
        Err(error) => panic!("{error}"),
    }
}

/// Writes up to so many bytes.
pub(crate) fn write(sink: &OwnedFd, most: usize) -> usize {
    match nix::unistd::write(sink, &[0; 65_536][..most]) {
        Ok(count) => count,
        Err(Errno::EAGAIN) => 0,
        Err(error) => panic!("{error}"),
    }
}
