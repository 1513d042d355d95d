//! A registered number that is closed or given to another file, while the old file lives on
//! in a duplicate: the kernel may keep what no call reaches any more (epoll(7), question 6).
//!
//! It breaks the same safety promise as a source that dies, and no more may come of it.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::unistd::dup2;
use waitset_core::{Interest, Mode, Token};

use crate::Make;
use crate::child::alone;
use crate::sources::{always_ready, drain, pipe, ready_pipe, regular_file, unix_pair};
use crate::sys::forged;
use crate::watch::{BOUND, R, W, Watch};

/// Enough to see a spin.
const WINDOW: Duration = Duration::from_millis(20);

/// The modes that a mechanism supports.
fn modes(watch: &Watch) -> Vec<Mode> {
    let all = [Mode::Level, Mode::Edge, Mode::Oneshot];
    let can = watch.can();
    all.into_iter().filter(|mode| can.supports(*mode)).collect()
}

/// A number that was registered for one file and refers to another now.
struct Overwritten {
    number: OwnedFd,
    /// The peer of the old file, and what keeps that alive.
    old: UnixStream,
    _duplicate: UnixStream,
    /// Writes to the new file, and reads it.
    new: File,
    new_reader: File,
}

impl Overwritten {
    fn new(watch: &mut Watch, token: u64, interest: Interest, mode: Mode) -> Self {
        let (near, old) = unix_pair();
        let _duplicate = near.try_clone().unwrap();
        let mut number = OwnedFd::from(near);
        watch.register(&number, token, interest, mode);
        let (new_reader, new) = pipe();
        dup2(&new_reader, &mut number).unwrap();
        Self {
            number,
            old,
            _duplicate,
            new,
            new_reader,
        }
    }

    /// Something happens to the old file, which nobody has registered.
    fn stir(&mut self) {
        self.old.write_all(b"?").unwrap();
    }

    /// The number is registered for its new file, and for nothing else.
    #[track_caller]
    fn assert_new(&mut self, watch: &mut Watch, token: u64) {
        watch.assert_silent();
        self.stir();
        watch.assert_at_rest_for(WINDOW);
        self.assert_new_is_told(watch, token);
        self.stir();
        watch.assert_at_rest_for(WINDOW);
    }

    #[track_caller]
    fn assert_new_is_told(&mut self, watch: &mut Watch, token: u64) {
        self.stir();
        self.new.write_all(b"!").unwrap();
        assert_eq!(watch.the_event().token(), Token(token));
        drain(&self.new_reader);
        watch.assert_silent();
    }
}

pub fn an_overwritten_source_is_silent_after_deregister(make: Make) {
    for mode in modes(&Watch::new(make)) {
        for (is_ready, is_told) in [(false, false), (true, false), (true, true)] {
            let mut watch = Watch::new(make);
            let mut source = Overwritten::new(&mut watch, 1, R, mode);
            if is_ready {
                source.stir();
            }
            if is_told {
                // Whatever it says: the number has not been deregistered.
                watch.look();
            }
            watch.deregister(&source.number);
            watch.assert_silent();
            source.stir();
            watch.assert_at_rest_for(WINDOW);
        }
    }
}

/// Waits until nothing is told, which must not take long.
#[track_caller]
fn wait_until_silent(watch: &mut Watch) {
    let mut waits = (0..100_000).map(|_| watch.wait(Some(Duration::ZERO)));
    assert!(waits.any(|count| count == 0), "told for ever");
}

/// Nobody calls anything but `wait`: the old file must not keep ending every one.
pub fn an_overwritten_source_that_nobody_deregisters_falls_silent(make: Make) {
    let mut watch = Watch::new(make);
    let (healthy, _writer) = ready_pipe();
    let mut source = Overwritten::new(&mut watch, 1, R, Mode::Level);
    source.stir();
    wait_until_silent(&mut watch);
    watch.register(&healthy, 2, R, Mode::Level);
    watch.assert_silent_but_for(&[2]);
    watch.deregister(&healthy);
    source.assert_new(&mut watch, 1);
    watch.deregister(&source.number);
}

/// A file that was opened with `O_PATH`, which nothing can wait for.
pub fn a_source_overwritten_by_what_nothing_can_wait_for_falls_silent(make: Make) {
    let mut watch = Watch::new(make);
    let mut source = Overwritten::new(&mut watch, 1, R, Mode::Level);
    source.new.write_all(b"!").unwrap();
    watch.look();
    let mut options = File::options();
    let named = options.read(true).custom_flags(libc::O_PATH).open("/");
    dup2(named.unwrap(), &mut source.number).unwrap();
    source.stir();
    wait_until_silent(&mut watch);
    watch.assert_at_rest_for(WINDOW);
}

pub fn a_closed_source_with_a_duplicate_falls_silent(make: Make) {
    // Elsewhere another test would get the closed number.
    alone(|| {
        let mut watch = Watch::new(make);
        let (near, mut old) = unix_pair();
        let _duplicate = near.try_clone().unwrap();
        watch.register(&near, 1, R, Mode::Level);
        drop(near);
        old.write_all(b"?").unwrap();
        wait_until_silent(&mut watch);
        watch.assert_at_rest_for(WINDOW);
    });
}

pub fn an_overwritten_number_can_be_registered_again(make: Make) {
    for mode in modes(&Watch::new(make)) {
        for deregistered in [true, false] {
            let mut watch = Watch::new(make);
            let mut source = Overwritten::new(&mut watch, 1, R, mode);
            // Who takes the new file for the old one wants to be told first.
            if deregistered || watch.can().reports_closed_descriptors {
                watch.deregister(&source.number);
            }
            watch.register(&source.number, 2, R, mode);
            source.assert_new(&mut watch, 2);
            watch.deregister(&source.number);
            source.stir();
            watch.assert_at_rest_for(WINDOW);
        }
    }
}

/// An edge, and any change of mode, is a new registration to every mechanism. A level that is
/// only changed may be found out by the next wait.
pub fn an_overwritten_number_is_its_new_file_s_after_modify(make: Make) {
    let modes = modes(&Watch::new(make));
    for from in &modes {
        for to in &modes {
            let mut watch = Watch::new(make);
            let mut source = Overwritten::new(&mut watch, 1, W, *from);
            watch.modify(&source.number, 2, R, *to);
            source.assert_new(&mut watch, 2);
            watch.deregister(&source.number);
            source.stir();
            watch.assert_at_rest_for(WINDOW);
        }
    }
}

/// A file that epoll refuses, in place of a source that it watches, and the other way round.
pub fn a_source_overwritten_by_an_always_ready_file_is_silent_after_deregister(make: Make) {
    for mode in modes(&Watch::new(make)) {
        for modified in [true, false] {
            for file in always_ready() {
                let mut watch = Watch::new(make);
                let mut source = Overwritten::new(&mut watch, 1, W, mode);
                dup2(&file, &mut source.number).unwrap();
                if modified {
                    watch.modify(&source.number, 2, R, mode);
                    assert_eq!(watch.the_event().token(), Token(2));
                }
                watch.deregister(&source.number);
                source.stir();
                watch.assert_at_rest_for(WINDOW);
            }
        }
    }
}

pub fn an_always_ready_file_that_is_overwritten_gives_way_to_the_new_file(make: Make) {
    for mode in modes(&Watch::new(make)) {
        let mut watch = Watch::new(make);
        let mut number = OwnedFd::from(regular_file());
        watch.register(&number, 1, R, mode);
        let (reader, mut writer) = pipe();
        if mode == Mode::Level {
            assert_eq!(watch.look_for_tokens(), [1]);
        }
        dup2(&reader, &mut number).unwrap();
        for _ in 0..2 {
            watch.look();
        }
        watch.assert_at_rest_for(WINDOW);
        if mode == Mode::Level {
            writer.write_all(b"!").unwrap();
            assert_eq!(watch.the_event().token(), Token(1));
        }
        watch.deregister(&number);
        writer.write_all(b"!").unwrap();
        watch.assert_at_rest_for(WINDOW);
        watch.register(&number, 2, R, mode);
        assert_eq!(watch.the_event().token(), Token(2));
    }
}

pub fn an_overwritten_source_that_is_disarmed_stays_silent(make: Make) {
    let mut watch = Watch::new(make);
    let (near, mut old) = unix_pair();
    let _duplicate = near.try_clone().unwrap();
    let mut number = OwnedFd::from(near);
    watch.register(&number, 1, R, Mode::Oneshot);
    old.write_all(b"?").unwrap();
    watch.the_event();
    let (new_reader, mut new) = ready_pipe();
    dup2(&new_reader, &mut number).unwrap();
    watch.assert_silent();
    old.write_all(b"?").unwrap();
    new.write_all(b"!").unwrap();
    watch.assert_at_rest_for(WINDOW);
    watch.deregister(&number);
    watch.assert_at_rest_for(WINDOW);
}

/// Closed, and not given to another file: nobody but a duplicate has the old one.
pub fn a_closed_source_with_a_duplicate_is_silent_after_deregister(make: Make) {
    // Elsewhere another test would get the closed number.
    alone(|| {
        for mode in modes(&Watch::new(make)) {
            let mut watch = Watch::new(make);
            let (near, mut old) = unix_pair();
            let _duplicate = near.try_clone().unwrap();
            let number = near.as_raw_fd();
            watch.register(&near, 1, R, mode);
            drop(near);
            watch.deregister(forged(number));
            old.write_all(b"?").unwrap();
            watch.assert_at_rest_for(WINDOW);
        }
    });
}

pub fn many_overwritten_sources_are_silent_after_deregister(make: Make) {
    for mode in modes(&Watch::new(make)) {
        let mut watch = Watch::new(make);
        let mut sources: Vec<_> = (0..30)
            .map(|token| Overwritten::new(&mut watch, token, R, mode))
            .collect();
        for source in &mut sources {
            source.stir();
            watch.deregister(&source.number);
        }
        watch.assert_at_rest_for(WINDOW);
        for (source, token) in sources.iter().zip(100..) {
            watch.register(&source.number, token, R, mode);
        }
        for (source, token) in sources.iter_mut().zip(100..) {
            source.assert_new_is_told(&mut watch, token);
        }
    }
}

/// Everything else is as it was: what is wanted, what is armed, what a wake does.
pub fn an_overwritten_source_does_not_harm_the_others(make: Make) {
    for mode in modes(&Watch::new(make)) {
        let mut watch = Watch::new(make);
        let has_edge = watch.can().supports(Mode::Edge);
        let waker = watch.reactor.waker();
        waker.wake();
        watch.look();
        let ready: Vec<_> = (0..4).map(|_| ready_pipe()).collect();
        let files = always_ready();
        let file = regular_file();
        watch.register(&ready[0].0, 10, R, Mode::Level);
        watch.register(&ready[1].0, 11, R, Mode::Oneshot);
        watch.register(&ready[2].0, 12, R, Mode::Oneshot);
        watch.register(&files[0], 13, R, Mode::Oneshot);
        watch.register(&file, 14, R, Mode::Level);
        let mut edge = pipe();
        if has_edge {
            watch.register(&edge.0, 15, R, Mode::Edge);
        }
        assert_eq!(watch.look_for_tokens(), [10, 11, 12, 13, 14]);
        watch.assert_silent_but_for(&[10, 14]);
        watch.modify(&ready[2].0, 22, R, Mode::Oneshot);
        watch.modify(&ready[0].0, 20, W, Mode::Level);

        let mut source = Overwritten::new(&mut watch, 1, R, mode);
        source.stir();
        watch.deregister(&source.number);

        assert_eq!(watch.look_for_tokens(), [14, 22]);
        watch.assert_silent_but_for(&[14]);
        waker.wake();
        watch.look();
        assert!(watch.events.was_woken());
        watch.look();
        assert!(!watch.events.was_woken());
        watch.deregister(&file);
        watch.modify(&ready[0].0, 30, R, Mode::Level);
        assert_eq!(watch.look_for_tokens(), [30]);
        watch.deregister(&ready[0].0);
        if has_edge {
            edge.1.write_all(b"!").unwrap();
            assert_eq!(watch.the_event().token(), Token(15));
        }
        watch.modify(&files[0], 23, R, Mode::Oneshot);
        assert_eq!(watch.the_event().token(), Token(23));
        watch.assert_at_rest_for(WINDOW);
        waker.wake();
        watch.wait(Some(BOUND));
        assert!(watch.events.was_woken());
        assert_eq!(watch.events.len(), 0);
        watch.assert_at_rest_for(WINDOW);
    }
}
