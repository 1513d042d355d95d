//! System calls that a sandbox refuses: `Unsupported`, and the reason.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use waitset::spin::SpinDetector;
use waitset::stream::Acceptor;
use waitset::{Backend, ChildProcess, Events, Interest, Key, Mode, Signal, Signals, WaitSet};
use waitset_conformance::{not_checked, refusing};

/// What a kernel answers to a call that it lacks, and what sandboxes answer to calls that they
/// do not allow.
const UNKNOWN: [i32; 3] = [libc::ENOSYS, libc::EPERM, libc::EACCES];

/// Asserts that `body` is `Unsupported`, with the reason, if the kernel refuses `call`.
#[track_caller]
fn assert_unsupported_without(
    call: libc::c_long,
    name: &str,
    body: impl Fn() -> io::Result<()> + Sync,
) {
    for errno in UNKNOWN {
        let error = match refusing(&[call], errno, &body) {
            Ok(answer) => answer.expect_err(name),
            Err(error) => return not_checked(format_args!("no seccomp filter: {error}")),
        };
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{name}: {error}");
        let text = error.to_string();
        assert!(
            text.contains(&format!("os error {errno}")),
            "{name}: {text}"
        );
        let reason = match errno {
            libc::ENOSYS => "this kernel",
            _ => "seccomp filter",
        };
        assert!(text.contains(reason), "{name}: {text}");
    }
}

#[test]
fn reactors_whose_calls_a_sandbox_refuses_are_unsupported() {
    let opens = |backend: Backend| move || backend.open().map(drop);
    for backend in [Backend::Select, Backend::Poll, Backend::Epoll] {
        assert_unsupported_without(libc::SYS_eventfd2, backend.name(), opens(backend));
    }
    for call in [libc::SYS_epoll_create1, libc::SYS_epoll_ctl] {
        assert_unsupported_without(call, "epoll", opens(Backend::Epoll));
    }
    let waits = |backend: Backend| {
        move || {
            let mut events = Events::with_capacity(1);
            let waited = backend.open()?.wait(&mut events, Some(Duration::ZERO));
            waited.map(drop)
        }
    };
    assert_unsupported_without(libc::SYS_ppoll, "poll", waits(Backend::Poll));
    assert_unsupported_without(libc::SYS_pselect6, "select", waits(Backend::Select));
}

#[test]
fn a_spin_detector_whose_calls_a_sandbox_refuses_is_unsupported() {
    assert_unsupported_without(libc::SYS_epoll_create1, "SpinDetector", || {
        SpinDetector::to_writer(Backend::Poll.open()?, io::sink()).map(drop)
    });
}

#[test]
fn signals_and_children_whose_calls_a_sandbox_refuses_are_unsupported() {
    assert_unsupported_without(libc::SYS_signalfd4, "Signals", || {
        Signals::new(&[Signal::USER_1]).map(drop)
    });
    assert_unsupported_without(libc::SYS_pidfd_open, "ChildProcess", || {
        let mut command = Command::new("cat");
        let child = command.stdin(Stdio::piped()).spawn()?;
        let Err(refused) = ChildProcess::new(child) else {
            return Ok(());
        };
        let error = io::Error::new(refused.error().kind(), refused.error().to_string());
        let mut child = refused.into_source();
        drop(child.stdin.take());
        assert!(child.wait()?.success(), "it comes back as it was");
        Err(error)
    });
}

/// The system calls that wait or look.
const WAITS: [libc::c_long; 5] = [
    libc::SYS_pselect6,
    libc::SYS_ppoll,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_io_uring_enter,
];

/// Those that only older architectures have.
#[cfg(target_arch = "x86_64")]
const OLDER_WAITS: [libc::c_long; 3] = [libc::SYS_select, libc::SYS_poll, libc::SYS_epoll_wait];
#[cfg(not(target_arch = "x86_64"))]
const OLDER_WAITS: [libc::c_long; 0] = [];

type Set = WaitSet<OwnedFd, (), Box<dyn waitset::Reactor + Send>>;

/// The keys of the events of one wait, none if it fails.
fn told(set: &mut Set) -> Vec<Key> {
    let waited = set.wait(Some(Duration::ZERO));
    let mut keys = Vec::new();
    while let Some((key, _)) = set.next_event() {
        keys.push(key);
    }
    assert!(
        waited.is_ok() || keys.is_empty(),
        "it told events, and failed"
    );
    keys
}

#[test]
fn a_wait_that_the_kernel_refuses_loses_no_event() {
    const REFUSALS: [i32; 5] = [
        libc::ENOMEM,
        libc::EPERM,
        libc::ENOSYS,
        libc::EAGAIN,
        libc::EINTR,
    ];
    let waits = [&WAITS[..], &OLDER_WAITS].concat();
    for (backend, errno) in Backend::all().flat_map(|one| REFUSALS.map(|errno| (one, errno))) {
        eprintln!("{backend}, errno {errno}");
        let mut set: Set = match backend.open() {
            Ok(reactor) => WaitSet::with_reactor(reactor),
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                not_checked(error);
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        let (mut near, far) = UnixStream::pair().unwrap();
        near.write_all(b"!").unwrap();
        let file = File::open("/dev/null").unwrap();
        let mut keys = [file.into(), far.into()].map(|source| {
            set.insert(source, Interest::READABLE, Mode::Oneshot)
                .unwrap()
        });
        // Files and others take turns in who comes first.
        let mut seen = Vec::new();
        for _ in 0..2 {
            match refusing(&waits, errno, || told(&mut set)) {
                Ok(keys) => seen.extend(keys),
                Err(error) => return not_checked(format_args!("no seccomp filter: {error}")),
            }
        }
        seen.extend(told(&mut set));
        seen.sort();
        keys.sort();
        assert_eq!(seen, keys, "{backend}, errno {errno}");
    }
}

/// In a chroot(2) there may be no `/dev/null`, either.
#[test]
fn an_acceptor_opens_no_file() {
    for errno in [libc::ENOENT, libc::EPERM] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let files = [libc::SYS_openat, libc::SYS_openat2];
        match refusing(&files, errno, || Acceptor::new(listener).map(drop)) {
            Ok(answer) => answer.unwrap(),
            Err(error) => return not_checked(format_args!("no seccomp filter: {error}")),
        }
    }
}
