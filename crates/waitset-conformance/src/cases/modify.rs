//! `modify` replaces all that was asked.

use std::io::Write;

use waitset_core::{Mode, Token};

use crate::Make;
use crate::sources::{ready_pipe, unix_pair};
use crate::watch::{P, R, W, Watch, directions};

pub fn modify_changes_the_token(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, _writer) = ready_pipe();
    watch.register(&reader, 0, R, Mode::Level);
    for token in 1..10 {
        watch.modify(&reader, token, R, Mode::Level);
        assert_eq!(watch.the_event().token(), Token(token));
        assert_eq!(watch.the_event().token(), Token(token));
    }
}

pub fn modify_changes_the_interest(make: Make) {
    let mut watch = Watch::new(make);
    let (near, mut far) = unix_pair();
    far.write_all(b"!").unwrap();
    watch.register(&near, 7, P, Mode::Level);
    watch.assert_silent();
    for interest in [R, W, R | W, W, R] {
        watch.modify(&near, 7, interest, Mode::Level);
        assert_eq!(directions(&watch.the_event()), interest);
    }
    watch.modify(&near, 7, P, Mode::Level);
    watch.assert_silent();
}

/// libuv#3671: a server takes an interest in writing on and off with each answer.
pub fn an_interest_taken_off_is_silent_and_does_not_spin(make: Make) {
    let mut watch = Watch::new(make);
    let (near, _far) = unix_pair();
    watch.register(&near, 7, R | W, Mode::Level);
    watch.the_event();
    watch.modify(&near, 7, R, Mode::Level);
    watch.assert_at_rest();
    watch.modify(&near, 7, R | W, Mode::Level);
    assert_eq!(directions(&watch.the_event()), W);
}

pub fn of_many_changes_between_two_waits_the_last_one_holds(make: Make) {
    let mut watch = Watch::new(make);
    let (near, mut far) = unix_pair();
    far.write_all(b"!").unwrap();
    watch.register(&near, 0, R, Mode::Level);
    for last in [R, W, R | W] {
        for token in 1..=10 {
            watch.modify(&near, token, W, Mode::Level);
            watch.modify(&near, token, P, Mode::Oneshot);
            watch.modify(&near, token, R, Mode::Level);
            watch.modify(&near, token, last, Mode::Level);
        }
        let event = watch.the_event();
        assert_eq!((event.token(), directions(&event)), (Token(10), last));
    }
}

/// The change of a source that has gone since must not reach its successor.
pub fn a_change_dies_with_its_registration(make: Make) {
    let mut watch = Watch::new(make);
    let (near, _far) = unix_pair();
    for _ in 0..10 {
        watch.register(&near, 7, R, Mode::Level);
        watch.modify(&near, 8, W, Mode::Level);
        watch.deregister(&near);
        watch.assert_silent();
        watch.register(&near, 9, R, Mode::Level);
        watch.assert_silent();
        watch.modify(&near, 10, R | W, Mode::Level);
        watch.deregister(&near);
        watch.register(&near, 11, W, Mode::Oneshot);
        assert_eq!(watch.look_for_tokens(), [11]);
        watch.assert_silent();
        watch.deregister(&near);
    }
}

pub fn every_mode_turns_into_every_other(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, _writer) = ready_pipe();
    let mut modes = vec![Mode::Level, Mode::Oneshot, Mode::Edge];
    modes.retain(|mode| watch.can().supports(*mode));
    watch.register(&reader, 7, R, Mode::Level);
    for from in &modes {
        for to in &modes {
            watch.modify(&reader, 7, R, *from);
            watch.the_event();
            watch.modify(&reader, 8, R, *to);
            assert_eq!(watch.the_event().token(), Token(8));
            match to {
                Mode::Level => assert_eq!(watch.look_for_tokens(), [8]),
                _ => watch.assert_silent(),
            }
        }
    }
}

pub fn modify_leaves_the_others_alone(make: Make) {
    let mut watch = Watch::new(make);
    let pipes: Vec<_> = (0..3).map(|_| ready_pipe()).collect();
    for ((reader, _), token) in pipes.iter().zip(0..) {
        watch.register(reader, token, R, Mode::Oneshot);
    }
    assert_eq!(watch.look_for_tokens(), [0, 1, 2]);
    watch.modify(&pipes[1].0, 1, R, Mode::Oneshot);
    assert_eq!(watch.look_for_tokens(), [1]);
    watch.assert_silent();
}
