//! `Stats` are exact.

use std::os::fd::AsRawFd;
use std::process::Command;
use std::time::Duration;

use nix::sys::socket::{MsgFlags, recv, send};

use waitset_core::Mode;

use crate::Make;
use crate::child::{self, arguments, is_child, not_checked, prepare, run_to_end};
use crate::sources::{always_ready, ready_pipe, unix_pair};
use crate::watch::{R, W, Watch};

pub fn waits_and_events_are_counted(make: Make) {
    let mut watch = Watch::with_capacity(make, 2);
    let pipes: Vec<_> = (0..3).map(|_| ready_pipe()).collect();
    for ((reader, _), token) in pipes.iter().zip(0..) {
        watch.register(reader, token, R, Mode::Level);
    }
    let before = watch.stats();
    watch.wait(None);
    watch.wait(Some(Duration::ZERO));
    for (reader, _) in &pipes {
        watch.deregister(reader);
    }
    // Whoever sleeps makes a call, also if a ring has had the other answers already.
    watch.wait(Some(Duration::from_millis(1)));
    watch.reactor.waker().wake();
    watch.wait(None);
    let made = watch.stats().since(&before);
    assert_eq!((made.waits, made.events, made.empty_returns), (4, 4, 2));
    assert!(made.wait_calls >= 3 && made.wake_calls <= 1);
}

pub fn probes_are_counted_among_the_wait_calls(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, _writer) = ready_pipe();
    watch.register(&reader, 7, R, Mode::Level);
    for _ in 0..10 {
        watch.wait(None);
    }
    let stats = watch.stats();
    assert!(stats.probe_hits <= stats.probes && stats.probes <= stats.wait_calls);
}

/// What strace is asked for, by what [`Stats`] count it as.
const WAITS: [&str; 7] = [
    "select",
    "pselect6",
    "poll",
    "ppoll",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
];
const CONTROLS: [&str; 3] = ["epoll_ctl", "read", "fcntl"];
const WAKES: [&str; 1] = ["write"];
/// A ring's calls register and wait in one, so that only their sum can be checked.
const RINGS: [&str; 2] = ["io_uring_enter", "io_uring_register"];

/// strace(1) counts the system calls of a scripted life, in a child, and must come to the
/// same numbers.
pub fn strace_counts_the_same_system_calls(make: Make) {
    if is_child() {
        let Counts {
            waits,
            controls,
            wakes,
            ..
        } = scripted_life(make);
        println!("counted {waits} {controls} {wakes}");
        return;
    }
    if !strace_works() {
        return not_checked("strace is not installed or may not trace here");
    }
    let trace = std::env::temp_dir().join(format!(
        "waitset-{}-{:?}.strace",
        std::process::id(),
        std::thread::current().id()
    ));
    let names = [&WAITS[..], &CONTROLS, &WAKES, &RINGS, &["close"]]
        .concat()
        .join(",");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e", &format!("trace={names}"), "-o"]);
    strace.arg(&trace).args(arguments());
    prepare(&mut strace);
    let printed = run_to_end(&mut strace);
    let traced = std::fs::read_to_string(&trace).unwrap();
    std::fs::remove_file(&trace).unwrap();
    let traced = Counts::between_marks(&traced);
    if child::has_ended_early(&printed) {
        return;
    }
    let counted = Counts::printed(&printed);
    match traced.rings {
        0 => assert_eq!(counted, traced),
        _ => assert_eq!(counted.with_one_kind(), traced.with_one_kind()),
    }
}

fn strace_works() -> bool {
    let mut strace = Command::new("strace");
    let answer = strace.args(["-qq", "-o", "/dev/null", "true"]).output();
    answer.is_ok_and(|output| output.status.success())
}

/// A call that can be found in the trace and does nothing.
fn mark() {
    nix::unistd::close(-1).unwrap_err();
}

/// What is compared.
#[derive(Debug, PartialEq, Eq)]
struct Counts {
    waits: u64,
    controls: u64,
    wakes: u64,
    /// Those of a ring, which only strace tells apart.
    rings: u64,
}

impl Counts {
    /// What the child printed.
    fn printed(text: &str) -> Self {
        let mut lines = text.lines();
        let (_, counted) = lines.find_map(|line| line.split_once("counted ")).unwrap();
        let mut numbers = counted.split(' ').map(|number| number.parse().unwrap());
        let mut next = || numbers.next().unwrap();
        Self {
            waits: next(),
            controls: next(),
            wakes: next(),
            rings: 0,
        }
    }

    fn between_marks(trace: &str) -> Self {
        let inside = trace.split("close(-1)").nth(1).unwrap();
        let count = |names: &[&str]| {
            let calls = inside.lines().filter_map(|line| line.split_once('('));
            let is_named = |name: &str| names.contains(&name.rsplit(' ').next().unwrap());
            calls.filter(|(name, _)| is_named(name)).count() as u64
        };
        Self {
            waits: count(&WAITS),
            controls: count(&CONTROLS),
            wakes: count(&WAKES),
            rings: count(&RINGS),
        }
    }

    /// Waits and controls as a sum.
    fn with_one_kind(self) -> Self {
        Self {
            waits: self.waits + self.controls + self.rings,
            controls: 0,
            rings: 0,
            ..self
        }
    }
}

/// Something of everything. It moves its own data with `sendto` and `recvfrom`, which
/// nobody counts, and closes nothing.
fn scripted_life(make: Make) -> Counts {
    let mut watch = Watch::with_capacity(make, 3);
    let pairs: Vec<_> = (0..5).map(|_| unix_pair()).collect();
    let files = always_ready();
    let before = watch.stats();
    mark();
    for ((near, _), token) in pairs.iter().zip(0..) {
        watch.register(
            near,
            token,
            R,
            if token < 3 {
                Mode::Level
            } else {
                Mode::Oneshot
            },
        );
    }
    for _ in 0..10 {
        for (_, far) in &pairs {
            send(far.as_raw_fd(), b"!", MsgFlags::empty()).unwrap();
        }
        watch.wait(None);
        watch.wait(Some(Duration::ZERO));
        watch.reactor.waker().wake();
        watch.reactor.waker().wake();
        watch.wait(Some(Duration::from_secs(1)));
        watch.wait(Some(Duration::ZERO));
        for (near, _) in &pairs {
            recv(near.as_raw_fd(), &mut [0; 16], MsgFlags::empty()).unwrap();
        }
        watch.wait(Some(Duration::from_micros(100)));
        watch.modify(&pairs[0].0, 0, R | W, Mode::Level);
        watch.wait(None);
        watch.modify(&pairs[0].0, 0, R, Mode::Level);
        watch.modify(&pairs[3].0, 3, R, Mode::Oneshot);
        watch.modify(&pairs[4].0, 4, W, Mode::Oneshot);
        watch.modify(&pairs[4].0, 4, R, Mode::Oneshot);
    }
    watch.register(&files[0], 9, R, Mode::Level);
    watch.wait(None);
    let _ = watch.try_register(&files[0], 9, R, Mode::Level);
    watch.deregister(&files[0]);
    for (near, _) in &pairs {
        watch.deregister(near);
    }
    let made = watch.stats().since(&before);
    mark();
    Counts {
        waits: made.wait_calls,
        controls: made.control_calls,
        wakes: made.wake_calls,
        rings: 0,
    }
}
