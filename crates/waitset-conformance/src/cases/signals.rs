//! A signal handler ends a wait early, and the wait says so.

use std::io::Write;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigEvent, SigevNotify, Signal, kill};
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;
use nix::unistd::Pid;
use waitset_core::Mode;

use crate::Make;
use crate::child::alone;
use crate::sources::{drain, pipe};
use crate::sys::{beside_a_fork, interrupt_on_alarm};
use crate::watch::{BOUND, R, Watch};

use super::meanwhile::{await_state, this_thread};

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

/// Linux has select and poll sleep on after a stop, and lets epoll_wait and io_uring_enter end
/// as after a handler (signal(7)). No mechanism can tell the two apart.
pub fn a_stop_ends_a_wait_only_where_the_capabilities_say_so(make: Make) {
    alone(|| {
        let mut watch = Watch::new(make);
        let (reader, mut writer) = pipe();
        watch.register(&reader, 7, R, Mode::Level);
        let (process, thread) = (std::process::id(), this_thread());
        let can = watch.can();
        let mut stop_and_continue = || {
            let send = |signal| kill(Pid::from_raw(process as i32), signal).unwrap();
            if can.sleeps {
                await_state(process, thread, 'S');
            }
            send(Signal::SIGSTOP);
            await_state(process, thread, 'T');
            send(Signal::SIGCONT);
            if can.interrupted_by_stop {
                return;
            }
            if can.sleeps {
                await_state(process, thread, 'S');
            }
            writer.write_all(b"!").unwrap();
        };
        for _ in 0..3 {
            let wait = || {
                let count = watch.wait(Some(BOUND));
                assert_eq!(watch.events.was_interrupted(), can.interrupted_by_stop);
                assert_eq!(count, usize::from(!can.interrupted_by_stop));
                assert!(!watch.events.was_woken());
            };
            beside_a_fork(&mut stop_and_continue, wait);
            drain(&reader);
        }
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
