//! What a reactor opens it closes, keeps from other programs, and never has more of.
//!
//! Alone in their process, since they look at all of its descriptors.

use std::io::{ErrorKind, Write};
use std::iter;
use std::os::fd::RawFd;
use std::thread;
use std::time::Duration;

use nix::fcntl::FdFlag;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Gid, Uid, geteuid, setgid, setuid};
use waitset_core::{Mode, Token};

use crate::Make;
use crate::child::{alone, not_checked};
use crate::sources::{drain, open_descriptors, ready_pipe, unix_pair};
use crate::sys::{descriptor_flags, duplicate_from, fork_and};
use crate::watch::{ALL, R, Watch};

/// A user and a group without rights, on most systems `nobody`.
const NOBODY: u32 = 65_534;

/// mio#1497: what is open across `exec` belongs to a stranger.
pub fn every_descriptor_is_closed_on_exec(make: Make) {
    alone(|| {
        let before = open_descriptors();
        let watch = Watch::new(make);
        let waker = watch.reactor.waker();
        let is_new = |fd: &RawFd| !before.contains(fd);
        for fd in open_descriptors().into_iter().filter(is_new) {
            let flags = FdFlag::from_bits_retain(descriptor_flags(fd).unwrap());
            assert!(flags.contains(FdFlag::FD_CLOEXEC), "descriptor {fd}");
        }
        drop((watch, waker));
        assert_eq!(open_descriptors(), before);
    });
}

pub fn nothing_stays_open_after_reactor_and_wakers(make: Make) {
    alone(|| {
        let before = open_descriptors();
        for _ in 0..100 {
            let reactor = make().unwrap();
            let wakers = [reactor.waker(), reactor.waker()];
            wakers[0].wake();
            drop(reactor);
            wakers[1].wake();
        }
        assert_eq!(open_descriptors(), before);
    });
}

/// libuv#4416: what waits in a process that gave up its rights has rights of before, and
/// needs none to wait.
pub fn what_was_opened_serves_on_after_the_process_gave_up_its_rights(make: Make) {
    alone(|| {
        let mut watch = Watch::new(make);
        let (near, mut far) = unix_pair();
        watch.register(&near, 7, R, Mode::Level);
        watch.assert_silent();
        if geteuid().is_root() {
            setgid(Gid::from_raw(NOBODY)).unwrap();
            setuid(Uid::from_raw(NOBODY)).unwrap();
        } else {
            not_checked("what a process without rights cannot give up");
        }
        far.write_all(b"!").unwrap();
        assert_eq!(watch.look_for_tokens(), [7]);
        drain(&near);
        watch.reactor.waker().wake();
        watch.wait(None);
        assert!(watch.events.was_woken());
        let (reader, _writer) = ready_pipe();
        watch.register(&reader, 8, R, Mode::Oneshot);
        assert_eq!(watch.look_for_tokens(), [8]);
        watch.deregister(&near);
        watch.assert_silent();
    });
}

/// io-event#195: a child that was forked drops what it has inherited, and must not undo
/// what its parent has.
pub fn a_reactor_dropped_in_a_forked_child_serves_on_in_the_parent(make: Make) {
    alone(|| {
        let mut watch = Some(Watch::new(make));
        let (near, mut far) = unix_pair();
        let parents = watch.as_mut().unwrap();
        parents.register(&near, 7, R, Mode::Level);
        parents.assert_silent();
        fork_and(|| drop(watch.take()));
        let parents = watch.as_mut().unwrap();
        parents.assert_silent();
        far.write_all(b"!").unwrap();
        assert_eq!(parents.look_for_tokens(), [7]);
        parents.reactor.waker().wake();
        parents.look();
        assert!(parents.events.was_woken());
        parents.deregister(&near);
        parents.assert_silent();
    });
}

/// mio#1636, mio#1031: a constructor that fails half-way forgets what it has opened.
pub fn a_constructor_that_fails_leaks_nothing(make: Make) {
    alone(|| {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, 64, hard).unwrap();
        let (reader, _writer) = ready_pipe();
        let mut filling = Vec::new();
        while let Ok(duplicate) = duplicate_from(&reader, 0) {
            filling.push(duplicate);
        }
        loop {
            let before = open_descriptors();
            let answer = make().map(drop);
            assert_eq!(open_descriptors(), before);
            match answer {
                Ok(()) => break,
                // EMFILE, which has no stable kind of its own.
                Err(error) => assert!(error.to_string().contains("os error 24"), "{error}"),
            }
            assert!(filling.pop().is_some(), "it needs more than 60 descriptors");
        }
    });
}

/// A thread that did not use the reactor before does, and nothing more can be opened.
pub fn a_call_that_lacks_descriptors_changes_nothing(make: Make) {
    alone(|| {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, 64, hard).unwrap();
        for mode in [Mode::Level, Mode::Oneshot, Mode::Edge] {
            let mut watch = Watch::new(make);
            if !watch.can().supports(mode) {
                continue;
            }
            let ((near, mut far), (newcomer, _peer)) = (unix_pair(), unix_pair());
            watch.register(&near, 7, R, mode);
            watch.assert_silent();
            let filling: Vec<_> = iter::from_fn(|| duplicate_from(&near, 0).ok()).collect();
            let (deregistered, waited, registered) = in_another_thread(|| {
                let deregistered = watch.try_deregister(&near);
                let waited = watch.reactor.wait(&mut watch.events, Some(Duration::ZERO));
                let registered = watch.try_register(&newcomer, 8, R, mode);
                (deregistered, waited, registered)
            });
            drop(filling);
            assert!(waited.is_err() || waited.is_ok_and(|count| count == 0));
            assert_eq!(watch.try_deregister(&newcomer).is_ok(), registered.is_ok());
            far.write_all(b"!").unwrap();
            match deregistered {
                Err(_) => {
                    assert_eq!(watch.the_event().token(), Token(7));
                    watch.deregister(&near);
                }
                Ok(()) => watch.assert_silent(),
            }
            assert_eq!(
                watch.try_deregister(&near).unwrap_err().kind(),
                ErrorKind::NotFound
            );
            watch.assert_silent();
        }
    });
}

fn in_another_thread<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(act).join().unwrap())
}

/// litebox#1264, tgt#20: what is dead piles up.
pub fn a_hundred_thousand_rounds_leave_the_descriptors_as_they_were(make: Make) {
    const ROUNDS: u64 = 100_000;
    alone(|| {
        let mut watch = Watch::new(make);
        let (near, _far) = unix_pair();
        let before = (open_descriptors(), watch.stats());
        for token in 0..ROUNDS {
            watch.register(&near, token, ALL, Mode::Level);
            watch.deregister(&near);
        }
        assert_eq!(open_descriptors(), before.0);
        let made = watch.stats().since(&before.1);
        assert_eq!(made.wait_calls + made.wake_calls + made.events, 0);
        // At most one system call for each of the two, and one to look at the descriptor
        // when the table grew.
        assert!(made.control_calls <= 2 * ROUNDS + 1, "{made:?}");
        watch.assert_silent();
    });
}

/// A source that is told of, changed and removed in every round.
pub fn ten_thousand_lives_leave_the_descriptors_as_they_were(make: Make) {
    alone(|| {
        let mut watch = Watch::new(make);
        let before = open_descriptors();
        for token in 0..10_000 {
            let (reader, _writer) = ready_pipe();
            watch.register(&reader, token, R, Mode::Oneshot);
            assert_eq!(watch.look_for_tokens(), [token]);
            watch.modify(&reader, token, R, Mode::Level);
            assert_eq!(watch.look_for_tokens(), [token]);
            watch.deregister(&reader);
        }
        assert_eq!(open_descriptors(), before);
        watch.assert_silent();
    });
}
