//! A registration is of one source, from `register` to `deregister` and no longer.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::thread;

use nix::unistd::dup2;
use waitset_core::{Interest, Mode, Readiness, Token};

use crate::Make;
use crate::sources::{await_sign, drain, pipe, ready_pipe, tcp_pair, unix_pair};
use crate::watch::{ALL, R, W, Watch};

/// The modes that the mechanism has.
fn modes(watch: &Watch) -> impl Iterator<Item = Mode> + use<> {
    let can = watch.can();
    [Mode::Level, Mode::Oneshot, Mode::Edge]
        .into_iter()
        .filter(move |mode| can.supports(*mode))
}

pub fn a_second_registration_is_refused_and_changes_nothing(make: Make) {
    let mut watch = Watch::new(make);
    let (near, mut far) = unix_pair();
    far.write_all(b"!").unwrap();
    watch.register(&near, 7, R, Mode::Level);
    for mode in modes(&watch) {
        let error = watch.try_register(&near, 8, W, mode).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        let event = watch.the_event();
        assert_eq!(event.token(), Token(7));
        assert!(event.is_readable() && !event.is_writable());
    }
    watch.deregister(&near);
    watch.assert_silent();
}

pub fn an_unknown_descriptor_is_not_found(make: Make) {
    let mut watch = Watch::new(make);
    let mode = watch.some_mode();
    let (reader, _writer) = ready_pipe();
    let error = watch.try_modify(&reader, 7, R, mode).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = watch.try_deregister(&reader).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    watch.register(&reader, 7, R, mode);
    watch.deregister(&reader);
    let error = watch.try_deregister(&reader).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = watch.try_modify(&reader, 7, R, mode).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    watch.assert_silent();
}

pub fn no_event_comes_after_deregister(make: Make) {
    let mut watch = Watch::new(make);
    for mode in modes(&watch) {
        let (near, mut far) = unix_pair();
        watch.register(&near, 7, ALL, mode);
        far.write_all(b"!").unwrap();
        watch.deregister(&near);
        watch.assert_silent();
        drop(far);
        watch.assert_silent();
    }
}

pub fn a_source_can_be_registered_again(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, _writer) = ready_pipe();
    for token in 0..20 {
        for mode in modes(&watch) {
            watch.register(&reader, token, R, mode);
            assert_eq!(watch.look_for_tokens(), [token]);
            watch.deregister(&reader);
        }
    }
}

pub fn deregister_leaves_the_others_alone(make: Make) {
    let mut watch = Watch::new(make);
    let pipes: Vec<_> = (0..10).map(|_| ready_pipe()).collect();
    for ((reader, _), token) in pipes.iter().zip(0..) {
        watch.register(reader, token, R, Mode::Level);
    }
    let mut left: Vec<_> = (0..10).collect();
    // From the middle, the front and the end.
    for gone in [5, 0, 9, 4, 8, 1, 7, 2, 3, 6] {
        watch.deregister(&pipes[gone as usize].0);
        left.retain(|token| *token != gone);
        assert_eq!(watch.look_for_tokens(), left);
    }
}

/// libuv#1468, h2o#1100, epoll(7) question 6: the file lives on in a duplicate, and epoll
/// with it, unless it is taken out first.
pub fn a_duplicate_that_lives_on_is_silent_after_deregister(make: Make) {
    let mut watch = Watch::new(make);
    for mode in modes(&watch) {
        let (near, mut far) = unix_pair();
        let duplicate = near.try_clone().unwrap();
        watch.register(&near, 7, R, mode);
        watch.deregister(&near);
        drop(near);
        far.write_all(b"!").unwrap();
        await_sign(&duplicate, Readiness::READABLE);
        watch.assert_at_rest();
    }
}

pub fn duplicates_are_sources_of_their_own(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, _writer) = ready_pipe();
    let duplicate = reader.try_clone().unwrap();
    watch.register(&reader, 1, R, Mode::Oneshot);
    watch.register(&duplicate, 2, R, Mode::Oneshot);
    assert_eq!(watch.look_for_tokens(), [1, 2]);
    watch.modify(&duplicate, 3, R, Mode::Oneshot);
    assert_eq!(watch.look_for_tokens(), [3]);
    watch.deregister(&duplicate);
    watch.modify(&reader, 4, R, Mode::Oneshot);
    assert_eq!(watch.look_for_tokens(), [4]);
}

/// Puts `new` in the place, and under the number, of `old`.
fn replace(old: &mut OwnedFd, new: File) {
    dup2(&new, old).unwrap();
}

/// liburing#363, io-event#71: nothing of the old source clings to its number.
pub fn a_number_given_to_a_new_file_is_a_new_source(make: Make) {
    let mut watch = Watch::new(make);
    for mode in modes(&watch) {
        for was_told in [false, true] {
            let (old, _old_writer) = ready_pipe();
            let _duplicate = old.try_clone().unwrap();
            let mut source = OwnedFd::from(old);
            watch.register(&source, 1, R, mode);
            if was_told {
                watch.the_event();
                watch.look();
            }
            watch.deregister(&source);
            let (new, mut new_writer) = pipe();
            replace(&mut source, new);
            watch.assert_silent();
            let error = watch.try_modify(&source, 2, R, mode).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            watch.register(&source, 2, R, mode);
            watch.assert_silent();
            new_writer.write_all(b"!").unwrap();
            assert_eq!(watch.the_event().token(), Token(2));
            watch.deregister(&source);
        }
    }
}

/// liburing#932: a reactor that still holds the socket keeps its peer from seeing the end.
pub fn a_source_closed_after_deregister_is_closed_for_its_peer(make: Make) {
    let mut watch = Watch::new(make);
    let (near, mut far) = tcp_pair();
    watch.register(&near, 7, R, Mode::Level);
    watch.look();
    watch.deregister(&near);
    drop(near);
    await_sign(&far, Readiness::READABLE);
    assert_eq!(far.read(&mut [0]).unwrap(), 0);
}

/// Closes `near`, which is registered no more, and sees its peer meet the end: a reactor
/// that holds the file holds it for good. A child that another test forks has it, too, but
/// only until it runs its program.
#[track_caller]
fn assert_closed_for(mut far: UnixStream, near: UnixStream) {
    drop(near);
    await_sign(&far, Readiness::READABLE);
    // What it had sent and nobody read resets a stream.
    match far.read(&mut [0; 8]) {
        Ok(count) => assert_eq!(count, 0),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

/// The kernel has seen the source become ready, and no wait has told it.
pub fn a_source_closed_with_a_wakeup_pending_is_closed_for_its_peer(make: Make) {
    let mut watch = Watch::new(make);
    for mode in modes(&watch) {
        for (is_read, is_modified) in [(false, false), (true, false), (false, true), (true, true)] {
            let (mut near, mut far) = unix_pair();
            watch.register(&near, 7, R, mode);
            watch.look();
            far.write_all(b"!").unwrap();
            if is_modified {
                watch.modify(&near, 8, R, mode);
                watch.look();
                far.write_all(b"!").unwrap();
            }
            if is_read {
                drain(&mut near);
            }
            watch.deregister(&near);
            assert_closed_for(far, near);
            watch.assert_silent();
        }
    }
}

pub fn a_source_closed_after_many_changes_is_closed_for_its_peer(make: Make) {
    // A buffer that another source fills: what has completed waits in the kernel.
    let mut watch = Watch::with_capacity(make, 1);
    let (filler, _writer) = ready_pipe();
    watch.register(&filler, 1, R, Mode::Level);
    for mode in modes(&watch) {
        let (near, mut far) = unix_pair();
        watch.register(&near, 7, R, mode);
        for round in 0..200 {
            far.write_all(b"!").unwrap();
            let interest = if round % 2 == 0 { ALL } else { R };
            watch.modify(&near, 7, interest, mode);
            watch.look();
        }
        watch.deregister(&near);
        assert_closed_for(far, near);
    }
}

/// More than a kernel runs at once of what is pending.
pub fn of_many_sources_each_is_closed_for_its_peer_as_soon_as_it_is_deregistered(make: Make) {
    let mut watch = Watch::with_capacity(make, 7);
    for mode in modes(&watch) {
        let mut pairs: Vec<_> = (0..150).map(|_| unix_pair()).collect();
        for ((near, _), token) in pairs.iter().zip(0..) {
            watch.register(near, token, R, mode);
        }
        watch.look();
        for (_, far) in &mut pairs {
            far.write_all(b"!").unwrap();
        }
        for ((near, _), token) in pairs.iter().zip(0..) {
            watch.modify(near, token, ALL, mode);
        }
        watch.look();
        // From the end, where what is pending comes last.
        while let Some((near, far)) = pairs.pop() {
            watch.deregister(&near);
            assert_closed_for(far, near);
        }
        watch.assert_silent();
    }
}

pub fn a_source_deregistered_in_another_thread_is_closed_for_its_peer(make: Make) {
    for mode in modes(&Watch::new(make)) {
        for is_pending in [false, true] {
            let mut watch = Watch::new(make);
            let (near, mut far) = unix_pair();
            watch.register(&near, 7, R, mode);
            watch.look();
            if is_pending {
                far.write_all(b"!").unwrap();
            }
            let elsewhere = move || {
                watch.deregister(&near);
                assert_closed_for(far, near);
                watch.assert_silent();
            };
            thread::scope(|scope| scope.spawn(elsewhere).join()).unwrap();
        }
    }
}

pub fn sources_closed_after_a_reactor_with_wakeups_pending_are_closed_for_their_peers(make: Make) {
    for mode in modes(&Watch::new(make)) {
        let mut watch = Watch::with_capacity(make, 7);
        let mut pairs: Vec<_> = (0..150).map(|_| unix_pair()).collect();
        for ((near, _), token) in pairs.iter().zip(0..) {
            watch.register(near, token, R, mode);
        }
        watch.look();
        for (_, far) in &mut pairs {
            far.write_all(b"!").unwrap();
        }
        drop(watch);
        for (near, far) in pairs {
            assert_closed_for(far, near);
        }
    }
}

pub fn a_source_closed_after_its_reactor_is_closed_for_its_peer(make: Make) {
    let mut watch = Watch::new(make);
    let (near, mut far) = tcp_pair();
    watch.register(&near, 7, R, Mode::Oneshot);
    watch.look();
    drop(watch);
    drop(near);
    await_sign(&far, Readiness::READABLE);
    assert_eq!(far.read(&mut [0]).unwrap(), 0);
}

pub fn two_reactors_watch_one_source(make: Make) {
    let (mut one, mut two) = (Watch::new(make), Watch::new(make));
    let (reader, _writer) = ready_pipe();
    one.register(&reader, 1, R, Mode::Oneshot);
    two.register(&reader, 2, R, Mode::Oneshot);
    assert_eq!(one.look_for_tokens(), [1]);
    assert_eq!(two.look_for_tokens(), [2]);
    one.deregister(&reader);
    two.modify(&reader, 3, R, Mode::Oneshot);
    assert_eq!(two.look_for_tokens(), [3]);
}

/// polling#153, cpython#83420: what is in the table is what was put there, after any
/// order of calls.
pub fn a_refused_change_leaves_the_registration_as_it_was(make: Make) {
    let mut watch = Watch::new(make);
    let other = watch.some_mode();
    let (near, mut far) = unix_pair();
    far.write_all(b"!").unwrap();
    watch.register(&near, 7, R, Mode::Oneshot);
    let change = |watch: &mut Watch, interest: Interest| {
        let error = watch.try_modify(&near, u64::MAX, interest, other);
        assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidInput);
    };
    change(&mut watch, W);
    let event = watch.the_event();
    assert!(event.token() == Token(7) && !event.is_writable());
    change(&mut watch, R);
    watch.assert_silent();
    watch.modify(&near, 8, R, Mode::Oneshot);
    assert_eq!(watch.look_for_tokens(), [8]);
}
