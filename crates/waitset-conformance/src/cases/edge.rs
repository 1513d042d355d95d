//! Edge-triggered sources report what comes about, where the mechanism has edges.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;

use waitset_core::{Mode, Token};

use crate::Make;
use crate::sources::{drain, fill, pipe, ready_pipe, unix_pair};
use crate::watch::{ALL, R, W, Watch, directions};

/// A source registered for edges; where there are none, a refusal that changes nothing
/// stands for each of these cases.
fn registered(make: Make, source: impl AsFd, interest: waitset_core::Interest) -> Option<Watch> {
    let mut watch = Watch::new(make);
    let answer = watch.try_register(&source, 7, interest, Mode::Edge);
    if watch.can().supports(Mode::Edge) {
        answer.unwrap();
        return Some(watch);
    }
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::Unsupported);
    watch.assert_silent();
    let answer = watch.try_deregister(&source);
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::NotFound);
    None
}

pub fn edge_is_refused_where_there_is_none(make: Make) {
    let (reader, _writer) = ready_pipe();
    if registered(make, &reader, R).is_some() {
        return;
    }
    let mut watch = Watch::new(make);
    for mode in [Mode::Level, Mode::Oneshot] {
        watch.register(&reader, 7, R, mode);
        let error = watch.try_modify(&reader, 8, R, Mode::Edge).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(watch.look_for_tokens(), [7]);
        watch.deregister(&reader);
    }
}

pub fn edge_reports_each_arrival_once(make: Make) {
    let (near, mut far) = unix_pair();
    let Some(mut watch) = registered(make, &near, R) else {
        return;
    };
    watch.assert_silent();
    for _ in 0..100 {
        far.write_all(b"!").unwrap();
        assert_eq!(directions(&watch.the_event()), R);
        watch.assert_silent();
    }
}

pub fn edge_reports_what_was_ready_before_it_was_registered(make: Make) {
    let (reader, _writer) = ready_pipe();
    let Some(mut watch) = registered(make, &reader, R) else {
        return;
    };
    watch.the_event();
    watch.assert_silent();
}

/// epoll(7), question 9: what was left unread is not told again, unless asked for.
pub fn edge_is_silent_after_a_partial_read_until_modify(make: Make) {
    let (mut near, mut far) = unix_pair();
    let Some(mut watch) = registered(make, &near, R) else {
        return;
    };
    far.write_all(b"abcd").unwrap();
    watch.the_event();
    near.read_exact(&mut [0; 2]).unwrap();
    watch.assert_silent();
    watch.modify(&near, 7, R, Mode::Edge);
    watch.the_event();
    watch.assert_silent();
}

pub fn edge_modify_reports_again_though_nothing_changed(make: Make) {
    let (near, _far) = unix_pair();
    let Some(mut watch) = registered(make, &near, W) else {
        return;
    };
    for _ in 0..10 {
        watch.the_event();
        watch.assert_silent();
        watch.modify(&near, 7, W, Mode::Edge);
    }
    drop(watch);
}

pub fn edge_modify_does_not_report_what_is_not_ready(make: Make) {
    let (reader, mut writer) = ready_pipe();
    let Some(mut watch) = registered(make, &reader, R) else {
        return;
    };
    drain(&reader);
    watch.modify(&reader, 8, R, Mode::Edge);
    watch.assert_silent();
    writer.write_all(b"!").unwrap();
    assert_eq!(watch.the_event().token(), Token(8));
}

/// What a change leaves behind, every later arrival would wake, too.
pub fn edge_modified_with_an_event_pending_makes_no_wait_more_expensive(make: Make) {
    let (near, mut far) = unix_pair();
    let Some(mut watch) = registered(make, &near, R) else {
        return;
    };
    watch.look();
    for _ in 0..2_000 {
        far.write_all(b"!").unwrap();
        watch.modify(&near, 7, R, Mode::Edge);
        watch.the_event();
        drain(&near);
    }
    watch.assert_silent();
    let before = watch.stats();
    for _ in 0..200 {
        far.write_all(b"!").unwrap();
        watch.the_event();
        drain(&near);
    }
    let made = watch.stats().since(&before);
    assert_eq!((made.waits, made.events), (200, 200), "{made:?}");
    assert!(made.system_calls() <= 200, "{made:?}");
}

pub fn edge_reports_room_that_comes_back(make: Make) {
    let (near, far) = unix_pair();
    fill(&near);
    let Some(mut watch) = registered(make, &near, W) else {
        return;
    };
    watch.assert_silent();
    for _ in 0..3 {
        drain(&far);
        assert_eq!(directions(&watch.the_event()), W);
        fill(&near);
        watch.assert_silent();
    }
}

pub fn edge_reports_a_hangup_and_does_not_spin(make: Make) {
    let (near, far) = unix_pair();
    let Some(mut watch) = registered(make, &near, ALL) else {
        return;
    };
    watch.the_event();
    drop(far);
    assert_eq!(directions(&watch.the_event()), ALL);
    watch.assert_at_rest();
}

pub fn edge_that_did_not_fit_is_not_lost(make: Make) {
    let pipes: Vec<_> = (0..10).map(|_| ready_pipe()).collect();
    let (first, _) = &pipes[0];
    let Some(mut watch) = registered(make, first, R) else {
        return;
    };
    watch.events = waitset_core::Events::with_capacity(3);
    for ((reader, _), token) in pipes.iter().zip(0..).skip(1) {
        watch.register(reader, token, R, Mode::Edge);
    }
    let told: usize = (0..4).map(|_| watch.look().len()).sum();
    assert_eq!(told, pipes.len());
    watch.assert_silent();
}

pub fn edge_and_the_other_modes_turn_into_each_other(make: Make) {
    let (reader, _writer) = ready_pipe();
    let Some(mut watch) = registered(make, &reader, R) else {
        return;
    };
    for _ in 0..3 {
        watch.the_event();
        watch.assert_silent();
        watch.modify(&reader, 7, R, Mode::Level);
        watch.the_event();
        watch.the_event();
        watch.modify(&reader, 7, R, Mode::Edge);
        watch.the_event();
        watch.assert_silent();
        watch.modify(&reader, 7, R, Mode::Oneshot);
        watch.the_event();
        watch.assert_silent();
        watch.modify(&reader, 7, R, Mode::Edge);
    }
}

pub fn edge_is_silent_about_what_came_and_went(make: Make) {
    let (reader, mut writer) = pipe();
    let Some(mut watch) = registered(make, &reader, R) else {
        return;
    };
    writer.write_all(b"!").unwrap();
    drain(&reader);
    watch.assert_silent();
}
