//! A signal handler ends a wait early, and the wait says so.

use std::io::Write;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigEvent, SigevNotify, Signal};
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;
use waitset_core::Mode;

use crate::Make;
use crate::child::alone;
use crate::sources::{drain, pipe};
use crate::sys::interrupt_on_alarm;
use crate::watch::{BOUND, R, Watch};

use super::meanwhile::this_thread;

/// Sends this thread a signal in every millisecond, for as long as it lives.
fn storm() -> Timer {
    interrupt_on_alarm();
    let to_this_thread = SigevNotify::SigevThreadId {
        signal: Signal::SIGALRM,
        thread_id: this_thread(),
        si_value: 0,
    };
    let mut timer = Timer::new(ClockId::CLOCK_MONOTONIC, SigEvent::new(to_this_thread)).unwrap();
    let interval = Expiration::Interval(Duration::from_millis(1).into());
    timer.set(interval, TimerSetTimeFlags::empty()).unwrap();
    timer
}

/// The caller knows what is left of its time; a reactor that began anew after each
/// signal would never end (bun#34780). Who never sleeps is never interrupted.
pub fn an_interrupted_wait_ends_early_and_says_so(make: Make) {
    alone(|| {
        let mut watch = Watch::new(make);
        // Who asks one source after the other has one to ask.
        let (idle, _writer) = pipe();
        watch.register(&idle, 7, R, Mode::Level);
        let storm = storm();
        let mut interruptions = 0;
        let start = Instant::now();
        let end = Duration::from_millis(200);
        while let Some(left) = end.checked_sub(start.elapsed()) {
            let before = Instant::now();
            assert_eq!(watch.wait(Some(left)), 0);
            if watch.events.was_interrupted() {
                interruptions += 1;
            } else {
                assert!(before.elapsed() >= left, "ended early and did not say why");
            }
            assert!(!watch.events.was_woken());
        }
        drop(storm);
        assert!(start.elapsed() < BOUND);
        assert_eq!(interruptions > 0, watch.can().sleeps, "{interruptions}");
        watch.wait(Some(Duration::from_millis(1)));
        assert!(!watch.events.was_interrupted());
    });
}

pub fn a_storm_of_signals_hides_neither_events_nor_wakes(make: Make) {
    alone(|| {
        let mut watch = Watch::new(make);
        let (reader, mut writer) = pipe();
        watch.register(&reader, 7, R, Mode::Oneshot);
        let storm = storm();
        for _ in 0..200 {
            writer.write_all(b"!").unwrap();
            watch.the_event();
            drain(&reader);
            watch.modify(&reader, 7, R, Mode::Oneshot);
            watch.reactor.waker().wake();
            while !watch.events.was_woken() {
                watch.wait(Some(BOUND));
                assert!(watch.events.was_woken() || watch.events.was_interrupted());
            }
        }
        drop(storm);
    });
}
