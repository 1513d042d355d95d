//! What must not allocate.
#![allow(missing_docs, reason = "the name of a case is the sentence it proves")]
#![allow(
    clippy::missing_panics_doc,
    reason = "a case panics where the sentence is wrong"
)]

use std::fs;
use std::time::Duration;

use nix::unistd::{SysconfVar, sysconf};
use waitset_core::Mode;

use crate::Make;
use crate::child::alone;
use crate::sources::{always_ready, open_descriptors, ready_pipe, unix_pair};
use crate::watch::{ALL, R, W, Watch};

use super::allocated;

/// What `again` allocates once it has been done a few times.
#[track_caller]
fn assert_frugal(mut again: impl FnMut()) {
    for _ in 0..200 {
        again();
    }
    let before = allocated();
    for _ in 0..1_000 {
        again();
    }
    assert_eq!(allocated(), before);
}

pub fn allocations_are_counted(make: Make) {
    let before = allocated();
    let watch = Watch::new(make);
    let after = allocated();
    assert!(after.calls > before.calls, "no CountingAllocator here");
    assert!(after.live_bytes > before.live_bytes);
    drop(watch);
    assert_eq!(allocated().live_bytes, before.live_bytes);
}

pub fn waits_with_events_allocate_nothing(make: Make) {
    for capacity in [3, 64] {
        let mut watch = Watch::with_capacity(make, capacity);
        let pipes: Vec<_> = (0..10).map(|_| ready_pipe()).collect();
        for ((reader, _), token) in pipes.iter().zip(0..) {
            watch.register(reader, token, R, Mode::Level);
        }
        assert_frugal(|| assert!(watch.wait(None) > 0));
        assert_frugal(|| assert!(watch.wait(Some(Duration::from_secs(1))) > 0));
    }
}

pub fn empty_waits_allocate_nothing(make: Make) {
    let mut watch = Watch::new(make);
    let (near, _far) = unix_pair();
    watch.register(&near, 7, R, Mode::Level);
    assert_frugal(|| assert_eq!(watch.wait(Some(Duration::ZERO)), 0));
    assert_frugal(|| assert_eq!(watch.wait(Some(Duration::from_nanos(1))), 0));
}

pub fn rearming_allocates_nothing(make: Make) {
    let mut watch = Watch::new(make);
    let mut modes = vec![Mode::Oneshot, Mode::Edge];
    modes.retain(|mode| watch.can().supports(*mode));
    for mode in modes {
        let pipes: Vec<_> = (0..10).map(|_| ready_pipe()).collect();
        for ((reader, _), token) in pipes.iter().zip(0..) {
            watch.register(reader, token, R, mode);
        }
        let mut number = 0;
        assert_frugal(|| {
            assert_eq!(watch.wait(None), 10);
            // A disarmed source that is still ready has to be silenced at times.
            number += 1;
            if number % 3 == 0 {
                assert_eq!(watch.wait(Some(Duration::ZERO)), 0);
            }
            for ((reader, _), token) in pipes.iter().zip(0..) {
                watch.modify(reader, token, R, mode);
            }
        });
        pipes
            .iter()
            .for_each(|(reader, _)| watch.deregister(reader));
    }
}

pub fn toggling_an_interest_allocates_nothing(make: Make) {
    let mut watch = Watch::new(make);
    let pairs: Vec<_> = (0..10).map(|_| unix_pair()).collect();
    for ((near, _), token) in pairs.iter().zip(0..) {
        watch.register(near, token, R, Mode::Level);
    }
    assert_frugal(|| {
        for (interest, expected) in [(R | W, 10), (R, 0)] {
            for ((near, _), token) in pairs.iter().zip(0..) {
                watch.modify(near, token, interest, Mode::Level);
            }
            assert_eq!(watch.wait(Some(Duration::ZERO)), expected);
        }
    });
}

pub fn waking_allocates_nothing(make: Make) {
    let mut watch = Watch::new(make);
    let waker = watch.reactor.waker();
    assert_frugal(|| {
        waker.clone().wake();
        watch.wait(None);
        assert!(watch.events.was_woken());
    });
}

pub fn waiting_for_files_allocates_nothing(make: Make) {
    let mut watch = Watch::new(make);
    let files = always_ready();
    watch.register(&files[0], 0, R, Mode::Level);
    watch.register(&files[1], 1, ALL, Mode::Oneshot);
    assert_frugal(|| {
        assert_eq!(watch.wait(None), 2);
        watch.modify(&files[1], 1, ALL, Mode::Oneshot);
    });
}

pub fn registering_again_allocates_nothing(make: Make) {
    let mut watch = Watch::new(make);
    let pairs: Vec<_> = (0..10).map(|_| unix_pair()).collect();
    assert_frugal(|| {
        for ((near, _), token) in pairs.iter().zip(0..) {
            watch.register(near, token, R, Mode::Level);
            watch.modify(near, token, W, Mode::Level);
        }
        assert_eq!(watch.wait(None), 10);
        pairs.iter().for_each(|(near, _)| watch.deregister(near));
    });
}

/// litebox#1264, tgt#20: whatever is left behind by each round adds up.
pub fn a_million_rounds_leave_descriptors_and_memory_as_they_were(make: Make) {
    alone(|| {
        let mut watch = Watch::new(make);
        let (near, _far) = unix_pair();
        let mut rounds = |count| {
            for token in 0..count {
                let mode = if token % 2 == 0 {
                    Mode::Level
                } else {
                    Mode::Oneshot
                };
                watch.register(&near, token, R, mode);
                watch.deregister(&near);
            }
            watch.assert_silent();
        };
        rounds(1_000);
        let before = (open_descriptors(), allocated().live_bytes, resident_bytes());
        rounds(1_000_000);
        assert_eq!(open_descriptors(), before.0);
        // The list of descriptors itself.
        let own = size_of_val(before.0.as_slice()) as i64 * 2;
        assert!((allocated().live_bytes - before.1).abs() <= own);
        let grown = resident_bytes().saturating_sub(before.2);
        assert!(grown < 1 << 20, "{grown} bytes more are resident");
    });
}

/// How much memory this process has in use (proc(5), statm).
fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    let page = sysconf(SysconfVar::PAGE_SIZE).unwrap().unwrap();
    pages * usize::try_from(page).unwrap()
}
