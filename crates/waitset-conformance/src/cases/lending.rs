//! The descriptor that a reactor lends, as an epoll instance sees it that watches it edge-triggered.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use waitset_core::{Mode, Token};

use crate::Make;
use crate::sources::unix_pair;
use crate::watch::{BOUND, R, W, Watch};

use super::meanwhile::once_asleep;

/// An epoll instance that watches what a reactor lent.
struct Outer(Epoll);

impl Outer {
    /// None if the mechanism has no descriptor.
    fn watch(watch: &mut Watch) -> Option<Self> {
        let lent = match watch.reactor.lend() {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                assert!(error.to_string().contains("cannot lend"), "{error}");
                return None;
            }
            lent => lent.unwrap(),
        };
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).unwrap();
        let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLET;
        epoll.add(lent, EpollEvent::new(flags, 0)).unwrap();
        Some(Self(epoll))
    }

    /// The same when the reactor has nothing to report any more.
    #[track_caller]
    fn watch_at_rest(watch: &mut Watch) -> Option<Self> {
        for _ in 0..10 {
            assert_eq!(watch.look(), []);
            let outer = Self::watch(watch)?;
            if !outer.sees_within(Duration::ZERO) {
                return Some(outer);
            }
        }
        panic!("the descriptor stays readable");
    }

    fn sees_within(&self, limit: Duration) -> bool {
        let timeout = EpollTimeout::try_from(limit).unwrap();
        self.0.wait(&mut [EpollEvent::empty()], timeout).unwrap() > 0
    }

    #[track_caller]
    fn expect(&self) {
        assert!(self.sees_within(BOUND), "the descriptor stays silent");
    }
}

pub fn a_lent_descriptor_is_readable_as_long_as_a_wait_would_not_block(make: Make) {
    let mut watch = Watch::new(make);
    let modes = [Mode::Level, Mode::Edge, Mode::Oneshot];
    let can = watch.can();
    for mode in modes.into_iter().filter(|mode| can.supports(*mode)) {
        let (mut near, mut far) = unix_pair();
        watch.register(&near, 7, R, mode);
        for _ in 0..3 {
            let Some(outer) = Outer::watch_at_rest(&mut watch) else {
                return;
            };
            // What becomes ready after it was lent.
            far.write_all(b"!").unwrap();
            outer.expect();
            assert_eq!(watch.the_event().token(), Token(7));
            near.read_exact(&mut [0]).unwrap();

            // What is ready before.
            far.write_all(b"!").unwrap();
            watch.modify(&near, 8, R, mode);
            Outer::watch(&mut watch).unwrap().expect();
            assert_eq!(watch.the_event().token(), Token(8));
            near.read_exact(&mut [0]).unwrap();

            // What is ready in a direction that was added before.
            watch.modify(&near, 9, W, mode);
            Outer::watch(&mut watch).unwrap().expect();
            assert_eq!(watch.the_event().token(), Token(9));
            watch.modify(&near, 7, R, mode);
        }
        watch.deregister(&near);
        let outer = Outer::watch_at_rest(&mut watch).unwrap();
        far.write_all(b"!").unwrap();
        assert!(!outer.sees_within(Duration::from_millis(10)));
    }
}

pub fn a_lent_descriptor_shows_a_wake(make: Make) {
    let mut watch = Watch::new(make);
    for _ in 0..3 {
        let Some(outer) = Outer::watch_at_rest(&mut watch) else {
            return;
        };
        let waker = watch.reactor.waker();
        let thread = thread::spawn(move || waker.wake());
        outer.expect();
        thread.join().unwrap();
        assert_eq!(watch.look(), []);
        assert!(watch.events.was_woken());

        watch.reactor.waker().wake();
        Outer::watch(&mut watch).unwrap().expect();
        assert_eq!(watch.look(), []);
        assert!(watch.events.was_woken());
    }
}

pub fn a_lent_reactor_waits_as_before(make: Make) {
    let mut watch = Watch::new(make);
    let (near, far) = unix_pair();
    watch.register(&near, 7, R, watch.some_mode());
    let sleeps = watch.can().sleeps;
    for _ in 0..3 {
        if Outer::watch_at_rest(&mut watch).is_none() {
            return;
        }
        let waker = watch.reactor.waker();
        once_asleep(
            sleeps,
            move || waker.wake(),
            || assert_eq!(watch.wait(None), 0),
        );
        assert!(watch.events.was_woken());
        Outer::watch_at_rest(&mut watch);
        let mut peer = far
            .as_fd()
            .try_clone_to_owned()
            .map(std::fs::File::from)
            .unwrap();
        once_asleep(
            sleeps,
            move || peer.write_all(b"!").unwrap(),
            || assert_eq!(watch.wait(None), 1),
        );
        (&near).read_exact(&mut [0]).unwrap();
        watch.assert_at_rest();
    }
}
