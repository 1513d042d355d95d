//! Bad input is refused with a documented kind and a message that helps, and leaves
//! everything as it was.

use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::sys::resource::{Resource, setrlimit};
use waitset_core::{Events, Mode, Token};

use crate::Make;
use crate::child::alone;
use crate::sources::{pipe, raise_descriptor_limit, ready_pipe};
use crate::sys::{duplicate_from, forged};
use crate::watch::{R, W, Watch};

/// The message names what it is about.
#[track_caller]
fn assert_refused(error: &io::Error, kind: ErrorKind, about: impl ToString) {
    assert_eq!(error.kind(), kind, "{error}");
    let text = error.to_string();
    assert!(text.contains(&about.to_string()), "{text}");
}

pub fn a_buffer_without_room_is_refused(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, _writer) = ready_pipe();
    watch.register(&reader, 7, R, Mode::Oneshot);
    watch.reactor.waker().wake();
    let mut none = Events::with_capacity(0);
    for timeout in [None, Some(Duration::ZERO), Some(Duration::MAX)] {
        let error = watch.reactor.wait(&mut none, timeout).unwrap_err();
        assert_refused(&error, ErrorKind::InvalidInput, "capacity");
    }
    // Neither the event nor the wake is lost.
    assert_eq!(watch.look_for_tokens(), [7]);
    let woken = watch.events.was_woken();
    watch.look();
    assert!(woken || watch.events.was_woken());
}

pub fn a_token_above_the_largest_is_refused(make: Make) {
    let mut watch = Watch::new(make);
    let mode = watch.some_mode();
    let (reader, _writer) = ready_pipe();
    for token in [Token::MAX.0 + 1, u64::MAX] {
        let error = watch.try_register(&reader, token, R, mode).unwrap_err();
        assert_refused(&error, ErrorKind::InvalidInput, "Token::MAX");
        watch.assert_silent();
        let error = watch.try_deregister(&reader).unwrap_err();
        assert_refused(&error, ErrorKind::NotFound, reader.as_raw_fd());
    }
    watch.register(&reader, 7, R, mode);
    let error = watch.try_modify(&reader, u64::MAX, W, mode).unwrap_err();
    assert_refused(&error, ErrorKind::InvalidInput, reader.as_raw_fd());
    assert_eq!(watch.look_for_tokens(), [7]);
}

pub fn refusals_name_the_descriptor(make: Make) {
    let mut watch = Watch::new(make);
    let mode = watch.some_mode();
    let (reader, _writer) = ready_pipe();
    let fd = reader.as_raw_fd();
    let error = watch.try_deregister(&reader).unwrap_err();
    assert_refused(&error, ErrorKind::NotFound, fd);
    let error = watch.try_modify(&reader, 7, R, mode).unwrap_err();
    assert_refused(&error, ErrorKind::NotFound, fd);
    watch.register(&reader, 7, R, mode);
    let error = watch.try_register(&reader, 7, R, mode).unwrap_err();
    assert_refused(&error, ErrorKind::AlreadyExists, fd);
    if !watch.can().supports(Mode::Edge) {
        let error = watch.try_modify(&reader, 7, R, Mode::Edge).unwrap_err();
        assert_refused(&error, ErrorKind::Unsupported, fd);
    }
}

/// select(2), BUGS: a number beyond the process's table is passed over in silence. And a
/// table indexed by descriptor must not grow for it.
pub fn a_forged_descriptor_is_refused(make: Make) {
    let mut watch = Watch::new(make);
    let mode = watch.some_mode();
    for number in [1_000_000, i32::MAX, -2, i32::MIN] {
        let fd = forged(number);
        let error = watch.try_register(fd, 7, R, mode).unwrap_err();
        assert_refused(&error, ErrorKind::InvalidInput, number);
        let error = watch.try_modify(fd, 7, R, mode).unwrap_err();
        assert_refused(&error, ErrorKind::NotFound, number);
        let error = watch.try_deregister(fd).unwrap_err();
        assert_refused(&error, ErrorKind::NotFound, number);
    }
    watch.assert_silent();
}

/// c-ares#687, openssl#9686: beyond 1024 a C library's `fd_set` overflows. Here such a
/// descriptor works, or is refused with the limit in the message.
pub fn a_descriptor_with_a_high_number_works_or_is_refused(make: Make) {
    alone(|| {
        let highest = raise_descriptor_limit().min(18_000);
        let mut watch = Watch::new(make);
        let mode = watch.some_mode();
        let (reader, _writer) = ready_pipe();
        for number in [1_023, 1_024, 1_025, 1_500, highest - 1] {
            let high = duplicate_from(&reader, number as i32).unwrap();
            assert_eq!(high.as_raw_fd(), number as i32);
            let answer = watch.try_register(&high, 7, R, mode);
            match watch.can().descriptor_limit {
                Some(limit) if number >= limit => {
                    assert_refused(&answer.unwrap_err(), ErrorKind::InvalidInput, limit);
                    watch.assert_silent();
                }
                _ => {
                    answer.unwrap();
                    assert_eq!(watch.look_for_tokens(), [7]);
                    watch.deregister(&high);
                    watch.assert_silent();
                }
            }
        }
    });
}

/// poll(2), `EINVAL`: no more entries than the soft limit. Whoever meets it says so and
/// recovers.
pub fn more_sources_than_the_process_may_have_are_served_or_refused(make: Make) {
    alone(|| {
        let hard = raise_descriptor_limit() as u64;
        let mut watch = Watch::new(make);
        let (reader, _writer) = ready_pipe();
        let many: Vec<_> = (0..200).map(|_| reader.try_clone().unwrap()).collect();
        for (duplicate, token) in many.iter().zip(0..) {
            watch.register(duplicate, token, R, Mode::Level);
        }
        setrlimit(Resource::RLIMIT_NOFILE, 100, hard).unwrap();
        let answer = watch.reactor.wait(&mut watch.events, Some(Duration::ZERO));
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
        match answer {
            Ok(count) => assert!(count > 0),
            Err(error) => assert_refused(&error, ErrorKind::InvalidInput, "RLIMIT_NOFILE"),
        }
        assert!(!watch.look().is_empty());
    });
}

pub fn the_longest_timeout_is_taken(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, _writer) = ready_pipe();
    watch.register(&reader, 7, R, Mode::Level);
    assert_eq!(watch.wait(Some(Duration::MAX)), 1);
}

pub fn a_huge_buffer_is_taken(make: Make) {
    let mut watch = Watch::with_capacity(make, 1 << 20);
    let (one, two) = (ready_pipe(), pipe());
    watch.register(&one.0, 1, R, Mode::Level);
    watch.register(&two.0, 2, R, Mode::Level);
    assert_eq!(watch.look_for_tokens(), [1]);
}
