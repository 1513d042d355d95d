//! Events that do not fit the buffer are neither lost nor disarmed, and none starves.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;

use waitset_core::Mode;

use crate::Make;
use crate::child::alone;
use crate::sources::{always_ready, drain, pipe, raise_descriptor_limit, ready_pipe};
use crate::watch::{R, Watch};

/// How often each token is told in `waits` looks.
fn tally(watch: &mut Watch, waits: usize) -> HashMap<u64, usize> {
    let mut told = HashMap::new();
    for _ in 0..waits {
        let tokens = watch.look_for_tokens();
        for pair in tokens.windows(2) {
            assert_ne!(pair[0], pair[1], "told twice in one wait");
        }
        for token in tokens {
            *told.entry(token).or_default() += 1;
        }
    }
    told
}

fn ready_pipes(watch: &mut Watch, count: u64, mode: Mode) -> Vec<(File, File)> {
    let pipes: Vec<_> = (0..count).map(|_| ready_pipe()).collect();
    for ((reader, _), token) in pipes.iter().zip(0..) {
        watch.register(reader, token, R, mode);
    }
    pipes
}

/// Duplicates of one descriptor that is ready: a registration each. In a child, since it
/// takes a thousand descriptors.
fn a_thousand_ready(watch: &mut Watch, mode: Mode) -> (Vec<File>, File) {
    raise_descriptor_limit();
    let (reader, writer) = ready_pipe();
    // select(2) as POSIX has it ends at 1024, the waker's and the standard ones included.
    let count = match watch.can().descriptor_limit {
        Some(limit) => limit - 50,
        None => 1_000,
    };
    let readers: Vec<_> = (0..count).map(|_| reader.try_clone().unwrap()).collect();
    for (reader, token) in readers.iter().zip(0..) {
        watch.register(reader, token, R, mode);
    }
    (readers, writer)
}

/// LTP's epoll_wait13 and 14, for every mechanism.
pub fn a_thousand_ready_sources_take_turns_in_a_buffer_of_seven(make: Make) {
    alone(|| {
        let mut watch = Watch::with_capacity(make, 7);
        let (readers, _writer) = a_thousand_ready(&mut watch, Mode::Level);
        let told = tally(&mut watch, 2 * readers.len().div_ceil(7));
        assert_eq!(told.len(), readers.len(), "some starve");
        let (least, most) = (told.values().min(), told.values().max());
        assert!(
            least >= Some(&1) && most <= Some(&3),
            "{least:?} to {most:?}"
        );
    });
}

pub fn a_thousand_oneshots_are_told_once_each_in_a_buffer_of_seven(make: Make) {
    alone(|| {
        let mut watch = Watch::with_capacity(make, 7);
        let (readers, _writer) = a_thousand_ready(&mut watch, Mode::Oneshot);
        let told = tally(&mut watch, readers.len().div_ceil(7));
        assert_eq!(told.len(), readers.len(), "some were disarmed unheard");
        watch.assert_silent();
    });
}

pub fn a_buffer_of_one_serves_all_in_turn(make: Make) {
    let mut watch = Watch::with_capacity(make, 1);
    let pipes = ready_pipes(&mut watch, 10, Mode::Level);
    let told = tally(&mut watch, 10 * pipes.len());
    assert_eq!(told.len(), pipes.len());
    assert!(
        told.values().all(|count| (9..=11).contains(count)),
        "{told:?}"
    );
}

pub fn oneshots_that_do_not_fit_stay_armed(make: Make) {
    let mut watch = Watch::with_capacity(make, 3);
    let pipes = ready_pipes(&mut watch, 20, Mode::Oneshot);
    let told = tally(&mut watch, pipes.len().div_ceil(3));
    assert_eq!(told.len(), pipes.len());
    assert!(told.values().all(|count| *count == 1), "{told:?}");
    watch.assert_silent();
}

/// curio#106, twemproxy#416: one flooder and 99 who speak now and then.
pub fn a_source_that_is_always_ready_does_not_starve_the_others(make: Make) {
    let mut watch = Watch::with_capacity(make, 8);
    let (flooder, _writer) = ready_pipe();
    watch.register(&flooder, 1_000, R, Mode::Level);
    let mut quiet: Vec<_> = (0..99).map(|_| pipe()).collect();
    for ((reader, _), token) in quiet.iter().zip(0..) {
        watch.register(reader, token, R, Mode::Level);
    }
    for _ in 0..5 {
        for (_, writer) in &mut quiet {
            writer.write_all(b"!").unwrap();
        }
        let mut unheard = quiet.len();
        for _ in 0..quiet.len().div_ceil(7) + 1 {
            for token in watch.look_for_tokens() {
                if let Some((reader, _)) = quiet.get(token as usize) {
                    drain(reader);
                    unheard -= 1;
                }
            }
        }
        assert_eq!(unheard, 0);
    }
}

/// A newcomer at either end of the table is served, too.
pub fn those_who_come_and_go_do_not_starve_the_others(make: Make) {
    let mut watch = Watch::with_capacity(make, 2);
    let pipes = ready_pipes(&mut watch, 6, Mode::Level);
    let (comes_and_goes, _writer) = ready_pipe();
    let mut told = HashMap::<u64, usize>::new();
    for _ in 0..60 {
        watch.register(&comes_and_goes, 6, R, Mode::Level);
        for token in watch.look_for_tokens() {
            *told.entry(token).or_default() += 1;
        }
        watch.deregister(&comes_and_goes);
    }
    for token in 0..pipes.len() as u64 {
        assert!(told.get(&token) >= Some(&6), "{token} starves: {told:?}");
    }
}

pub fn files_and_sockets_share_a_small_buffer(make: Make) {
    for capacity in [1, 2, 3] {
        let mut watch = Watch::with_capacity(make, capacity);
        let files = always_ready();
        for (file, token) in files.iter().zip(100..) {
            watch.register(file.as_fd(), token, R, Mode::Level);
        }
        let _pipes = ready_pipes(&mut watch, 3, Mode::Level);
        let told = tally(&mut watch, 60);
        assert_eq!(told.len(), 6, "some starve: {told:?}");
        // A tenth would be fair with a buffer of one; whoever gets a turn in twelve waits
        // does not starve.
        assert!(told.values().all(|count| *count >= 5), "{told:?}");
    }
}

/// Readiness is advisory: where the capabilities say so, what was seen once is told, and
/// no more than once.
pub fn readiness_that_goes_before_its_turn_is_told_once_at_most(make: Make) {
    let mut watch = Watch::with_capacity(make, 2);
    let pipes = ready_pipes(&mut watch, 6, Mode::Level);
    assert_eq!(watch.look_for_tokens().len(), 2);
    for (reader, _) in &pipes {
        drain(reader);
    }
    if !watch.can().rechecks_events {
        let told = tally(&mut watch, pipes.len());
        assert!(told.values().all(|count| *count == 1), "{told:?}");
    }
    watch.assert_silent();
}
