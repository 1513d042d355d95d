//! Regular files, directories and `/dev/null` are always readable and writable, also
//! where the mechanism refuses them (epoll: `EPERM`).

use std::fs::File;
use std::io::ErrorKind;

use waitset_core::Mode;

use crate::Make;
use crate::sources::{always_ready, ready_pipe};
use crate::watch::{ALL, BOUND, P, R, W, Watch, directions, interests};

fn each(make: Make, mut check: impl FnMut(&mut Watch, &File)) {
    for file in &always_ready() {
        check(&mut Watch::new(make), file);
    }
}

pub fn files_are_always_ready(make: Make) {
    each(make, |watch, file| {
        watch.register(file, 0, ALL, Mode::Level);
        for (interest, token) in interests().zip(1..) {
            watch.modify(file, token, interest, Mode::Level);
            for _ in 0..2 {
                match interest.intersection(R | W) {
                    None => watch.assert_silent(),
                    Some(ready) => {
                        let event = watch.the_event();
                        assert_eq!((event.token().0, directions(&event)), (token, ready));
                        assert!(!event.is_error() && !event.is_hangup());
                    }
                }
            }
        }
    });
}

pub fn a_file_ends_a_wait_without_timeout(make: Make) {
    each(make, |watch, file| {
        watch.register(file, 7, R, Mode::Level);
        assert_eq!(watch.wait(None), 1);
    });
}

pub fn files_asked_for_priority_are_silent(make: Make) {
    each(make, |watch, file| {
        watch.register(file, 7, P, Mode::Level);
        watch.assert_at_rest();
    });
}

pub fn a_oneshot_file_is_told_once_for_each_arming(make: Make) {
    each(make, |watch, file| {
        watch.register(file, 7, R, Mode::Oneshot);
        for _ in 0..3 {
            assert_eq!(directions(&watch.the_event()), R);
            watch.assert_silent();
            watch.modify(file, 7, R, Mode::Oneshot);
        }
        watch.the_event();
        watch.assert_at_rest();
    });
}

pub fn an_edge_triggered_file_is_told_once_for_registration_and_modify(make: Make) {
    each(make, |watch, file| {
        let answer = watch.try_register(file, 7, R | W, Mode::Edge);
        if !watch.can().supports(Mode::Edge) {
            assert_eq!(answer.unwrap_err().kind(), ErrorKind::Unsupported);
            return;
        }
        answer.unwrap();
        for _ in 0..3 {
            assert_eq!(directions(&watch.the_event()), R | W);
            watch.assert_silent();
            watch.modify(file, 7, R | W, Mode::Edge);
        }
        watch.the_event();
        watch.assert_at_rest();
    });
}

/// Files of proc(5) have a way to be asked for readiness and nothing to wait for.
pub fn a_file_that_a_set_would_take_is_always_ready_too(make: Make) {
    let file = File::open("/proc/version").unwrap();
    let mut watch = Watch::new(make);
    watch.register(&file, 7, R, Mode::Level);
    for _ in 0..3 {
        assert_eq!(watch.look_for_tokens(), [7]);
    }
    watch.modify(&file, 7, R, Mode::Oneshot);
    assert_eq!(watch.look_for_tokens(), [7]);
    watch.assert_silent();
    if watch.can().supports(Mode::Edge) {
        for _ in 0..3 {
            watch.modify(&file, 7, R, Mode::Edge);
            assert_eq!(watch.look_for_tokens(), [7]);
            watch.assert_at_rest();
        }
    }
    watch.deregister(&file);
    watch.assert_silent();
}

pub fn files_change_their_mode(make: Make) {
    each(make, |watch, file| {
        watch.register(file, 7, R, Mode::Oneshot);
        for _ in 0..3 {
            watch.the_event();
            watch.assert_silent();
            watch.modify(file, 7, W, Mode::Level);
            assert_eq!(directions(&watch.the_event()), W);
            assert_eq!(directions(&watch.the_event()), W);
            watch.modify(file, 7, R, Mode::Oneshot);
        }
    });
}

pub fn files_are_registered_and_refused_as_all_sources_are(make: Make) {
    each(make, |watch, file| {
        let error = watch.try_deregister(file).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        for mode in [Mode::Level, Mode::Oneshot] {
            watch.register(file, 7, R, mode);
            let error = watch.try_register(file, 8, W, mode).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists);
            assert_eq!(watch.look_for_tokens(), [7]);
            watch.deregister(file);
            watch.assert_silent();
            let error = watch.try_modify(file, 7, R, mode).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
        watch.assert_at_rest();
    });
}

pub fn a_ready_file_does_not_hide_the_other_sources(make: Make) {
    each(make, |watch, file| {
        let (reader, _writer) = ready_pipe();
        watch.register(file, 1, R, Mode::Level);
        watch.register(&reader, 2, R, Mode::Level);
        for _ in 0..5 {
            assert_eq!(watch.look_for_tokens(), [1, 2]);
        }
    });
}

pub fn a_ready_file_does_not_hide_a_wake(make: Make) {
    each(make, |watch, file| {
        watch.register(file, 1, R, Mode::Level);
        for _ in 0..5 {
            watch.reactor.waker().wake();
            assert_eq!(watch.wait(Some(BOUND)), 1);
            assert!(watch.events.was_woken());
            assert_eq!(watch.wait(Some(BOUND)), 1);
            assert!(!watch.events.was_woken());
        }
    });
}

/// A disarmed file is no reason to return, and an event behind it is one.
pub fn a_disarmed_file_does_not_hide_the_other_sources(make: Make) {
    each(make, |watch, file| {
        let (reader, _writer) = ready_pipe();
        watch.register(file, 1, R, Mode::Oneshot);
        watch.register(&reader, 2, R, Mode::Level);
        assert_eq!(watch.look_for_tokens(), [1, 2]);
        for _ in 0..5 {
            assert_eq!(watch.wait(None), 1);
            assert_eq!(watch.look_for_tokens(), [2]);
        }
    });
}
