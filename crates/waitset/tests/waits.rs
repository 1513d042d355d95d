//! What a turn of the loop asks of the kernel, counted exactly by valgrind, which hides the
//! vDSO: there a look at the clock is a system call as any other.
#![cfg(target_os = "linux")]

use std::env;
use std::io::{ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use waitset::{Backend, EventLoop, Interest, Mode, Reactor};
use waitset_conformance::not_checked;

const NAME: &str = "a_turn_without_timers_and_timeout_is_one_system_call_and_no_look_at_the_clock";

/// Names the mechanism to a child.
const CHILD: &str = "WAITSET_COUNTED_WAITS";

const TURNS: usize = 100;

/// Those that spin look at the clock to know when to stop.
fn sleeps(backend: Backend) -> bool {
    !matches!(backend, Backend::Sweep | Backend::Busy | Backend::Adaptive)
}

#[test]
fn a_turn_without_timers_and_timeout_is_one_system_call_and_no_look_at_the_clock() {
    if let Ok(name) = env::var(CHILD) {
        return turn(name.parse().unwrap());
    }
    let valgrind = Command::new("valgrind").arg("--version").output();
    if !valgrind.is_ok_and(|output| output.status.success()) {
        not_checked("valgrind is not installed");
        return;
    }
    for backend in Backend::all().filter(|backend| sleeps(*backend)) {
        let Some([with_timer, without]) = trace(backend) else {
            not_checked(format_args!("{backend} under valgrind"));
            continue;
        };
        let looks = |calls: &[String]| calls.iter().filter(|call| *call == "clock_gettime").count();
        assert!(looks(&with_timer) > 0, "valgrind hides looks at the clock");
        let has_timerfd = with_timer.iter().any(|call| call.contains("timerfd"));
        assert!(!has_timerfd, "{backend}: {with_timer:?}");
        assert_eq!(without.len(), TURNS, "{backend}: {without:?}");
        assert_eq!(looks(&without), 0, "{backend}: {without:?}");
        eprintln!("{backend}: {TURNS} turns are {TURNS} of {}", without[0]);
    }
}

/// The names of the system calls of [`turn`] between its marks, unless the mechanism is
/// missing.
fn trace(backend: Backend) -> Option<[Vec<String>; 2]> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=none", "--trace-syscalls=yes"]);
    valgrind.arg(env::current_exe().unwrap());
    valgrind.args([NAME, "--exact", "--nocapture"]);
    valgrind.env(CHILD, backend.name()).stdin(Stdio::null());
    let output = valgrind.output().unwrap();
    let (printed, traced) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{printed}{traced}");
    if printed.contains("is missing") {
        return None;
    }
    let calls: Vec<_> = traced.split("SYSCALL[").filter_map(call).collect();
    let (thread, _) = *calls.iter().find(|(_, name)| *name == MARK)?;
    // The harness has a thread of its own, which may still be busy with starting this one.
    let ours = calls.iter().filter(|(caller, _)| *caller == thread);
    let names: Vec<_> = ours.map(|(_, name)| (*name).to_owned()).collect();
    let mut parts = names.split(|name| name == MARK);
    parts.next(); // the process starts
    Some([parts.next()?.to_vec(), parts.next()?.to_vec()])
}

/// Thread and name in `7,1](228) sys_clock_gettime( 1, 0x1f )…`. A call that may block has a
/// second line, `… [async]`, which does not count.
fn call(line: &str) -> Option<(&str, &str)> {
    let (thread, rest) = line.split_once(']')?;
    let (name, _) = rest.split_once(") ")?.1.split_once('(')?;
    let name = name.trim().trim_start_matches("sys_");
    (!name.starts_with("...")).then_some((thread, name))
}

/// A call that can be found in the trace and does nothing.
const MARK: &str = "getppid";

/// In the child: a timer that fires, and after that turns without any.
fn turn(backend: Backend) {
    let mark = || {
        nix::unistd::getppid();
    };
    let reactor: Box<dyn Reactor + Send> = match backend.open() {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            println!("{backend} is missing: {error}");
            return;
        }
        opened => opened.unwrap(),
    };
    mark();
    let mut event_loop = EventLoop::with_reactor(reactor);
    let handle = event_loop.handle();
    handle.arm_after(Duration::from_millis(1), |_, _, handle| handle.stop());
    event_loop.run(&mut 0).unwrap();
    let (near, mut far) = UnixStream::pair().unwrap();
    far.write_all(b"!").unwrap();
    // It stays readable, since nobody reads.
    let handle = event_loop.handle();
    handle
        .insert(near, Interest::READABLE, Mode::Level, |events, _, _, _| {
            *events += 1;
        })
        .unwrap();
    let mut events = 0;
    event_loop.turn(&mut events, None).unwrap();
    mark();
    for _ in 0..TURNS {
        event_loop.turn(&mut events, None).unwrap();
    }
    mark();
    assert_eq!(events, 1 + TURNS);
}
