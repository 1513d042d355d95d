//! A descriptor that was closed while registered breaks a safety promise. It must not
//! break the other registrations, and not make anyone spin.
//!
//! Alone in their process: elsewhere another test would get the closed number.

use std::io::{ErrorKind, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use nix::unistd::dup2;
use waitset_core::{Mode, Token};

use crate::Make;
use crate::child::alone;
use crate::sources::{always_ready, drain, pipe, ready_pipe, regular_file, unix_pair};
use crate::sys::forged;
use crate::watch::{ALL, R, W, Watch, directions};

/// Registers a source and closes it.
fn closed_while_registered(watch: &mut Watch, token: u64, mode: Mode) -> RawFd {
    let (near, _far) = unix_pair();
    watch.register(&near, token, R | W, mode);
    near.as_raw_fd()
}

/// Mechanisms that can see it report it once, as an error; where the kernel has dropped
/// it there is silence.
#[track_caller]
fn assert_dropped(watch: &mut Watch, token: u64) {
    if watch.can().reports_closed_descriptors {
        let event = watch.the_event();
        assert_eq!(event.token(), Token(token));
        assert_eq!(directions(&event), R | W);
        assert!(event.is_error());
    }
    watch.assert_silent();
    watch.assert_at_rest();
}

/// libevent#379, systemd#16110: `POLLNVAL` passed over is a spin.
pub fn a_dead_source_is_reported_at_most_once(make: Make) {
    alone(|| {
        for mode in [Mode::Level, Mode::Oneshot] {
            let mut watch = Watch::new(make);
            closed_while_registered(&mut watch, 7, mode);
            assert_dropped(&mut watch, 7);
        }
    });
}

/// asyncio#419, erlexec#136: one dead descriptor fails select for all.
pub fn a_dead_source_does_not_harm_the_others(make: Make) {
    alone(|| {
        let mut watch = Watch::new(make);
        let pipes: Vec<_> = (0..20).map(|_| ready_pipe()).collect();
        for ((reader, _), token) in pipes.iter().zip(0..) {
            watch.register(reader, token, R, Mode::Level);
        }
        closed_while_registered(&mut watch, 100, Mode::Level);
        let all: Vec<_> = (0..20).collect();
        // One wait to find the dead one, and possibly nothing else.
        let first: Vec<_> = watch.look().iter().map(|event| event.token().0).collect();
        assert_eq!(first.contains(&100), watch.can().reports_closed_descriptors);
        assert_eq!(watch.look_for_tokens(), all);
    });
}

/// Also when the death of another makes the mechanism look for the dead.
pub fn a_disarmed_source_that_dies_stays_silent(make: Make) {
    alone(|| {
        let mut watch = Watch::new(make);
        // All are open at first, or each would get the number of the one before.
        let pairs: Vec<_> = (0..3).map(|_| unix_pair()).collect();
        for ((near, _), token) in pairs.iter().zip(0..) {
            watch.register(near, token, W, Mode::Oneshot);
        }
        assert_eq!(watch.look_for_tokens(), [0, 1, 2]);
        watch.modify(&pairs[1].0, 1, R, Mode::Level);
        drop(pairs);
        let seen = watch.can().reports_closed_descriptors;
        let told: &[u64] = if seen { &[1] } else { &[] };
        assert_eq!(watch.look_for_tokens(), told);
        watch.assert_at_rest();
    });
}

pub fn dead_sources_take_turns_in_a_small_buffer(make: Make) {
    alone(|| {
        let mut watch = Watch::with_capacity(make, 2);
        // All are open at first, or each would get the number of the one before.
        let pairs: Vec<_> = (0..7).map(|_| unix_pair()).collect();
        for ((near, _), token) in pairs.iter().zip(0..) {
            watch.register(near, token, R, Mode::Level);
        }
        let (reader, _writer) = ready_pipe();
        watch.register(&reader, 100, R, Mode::Level);
        drop(pairs);
        let (mut told, mut alive) = (Vec::new(), 0);
        for _ in 0..10 {
            for token in watch.look_for_tokens() {
                match token {
                    100 => alive += 1,
                    _ => told.push(token),
                }
            }
        }
        told.sort_unstable();
        let expected: &[u64] = match watch.can().reports_closed_descriptors {
            true => &[0, 1, 2, 3, 4, 5, 6],
            false => &[],
        };
        assert_eq!(told, expected);
        assert!(alive >= 5);
    });
}

pub fn a_dead_number_can_be_registered_anew(make: Make) {
    alone(|| {
        for mode in [Mode::Level, Mode::Oneshot] {
            let mut watch = Watch::new(make);
            let number = closed_while_registered(&mut watch, 7, mode);
            assert_dropped(&mut watch, 7);
            // The lowest free number is given out first.
            let (reader, mut writer) = pipe();
            assert!([reader.as_raw_fd(), writer.as_raw_fd()].contains(&number));
            let (low, high) = (reader.as_raw_fd(), writer.as_raw_fd());
            assert_eq!(low.min(high), number);
            watch.register(&reader, 8, R, mode);
            watch.assert_silent();
            writer.write_all(b"!").unwrap();
            assert_eq!(watch.the_event().token(), Token(8));
        }
    });
}

/// curl#14976: a foreign library closes first, and then comes the goodbye.
pub fn a_dead_source_can_still_be_deregistered(make: Make) {
    alone(|| {
        for mode in [Mode::Level, Mode::Oneshot] {
            let mut watch = Watch::new(make);
            let number = closed_while_registered(&mut watch, 7, mode);
            watch.deregister(forged(number));
            watch.assert_at_rest();
            let error = watch.try_deregister(forged(number)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
    });
}

pub fn a_change_of_a_dead_source_harms_nobody(make: Make) {
    alone(|| {
        for mode in [Mode::Level, Mode::Oneshot] {
            let mut watch = Watch::new(make);
            let (reader, _writer) = ready_pipe();
            watch.register(&reader, 1, R, Mode::Level);
            let number = closed_while_registered(&mut watch, 7, mode);
            // Refused, or accepted and found out later.
            let _ = watch.try_modify(forged(number), 8, R, mode);
            watch.look();
            watch.look();
            assert_eq!(watch.look_for_tokens(), [1]);
        }
    });
}

/// The kernel has dropped the old source by itself, or the backend takes the new file for
/// the old one until it is told: in both cases the number serves again.
pub fn a_number_reused_while_registered_can_be_registered_anew(make: Make) {
    let mut watch = Watch::new(make);
    for mode in [Mode::Level, Mode::Oneshot] {
        let (old, _old_writer) = ready_pipe();
        let mut source = OwnedFd::from(old);
        watch.register(&source, 1, R, mode);
        let (new, mut new_writer) = pipe();
        // Closes the old one and takes its number in one step.
        dup2(&new, &mut source).unwrap();
        if watch.can().reports_closed_descriptors {
            watch.deregister(&source);
        }
        watch.register(&source, 2, R, mode);
        watch.assert_silent();
        new_writer.write_all(b"!").unwrap();
        assert_eq!(watch.the_event().token(), Token(2));
        drain(&new);
        watch.assert_silent();
        watch.deregister(&source);
    }
}

/// A file that epoll refuses has nobody but the backend to notice that it is gone.
pub fn a_dead_file_does_not_spin(make: Make) {
    alone(|| {
        for mode in [Mode::Level, Mode::Oneshot] {
            let mut watch = Watch::new(make);
            let files = always_ready();
            for (file, token) in files.iter().zip(0..) {
                watch.register(file, token, R | W, mode);
            }
            drop(files);
            let told = watch.look();
            assert_eq!(
                told.len(),
                if watch.can().reports_closed_descriptors {
                    3
                } else {
                    0
                }
            );
            watch.assert_at_rest();
        }
    });
}

pub fn a_dead_file_gives_its_number_to_another(make: Make) {
    alone(|| {
        let mut watch = Watch::new(make);
        let file = regular_file();
        let number = file.as_raw_fd();
        watch.register(&file, 1, R, Mode::Level);
        drop(file);
        watch.look();
        let file = regular_file();
        assert_eq!(file.as_raw_fd(), number);
        watch.register(&file, 2, R, Mode::Level);
        assert_eq!(watch.look_for_tokens(), [2]);
    });
}

/// A descriptor that is closed before it is registered is refused or, where registration
/// does not ask the kernel, reported once.
pub fn a_descriptor_that_is_not_open_is_refused_or_reported_once(make: Make) {
    alone(|| {
        let mut watch = Watch::new(make);
        let (near, _far) = unix_pair();
        let number = near.as_raw_fd();
        // The backend's table has room for the number from now on.
        watch.register(&near, 7, ALL, Mode::Level);
        watch.deregister(&near);
        drop(near);
        match watch.try_register(forged(number), 7, R | W, Mode::Level) {
            Ok(()) => assert_dropped(&mut watch, 7),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::InvalidInput);
                watch.assert_silent();
            }
        }
    });
}
