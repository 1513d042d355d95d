//! The safe layer, on every mechanism.

use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset::{
    Backend, BorrowedSource, Capabilities, Events, Interest, Key, Mode, Reactor, ReactorWaker,
    Stats, Token, WaitSet,
};

type Set<S> = WaitSet<S, (), Box<dyn Reactor + Send>>;

const READ: Interest = Interest::READABLE;

/// Runs a test on each mechanism, which names itself if it fails.
///
/// Each has a thread of its own: closing an io_uring interrupts a later system call of
/// the thread that used it.
fn on_every_mechanism(test: impl Fn(Set<UnixStream>) + Sync) {
    for (backend, reactor) in reactors() {
        eprintln!("on {backend}");
        std::thread::scope(|scope| {
            scope.spawn(|| test(WaitSet::with_reactor(reactor)));
        });
    }
}

/// Every mechanism that this machine has.
fn reactors() -> impl Iterator<Item = (Backend, Box<dyn Reactor + Send>)> {
    Backend::all().filter_map(|backend| match backend.open() {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            // Past the harness, which keeps what passing tests print to itself.
            let _ = writeln!(io::stderr(), "NOT CHECKED: {error}");
            None
        }
        opened => Some((backend, opened.unwrap())),
    })
}

fn pair() -> (UnixStream, UnixStream) {
    let (near, far) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    far.set_nonblocking(true).unwrap();
    (near, far)
}

fn taken(set: &mut Set<UnixStream>) -> Vec<Key> {
    std::iter::from_fn(|| set.next_event().map(|(key, _)| key)).collect()
}

const AT_ONCE: Option<Duration> = Some(Duration::ZERO);

#[test]
fn a_source_removed_within_a_batch_is_not_reported() {
    on_every_mechanism(|mut set| {
        let (mut near, mut peers) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            let (mut one, other) = pair();
            one.write_all(b"!").unwrap();
            near.push(set.insert(other, READ, Mode::Level).unwrap());
            peers.push(one);
        }
        assert_eq!(set.wait(None).unwrap(), 2);
        let (first, _) = set.next_event().unwrap();
        let other = near.into_iter().find(|key| *key != first).unwrap();
        assert!(set.remove(other).is_some());
        assert!(set.next_event().is_none());
        assert!(set.remove(other).is_none());
    });
}

#[test]
fn a_newcomer_with_a_reused_number_gets_no_event_of_the_old_source() {
    on_every_mechanism(|mut set| {
        let (mut a, far_a) = pair();
        let (mut b, far_b) = pair();
        a.write_all(b"!").unwrap();
        b.write_all(b"!").unwrap();
        let keys = [
            set.insert(far_a, READ, Mode::Level).unwrap(),
            set.insert(far_b, READ, Mode::Level).unwrap(),
        ];
        assert_eq!(set.wait(None).unwrap(), 2);
        let (first, _) = set.next_event().unwrap();
        let victim = keys.into_iter().find(|key| *key != first).unwrap();
        let victim = set.remove(victim).unwrap();

        // A silent stranger takes the victim's number.
        let (_quiet_peer, quiet) = pair();
        let number = victim.as_raw_fd();
        let mut reused = OwnedFd::from(victim);
        nix::unistd::dup2(quiet.as_fd(), &mut reused).unwrap();
        assert_eq!(reused.as_raw_fd(), number);
        let newcomer = set.insert(reused.into(), READ, Mode::Level).unwrap();

        assert_eq!(taken(&mut set), []);
        set.get(first).unwrap().read_exact(&mut [0]).unwrap();
        assert_eq!(
            set.wait(AT_ONCE).unwrap(),
            0,
            "the newcomer has nothing to read"
        );
        assert!(set.get(newcomer).is_some());
    });
}

#[test]
fn what_is_left_of_a_batch_is_given_out_before_the_next_wait() {
    on_every_mechanism(|mut set| {
        let mut peers = Vec::new();
        for _ in 0..5 {
            let (mut near, far) = pair();
            near.write_all(b"!").unwrap();
            set.insert(far, READ, Mode::Oneshot).unwrap();
            peers.push(near);
        }
        let mut seen = Vec::new();
        while seen.len() < 5 {
            assert!(set.wait(None).unwrap() > 0);
            seen.push(set.next_event().unwrap().0);
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 5);
        assert_eq!(set.wait(AT_ONCE).unwrap(), 0);
    });
}

#[test]
fn a_batch_of_removed_sources_does_not_end_a_wait() {
    on_every_mechanism(|mut set| {
        let (mut near, far) = pair();
        near.write_all(b"!").unwrap();
        let key = set.insert(far, READ, Mode::Level).unwrap();
        set.wait(None).unwrap();
        set.remove(key);
        let timeout = Duration::from_millis(5);
        let start = Instant::now();
        assert_eq!(set.wait(Some(timeout)).unwrap(), 0);
        assert!(start.elapsed() >= timeout);
    });
}

#[test]
fn a_removed_source_comes_back_open_and_unwatched() {
    on_every_mechanism(|mut set| {
        let (mut near, far) = pair();
        let key = set.insert(far, READ, Mode::Level).unwrap();
        let mut far = set.remove(key).unwrap();
        assert!(set.is_empty());
        near.write_all(b"!").unwrap();
        assert_eq!(set.wait(AT_ONCE).unwrap(), 0);
        far.read_exact(&mut [0]).unwrap();
        assert!(set.get(key).is_none());
        let error = set.modify(key, READ, Mode::Level).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("has been removed"), "{error}");
    });
}

#[test]
fn a_key_of_another_set_finds_nothing_and_the_error_says_so() {
    on_every_mechanism(|mut set| {
        let mut other = Set::with_reactor(Backend::Poll.open().unwrap());
        let ((_a, mine), (_b, theirs)) = (pair(), pair());
        set.insert(mine, READ, Mode::Level).unwrap();
        let key = other.insert(theirs, READ, Mode::Level).unwrap();
        assert!(set.get(key).is_none() && set.get_mut(key).is_none());
        assert!(set.data(key).is_none() && set.remove(key).is_none());
        assert!(!set.disable(key) && !set.is_enabled(key));
        let errors = [set.modify(key, READ, Mode::Level), set.enable(key)];
        for error in errors.map(Result::unwrap_err) {
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert!(error.to_string().contains("another set"), "{error}");
        }
    });
}

#[test]
fn dropping_the_set_closes_its_sources() {
    on_every_mechanism(|mut set| {
        let (mut near, far) = pair();
        set.insert(far, READ, Mode::Level).unwrap();
        drop(set);
        assert_eq!(near.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn a_refused_source_comes_back_in_the_error() {
    for (_, reactor) in reactors() {
        let mut set: Set<Rc<UnixStream>> = WaitSet::with_reactor(reactor);
        let (_near, far) = pair();
        let far = Rc::new(far);
        set.insert(Rc::clone(&far), READ, Mode::Level).unwrap();
        let error = set.insert(Rc::clone(&far), READ, Mode::Level).unwrap_err();
        assert_eq!(error.error().kind(), ErrorKind::AlreadyExists);
        let text = error.to_string();
        let number = far.as_raw_fd().to_string();
        assert!(
            text.contains(&number) && text.contains("already registered"),
            "{text}"
        );
        assert!(Rc::ptr_eq(&error.into_source(), &far));
        assert_eq!(set.len(), 1, "the first stays");
    }
}

#[test]
fn modify_changes_what_is_reported() {
    on_every_mechanism(|mut set| {
        let (_near, far) = pair();
        let key = set.insert(far, READ, Mode::Level).unwrap();
        assert_eq!(set.wait(AT_ONCE).unwrap(), 0);
        set.modify(key, READ | Interest::WRITABLE, Mode::Level)
            .unwrap();
        assert_eq!(set.wait(None).unwrap(), 1);
        let (_, event) = set.next_event().unwrap();
        assert!(event.is_writable() && !event.is_readable());
        set.modify(key, READ, Mode::Level).unwrap();
        assert_eq!(set.wait(AT_ONCE).unwrap(), 0);
    });
}

#[test]
fn a_wake_ends_the_wait_and_says_so() {
    on_every_mechanism(|mut set| {
        let waker = set.waker();
        let thread = std::thread::spawn(move || waker.wake());
        assert_eq!(set.wait(None).unwrap(), 0);
        assert!(set.was_woken() && !set.was_interrupted());
        thread.join().unwrap();
        set.wait(AT_ONCE).unwrap();
        assert!(!set.was_woken());
    });
}

#[test]
fn iteration_meets_every_source_once() {
    on_every_mechanism(|mut set| {
        let mut peers = Vec::new();
        let mut keys = Vec::new();
        for _ in 0..4 {
            let (near, far) = pair();
            keys.push(set.insert(far, READ, Mode::Level).unwrap());
            peers.push(near);
        }
        set.remove(keys.remove(1));
        let mut met: Vec<_> = set.iter().map(|(key, ..)| key).collect();
        met.sort_unstable();
        keys.sort_unstable();
        assert_eq!(met, keys);
    });
}

/// Lends another descriptor at every call.
struct Fickle {
    streams: [UnixStream; 2],
    calls: Cell<usize>,
}

impl AsFd for Fickle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.calls.set(self.calls.get() + 1);
        self.streams[self.calls.get() % 2].as_fd()
    }
}

#[test]
fn a_source_that_lends_another_descriptor_each_time_leaves_nothing_registered() {
    for (_, reactor) in reactors() {
        let mut set: Set<Fickle> = WaitSet::with_reactor(reactor);
        let ((mut a, far_a), (mut b, far_b)) = (pair(), pair());
        a.write_all(b"!").unwrap();
        b.write_all(b"!").unwrap();
        let fickle = Fickle {
            streams: [far_a, far_b],
            calls: 0.into(),
        };
        let key = set.insert(fickle, READ, Mode::Level).unwrap();
        set.modify(key, READ, Mode::Oneshot).unwrap();
        let fickle = set.remove(key).unwrap();
        assert_eq!(set.wait(AT_ONCE).unwrap(), 0);
        drop(fickle);
    }
}

/// A reactor that cannot deregister, for as long as it is told so.
struct Clinging {
    inner: Box<dyn Reactor + Send>,
    clings: Rc<Cell<bool>>,
}

impl Reactor for Clinging {
    #[allow(unsafe_code, reason = "the registration outlives the borrow")]
    unsafe fn register(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { self.inner.register(source, token, interest, mode) }
    }

    fn modify(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        self.inner.modify(source, token, interest, mode)
    }

    fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()> {
        match self.clings.get() {
            true => Err(io::Error::other("something has run out")),
            false => self.inner.deregister(source),
        }
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        self.inner.wait(events, timeout)
    }

    fn waker(&self) -> ReactorWaker {
        self.inner.waker()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn stats(&self) -> Stats {
        self.inner.stats()
    }

    fn name(&self) -> &'static str {
        self.inner.name()
    }
}

#[test]
fn a_source_that_the_reactor_cannot_let_go_of_stays_in_the_set() {
    for (_, inner) in reactors() {
        let clings = Rc::new(Cell::new(true));
        let mut set = WaitSet::with_reactor(Clinging {
            inner,
            clings: Rc::clone(&clings),
        });
        let (mut near, far) = pair();
        let key = set.insert(far, READ, Mode::Level).unwrap();
        assert!(set.remove(key).is_none());
        assert!(set.get(key).is_some());
        near.write_all(b"!").unwrap();
        assert_eq!(set.wait(AT_ONCE).unwrap(), 1);
        assert_eq!(set.next_event().unwrap().0, key);
        clings.set(false);
        assert!(set.remove(key).is_some());
        assert_eq!(set.wait(AT_ONCE).unwrap(), 0);
    }
}

#[test]
fn a_set_with_little_room_gives_out_every_event() {
    for (backend, reactor) in reactors() {
        eprintln!("on {backend}");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mode = match reactor.capabilities().supports(Mode::Edge) {
                    true => Mode::Edge,
                    false => Mode::Oneshot,
                };
                // Room for none would never have an event.
                let mut set = Set::with_batch(reactor, 0);
                let (mut keys, mut peers) = (Vec::new(), Vec::new());
                for _ in 0..5 {
                    let (mut near, far) = pair();
                    near.write_all(b"!").unwrap();
                    keys.push(set.insert(far, READ, mode).unwrap());
                    peers.push(near);
                }
                let mut told = Vec::new();
                for _ in 0..5 {
                    assert_eq!(set.wait(None).unwrap(), 1);
                    told.extend(taken(&mut set));
                }
                assert_eq!(set.wait(AT_ONCE).unwrap(), 0);
                told.sort();
                keys.sort();
                assert_eq!(told, keys);
            });
        });
    }
}

#[test]
fn a_disabled_source_has_no_event_until_it_is_enabled() {
    on_every_mechanism(|mut set| {
        let edge = set.reactor().capabilities().supports(Mode::Edge);
        let edge = edge.then_some(Mode::Edge);
        for mode in [Mode::Level, Mode::Oneshot].into_iter().chain(edge) {
            let (mut near, far) = pair();
            let key = set.insert(far, READ, mode).unwrap();
            assert!(set.is_enabled(key));
            near.write_all(b"!").unwrap();
            // The event that has been fetched is dropped with those to come.
            assert_eq!(set.wait(None).unwrap(), 1);
            assert!(set.disable(key) && set.disable(key));
            assert!(!set.is_enabled(key) && set.get(key).is_some());
            for _ in 0..3 {
                assert_eq!(taken(&mut set), []);
                set.wait(AT_ONCE).unwrap();
            }
            set.enable(key).unwrap();
            set.wait(None).unwrap();
            assert_eq!(
                taken(&mut set),
                [key],
                "{mode:?}: what is ready is reported"
            );
            assert!(set.remove(key).is_some());
        }
    });
}

#[test]
fn a_disabled_source_does_not_keep_the_wait_from_sleeping() {
    on_every_mechanism(|mut set| {
        let (mut near, far) = pair();
        let key = set.insert(far, READ, Mode::Level).unwrap();
        near.write_all(b"!").unwrap();
        set.disable(key);
        // It can end a single wait early.
        set.wait(AT_ONCE).unwrap();
        assert_eq!(taken(&mut set), []);
        let timeout = Duration::from_millis(5);
        let start = Instant::now();
        assert_eq!(set.wait(Some(timeout)).unwrap(), 0);
        assert!(start.elapsed() >= timeout);
    });
}

#[test]
fn a_disabled_source_can_be_modified_and_stays_disabled() {
    on_every_mechanism(|mut set| {
        let (mut near, far) = pair();
        near.write_all(b"!").unwrap();
        let key = set.insert(far, READ, Mode::Level).unwrap();
        set.disable(key);
        for _ in 0..2 {
            set.modify(key, Interest::WRITABLE, Mode::Oneshot).unwrap();
            set.wait(AT_ONCE).unwrap();
            assert_eq!(taken(&mut set), []);
        }
        set.enable(key).unwrap();
        set.wait(None).unwrap();
        let (_, event) = set.next_event().unwrap();
        assert!(event.is_writable() && !event.is_readable());
        assert_eq!(set.wait(AT_ONCE).unwrap(), 0, "it is one-shot now");
    });
}

#[test]
fn removing_a_disabled_source_leaves_another_with_its_descriptor_registered() {
    for (backend, reactor) in reactors() {
        eprintln!("on {backend}");
        let mut set: WaitSet<Rc<UnixStream>, (), _> = WaitSet::with_reactor(reactor);
        let (mut near, far) = pair();
        let far = Rc::new(far);
        near.write_all(b"!").unwrap();
        let first = set.insert(Rc::clone(&far), READ, Mode::Level).unwrap();
        set.disable(first);
        set.wait(AT_ONCE).unwrap();
        assert_eq!(set.next_event(), None);
        let second = set.insert(far, READ, Mode::Level).unwrap();
        let error = set.enable(first).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert!(!set.is_enabled(first));
        assert!(set.remove(first).is_some());
        assert_eq!(set.wait(None).unwrap(), 1);
        assert_eq!(set.next_event().unwrap().0, second);
    }
}

#[test]
fn a_source_keeps_its_data_until_both_come_back() {
    for (backend, reactor) in reactors() {
        eprintln!("on {backend}");
        let mut set = WaitSet::with_reactor(reactor);
        let (mut peers, mut keys) = (Vec::new(), Vec::new());
        for name in ["a", "b", "c"] {
            let (mut near, far) = pair();
            near.write_all(name.as_bytes()).unwrap();
            let name = name.to_owned();
            keys.push(set.insert_with(far, name, READ, Mode::Level).unwrap());
            peers.push(near);
        }
        while peers.len() > set.iter().filter(|(.., name)| name.len() > 1).count() {
            set.wait(None).unwrap();
            while let Some((key, event, mut stream, name)) = set.next_ready() {
                assert!(event.is_readable());
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                assert_eq!(
                    name.as_bytes(),
                    byte,
                    "each event has its own source and data"
                );
                name.push('!');
                assert_eq!(set.data(key).unwrap().len(), 2);
            }
        }
        let (_, name) = set.get_mut(keys[0]).unwrap();
        name.push('?');
        for (key, _, name) in &mut set {
            assert_eq!(name == "a!?", key == keys[0]);
            name.clear();
        }
        assert!((&set).into_iter().all(|(.., name)| name.is_empty()));
        let (stream, data) = set.remove_entry(keys[1]).unwrap();
        assert_eq!((set.len(), data.as_str()), (2, ""));
        drop(stream);
    }
}

#[test]
fn a_refused_source_comes_back_with_its_data() {
    for (_, reactor) in reactors() {
        let mut set = WaitSet::with_reactor(reactor);
        let (_near, far) = pair();
        let far = Rc::new(far);
        set.insert_with(Rc::clone(&far), "one", READ, Mode::Level)
            .unwrap();
        let error = set
            .insert_with(Rc::clone(&far), "two", READ, Mode::Level)
            .unwrap_err();
        let ((source, data), error) = error.into_parts();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert!(Rc::ptr_eq(&source, &far) && data == "two");
    }
}
