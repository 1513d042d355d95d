//! One-shot sources report once and are silent until `modify` re-arms them.

use std::io::Write;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use waitset_core::{Mode, Token};

use crate::Make;
use crate::sources::{drain, fill, pipe, ready_pipe, reset_stream, unix_pair};
use crate::watch::{ALL, R, W, Watch, directions};

pub fn oneshot_reports_once(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, mut writer) = ready_pipe();
    watch.register(&reader, 7, R, Mode::Oneshot);
    assert_eq!(directions(&watch.the_event()), R);
    watch.assert_silent();
    writer.write_all(b"more").unwrap();
    watch.assert_silent();
}

pub fn oneshot_stays_silent_after_hangup(make: Make) {
    let mut watch = Watch::new(make);
    let (near, mut far) = unix_pair();
    watch.register(&near, 7, ALL, Mode::Oneshot);
    far.write_all(b"!").unwrap();
    watch.the_event();
    drop(far);
    watch.assert_silent();
    watch.assert_at_rest();
}

pub fn oneshot_stays_silent_after_an_error(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, writer) = pipe();
    watch.register(&writer, 7, W, Mode::Oneshot);
    watch.the_event();
    fill(&writer);
    drop(reader);
    watch.assert_silent();
    watch.assert_at_rest();
}

pub fn oneshot_rearmed_reports_what_is_still_ready(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, _writer) = ready_pipe();
    watch.register(&reader, 0, R, Mode::Oneshot);
    for token in 1..100 {
        watch.the_event();
        // Of these looks one finds it disarmed; re-arming must still work after that.
        if token % 3 == 0 {
            watch.assert_silent();
        }
        watch.modify(&reader, token, R, Mode::Oneshot);
        assert_eq!(watch.look_for_tokens(), [token]);
        watch.modify(&reader, token, R, Mode::Oneshot);
    }
}

pub fn oneshot_rearmed_after_hangup_reports_it(make: Make) {
    let mut watch = Watch::new(make);
    let (near, far) = unix_pair();
    watch.register(&near, 7, R | W, Mode::Oneshot);
    watch.the_event();
    drop(far);
    watch.assert_silent();
    for _ in 0..3 {
        watch.modify(&near, 7, R, Mode::Oneshot);
        assert_eq!(directions(&watch.the_event()), R);
        watch.assert_silent();
    }
}

pub fn oneshot_data_that_came_while_disarmed_is_told_when_rearmed(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, mut writer) = ready_pipe();
    watch.register(&reader, 7, R, Mode::Oneshot);
    watch.the_event();
    drain(&reader);
    watch.assert_silent();
    writer.write_all(b"!").unwrap();
    watch.assert_silent();
    watch.modify(&reader, 7, R, Mode::Oneshot);
    watch.the_event();
    drain(&reader);
    watch.modify(&reader, 7, R, Mode::Oneshot);
    watch.assert_silent();
    writer.write_all(b"!").unwrap();
    watch.the_event();
}

/// A disarmed source that stays ready makes nobody spin: not the caller, whose waits do
/// not end early, and not the backend, whose system calls are few.
pub fn oneshot_disarmed_and_unread_does_not_spin(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, _writer) = ready_pipe();
    let reset = reset_stream();
    watch.register(&reader, 7, R, Mode::Oneshot);
    watch.register(&reset, 8, ALL, Mode::Oneshot);
    assert_eq!(watch.some_events().len(), 2);
    watch.assert_at_rest();
}

/// bun#34780, in another guise: who waits on after such an event does not begin anew.
pub fn oneshot_disarmed_that_fires_does_not_put_the_timeout_off(make: Make) {
    let mut watch = Watch::new(make);
    let mut pipes: Vec<_> = (0..40).map(|_| ready_pipe()).collect();
    for ((reader, _), token) in pipes.iter().zip(0..) {
        watch.register(reader, token, R, Mode::Oneshot);
    }
    assert_eq!(watch.look().len(), pipes.len());
    for (reader, _) in &pipes {
        drain(reader);
    }
    watch.assert_silent();

    let timeout = Duration::from_millis(400);
    let (ended, end) = mpsc::channel::<()>();
    let start = Instant::now();
    thread::scope(|scope| {
        scope.spawn(move || {
            for (_, writer) in &mut pipes {
                if end.recv_timeout(timeout / 2) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
                writer.write_all(b"!").unwrap();
            }
        });
        let _ended = ended;
        assert_eq!(watch.wait(Some(timeout)), 0);
    });
    // Twenty times the timeout, if each event put it off.
    assert!((timeout..10 * timeout).contains(&start.elapsed()));
}

/// otp#11298: both directions of one source, taken in turns.
pub fn oneshot_of_one_direction_can_be_rearmed_for_the_other(make: Make) {
    let mut watch = Watch::new(make);
    let (near, mut far) = unix_pair();
    far.write_all(b"!").unwrap();
    watch.register(&near, 7, R, Mode::Oneshot);
    for _ in 0..10 {
        assert_eq!(directions(&watch.the_event()), R);
        watch.modify(&near, 7, W, Mode::Oneshot);
        assert_eq!(directions(&watch.the_event()), W);
        watch.modify(&near, 7, R | W, Mode::Oneshot);
        assert_eq!(directions(&watch.the_event()), R | W);
        watch.assert_silent();
        watch.modify(&near, 7, R, Mode::Oneshot);
    }
}

pub fn oneshot_rearmed_for_less_is_silent_about_the_rest(make: Make) {
    let mut watch = Watch::new(make);
    let (near, mut far) = unix_pair();
    watch.register(&near, 7, R | W, Mode::Oneshot);
    assert_eq!(directions(&watch.the_event()), W);
    watch.modify(&near, 7, R, Mode::Oneshot);
    watch.assert_at_rest();
    far.write_all(b"!").unwrap();
    assert_eq!(directions(&watch.the_event()), R);
}

pub fn oneshot_rearmed_before_it_fired_reports_once(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, mut writer) = pipe();
    watch.register(&reader, 1, R, Mode::Oneshot);
    watch.modify(&reader, 2, R, Mode::Oneshot);
    watch.modify(&reader, 3, R, Mode::Oneshot);
    watch.assert_silent();
    writer.write_all(b"!").unwrap();
    assert_eq!(watch.the_event().token(), Token(3));
    watch.assert_silent();
}

pub fn oneshot_and_level_turn_into_each_other(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, _writer) = ready_pipe();
    watch.register(&reader, 7, R, Mode::Oneshot);
    for _ in 0..5 {
        watch.the_event();
        watch.assert_silent();
        watch.modify(&reader, 7, R, Mode::Level);
        watch.the_event();
        watch.the_event();
        watch.modify(&reader, 7, R, Mode::Oneshot);
    }
}

pub fn oneshot_deregistered_while_disarmed_starts_anew(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, _writer) = ready_pipe();
    for token in 0..5 {
        watch.register(&reader, token, R, Mode::Oneshot);
        assert_eq!(watch.the_event().token(), Token(token));
        watch.assert_silent();
        watch.deregister(&reader);
        watch.assert_silent();
    }
}
