//! Descriptors of every kind: each reads as poll(2) reads it, or is refused.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::pty::posix_openpt;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::inotify::{InitFlags, Inotify};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::SigSet;
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use waitset_core::{Interest, Mode, Readiness, Token};

use crate::Make;
use crate::child::{alone, not_checked};
use crate::differential::shown;
use crate::sources::{always_ready, await_sign, fresh_tcp};
use crate::sys;
use crate::watch::{ALL, P, R, W, Watch, directions};

type Odd = (String, OwnedFd);
type Opens = fn() -> io::Result<OwnedFd>;

fn odd(name: &str, source: impl AsFd) -> Odd {
    let duplicate = source.as_fd().try_clone_to_owned();
    (name.to_owned(), duplicate.unwrap())
}

fn files() -> Vec<Odd> {
    let by_path = |path| {
        let mut options = File::options();
        let file = options.read(true).custom_flags(libc::O_PATH).open(path);
        odd(&format!("O_PATH of {path}"), file.unwrap())
    };
    let by_name = |path| odd(path, File::open(path).unwrap());
    let mut files: Vec<_> = ["/", "/dev/null", "/proc/self/status"].map(by_path).into();
    files.extend(
        [
            "/dev/zero",
            "/dev/full",
            "/dev/urandom",
            "/proc/self/status",
            "/proc/self/ns/net",
        ]
        .map(by_name),
    );
    files.extend(always_ready().map(|file| odd("an always-ready file", file)));
    files
}

fn counters() -> Vec<Odd> {
    let eventfd = |count| {
        let eventfd = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK).unwrap();
        eventfd.write(count).unwrap();
        odd(&format!("an eventfd of {count}"), eventfd)
    };
    let timerfd = |nanos| {
        let clock = ClockId::CLOCK_MONOTONIC;
        let timer = TimerFd::new(clock, TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK);
        let timer = timer.unwrap();
        if nanos > 0 {
            let once = Expiration::OneShot(TimeSpec::from_duration(Duration::from_nanos(nanos)));
            timer.set(once, TimerSetTimeFlags::empty()).unwrap();
            await_sign(&timer, Readiness::READABLE);
        }
        odd(&format!("a timerfd of {nanos} ns"), timer)
    };
    let signals = SignalFd::with_flags(
        &SigSet::empty(),
        SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK,
    );
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK);
    vec![
        eventfd(0),
        eventfd(1),
        eventfd(u64::MAX - 1),
        timerfd(0),
        timerfd(1),
        odd("a signalfd", signals.unwrap()),
        odd("an inotify instance", inotify.unwrap()),
    ]
}

fn others() -> Vec<Odd> {
    let epoll = || Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).unwrap();
    let ready = epoll();
    let (_, full) = &counters()[1];
    let full = full.try_clone().unwrap();
    let event = EpollEvent::new(EpollFlags::EPOLLIN, 0);
    ready.add(&full, event).unwrap();
    let netlink = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
        SockProtocol::NetlinkRoute,
    );
    let terminal = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_NONBLOCK);
    let memory = memfd_create("odd", MFdFlags::MFD_CLOEXEC);
    let mut others = vec![
        odd("an empty epoll instance", epoll().0),
        odd("an epoll instance with a ready source", ready.0),
        odd("that source", full),
        odd("a netlink socket", netlink.unwrap()),
        odd("a socket that was never connected", fresh_tcp()),
        odd("a datagram socket", UnixDatagram::unbound().unwrap()),
        odd("a terminal without a program", terminal.unwrap()),
        odd("a memfd", memory.unwrap()),
    ];
    let rare: [(&str, Opens); 3] = [
        ("a pidfd", sys::pidfd),
        ("a userfaultfd", sys::userfaultfd),
        ("an io_uring", sys::io_uring),
    ];
    for (name, open) in rare {
        match open() {
            Ok(fd) => others.push((name.to_owned(), fd)),
            Err(error) => not_checked(format_args!("{name}: {error}")),
        }
    }
    others
}

/// Registers `source`, which poll(2) reads as `observed`.
fn assert_reads(watch: &mut Watch, source: &Odd, observed: Readiness, asked: (Interest, Mode)) {
    let ((name, source), (interest, mode)) = (source, asked);
    watch.register(source, 7, interest, mode);
    let text = format!("{name}, {observed:?}, {interest:?}, {mode:?}");
    match shown(&watch.can(), observed, interest) {
        None => watch.assert_silent(),
        Some(expected) => {
            for _ in 0..3 {
                let event = watch.the_event();
                assert_eq!(event.token(), Token(7), "{text}");
                assert_eq!(directions(&event), expected, "{text}");
                if mode != Mode::Level {
                    watch.assert_silent();
                    watch.modify(source, 7, interest, mode);
                }
            }
        }
    }
    watch.deregister(source);
    watch.assert_silent();
}

/// Registers `source`, which poll(2) does not take: it is refused, or told once as an error.
fn assert_refused(watch: &mut Watch, (name, source): &Odd, (interest, mode): (Interest, Mode)) {
    match watch.try_register(source, 7, interest, mode) {
        Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name}: {error}"),
        Ok(()) => {
            let event = watch.the_event();
            assert_eq!(event.token(), Token(7), "{name}");
            assert!(event.is_error(), "{name}");
            watch.assert_silent();
        }
    }
    watch.assert_silent();
    let error = watch.try_deregister(source).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{name}");
}

/// A descriptor that was opened with `O_PATH` is one that nothing can wait for.
pub fn every_kind_of_descriptor_reads_as_poll_has_it_or_is_refused(make: Make) {
    // A fork of another test must not hold what is registered here.
    alone(|| {
        let mut watch = Watch::new(make);
        let modes = [Mode::Level, Mode::Edge, Mode::Oneshot];
        let modes = modes.map(|mode| watch.can().supports(mode).then_some(mode));
        for source in [files(), counters(), others()].into_iter().flatten() {
            for mode in modes.iter().flatten() {
                for interest in [R, W, P, R | W, ALL] {
                    let asked = (interest, *mode);
                    let bits = Readiness::from(interest);
                    match sys::try_poll(&source.1, bits, 0).unwrap() {
                        Some(observed) => assert_reads(&mut watch, &source, observed, asked),
                        None => assert_refused(&mut watch, &source, asked),
                    }
                }
            }
        }
    });
}
