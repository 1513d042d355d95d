//! Sources that are ready again and again while nothing is done about it.

use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use socket2::SockRef;
use waitset::spin::{Culprit, Reason};
use waitset::{ChildProcess, Mode};

use super::mechanisms::*;
use super::sys;

#[test]
fn interest_in_writing_that_nobody_uses() {
    let (near, _far) = tcp_pair();
    let name = format!(
        "TCP {} -> {}",
        near.local_addr().unwrap(),
        near.peer_addr().unwrap()
    );
    is_found(near.into(), READ | WRITE, MEASURED)(Reason::UnusedWriteInterest, &name);
    let (near, _far) = unix_pair();
    is_found(near.into(), WRITE, MEASURED)(Reason::UnusedWriteInterest, "Unix stream");
    let near = UdpSocket::bind("127.0.0.1:0").unwrap();
    let name = format!("UDP {}", near.local_addr().unwrap());
    is_found(near.into(), WRITE, MEASURED)(Reason::UnusedWriteInterest, &name);
}

#[test]
fn interest_in_writing_is_told_again_when_it_was_used_and_left_on_again() {
    with_set(|mut set, told| {
        let (near, far) = tcp_pair();
        let far = OwnedFd::from(far);
        let key = set.insert(near.into(), WRITE, Mode::Level).unwrap();
        spin(&mut set, MEASURED);
        assert_eq!(told.expect_one().reason, Reason::UnusedWriteInterest);
        turn(&mut set, MEASURED, |set, key, _| {
            write(set.get(key).unwrap(), 1);
            read(&far, 1);
        });
        told.expect_none();
        spin(&mut set, MEASURED);
        assert_eq!(told.expect_one().reason, Reason::UnusedWriteInterest);
        set.modify(key, READ | WRITE, Mode::Level).unwrap();
        spin(&mut set, MEASURED);
        assert_eq!(told.expect_one().reason, Reason::UnusedWriteInterest);
    });
}

#[test]
fn interest_in_writing_that_nobody_uses_on_a_source_that_is_read() {
    with_set(|mut set, told| {
        let (near, far) = tcp_pair();
        let far = OwnedFd::from(far);
        set.insert(near.into(), READ | WRITE, Mode::Level).unwrap();
        turn(&mut set, MEASURED, |set, key, event| {
            if event.is_readable() {
                read(set.get(key).unwrap(), 9);
            }
            write(&far, 1);
        });
        assert_eq!(told.expect_one().reason, Reason::UnusedWriteInterest);
    });
}

#[test]
fn input_that_is_not_read() {
    let (near, mut far) = tcp_pair();
    far.write_all(b"!").unwrap();
    is_found(near.into(), READ, MEASURED)(Reason::UndrainedInput, "TCP ");
    let (near, mut far) = unix_pair();
    far.write_all(b"!").unwrap();
    is_found(near.into(), READ, MEASURED)(Reason::UndrainedInput, "Unix stream");
    let (near, far) = pipe();
    write(&far, 1);
    is_found(near, READ, MEASURED)(Reason::UndrainedInput, "pipe");
}

#[test]
fn input_that_is_not_read_to_its_end() {
    let (near, mut far) = tcp_pair();
    far.write_all(b"!").unwrap();
    drop(far);
    is_found(near.into(), READ, MEASURED)(Reason::UndrainedInput, "TCP ");
}

#[test]
fn an_eventfd_a_timerfd_and_a_pidfd_that_are_not_read() {
    let eventfd = EventFd::from_value_and_flags(1, EfdFlags::EFD_NONBLOCK).unwrap();
    is_found(eventfd.into(), READ, MEASURED)(Reason::UndrainedInput, "eventfd");

    let timerfd = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK).unwrap();
    let soon = Expiration::OneShot(TimeSpec::from_duration(Duration::from_nanos(1)));
    timerfd.set(soon, TimerSetTimeFlags::empty()).unwrap();
    let timerfd = timerfd.as_fd().try_clone_to_owned().unwrap();
    is_found(timerfd, READ, MEASURED)(Reason::UndrainedInput, "timerfd");

    let mut waiting = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    let gate = waiting.stdin.take();
    let child = ChildProcess::new(waiting).unwrap();
    drop(gate);
    let pidfd = child.as_fd().try_clone_to_owned().unwrap();
    is_found(pidfd, READ, MEASURED)(Reason::UndrainedInput, "pidfd");
}

#[test]
fn datagrams_that_are_not_read() {
    let near = UdpSocket::bind("127.0.0.1:0").unwrap();
    near.send_to(b"!", near.local_addr().unwrap()).unwrap();
    is_found(near.into(), READ, UNMEASURED)(Reason::UndrainedInput, "UDP ");
    let (near, far) = UnixDatagram::pair().unwrap();
    far.send(b"!").unwrap();
    is_found(near.into(), READ, UNMEASURED)(Reason::UndrainedInput, "Unix datagram");
}

#[test]
fn connections_that_are_not_accepted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let _visitor = TcpStream::connect(address).unwrap();
    let name = format!("TCP listener {address}");
    is_found(listener.into(), READ, MEASURED)(Reason::UnacceptedConnection, &name);

    let path = std::env::temp_dir().join(format!("waitset-spin-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    let _visitor = UnixStream::connect(&path).unwrap();
    let name = format!("listener {}", path.display());
    is_found(listener.into(), READ, UNMEASURED)(Reason::UnacceptedConnection, &name);
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn connections_that_no_descriptor_is_left_for() {
    sys::alone(
        "sources::connections_that_no_descriptor_is_left_for",
        || {
            with_set(|mut set, told| {
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                listener.set_nonblocking(true).unwrap();
                let _visitor = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                let taker = listener.try_clone().unwrap();
                set.insert(listener.into(), READ, Mode::Level).unwrap();
                let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
                setrlimit(Resource::RLIMIT_NOFILE, 3, hard).unwrap();
                turn(&mut set, MEASURED, |_, _, _| {
                    let error = taker.accept().unwrap_err();
                    assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                });
                setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
                let found = told.expect_one();
                assert_eq!(found.reason, Reason::UnacceptedConnection, "{found}");
                assert!(found.to_string().contains("EMFILE"), "{found}");
            });
        },
    );
}

#[test]
fn a_hangup_that_is_not_handled() {
    // Each asks for another direction, and some tell of a hang-up unasked.
    let (near, far) = tcp_pair();
    drop(far);
    is_found(near.into(), READ, MEASURED)(Reason::UnhandledHangup, "TCP ");
    let (near, far) = unix_pair();
    drop(far);
    is_found(near.into(), WRITE, MEASURED)(Reason::UnhandledHangup, "Unix stream");
    let (near, far) = unix_pair();
    far.shutdown(Shutdown::Write).unwrap();
    is_found(near.into(), READ, MEASURED)(Reason::UnhandledHangup, "Unix stream");
    let (near, far) = pipe();
    drop(far);
    is_found(near, READ, MEASURED)(Reason::UnhandledHangup, "pipe");
}

#[test]
fn a_hangup_that_is_read_and_not_handled() {
    with_set(|mut set, told| {
        let (near, mut far) = tcp_pair();
        far.write_all(b"!").unwrap();
        drop(far);
        set.insert(near.into(), READ, Mode::Level).unwrap();
        turn(&mut set, MEASURED, |set, key, _| {
            read(set.get(key).unwrap(), 9); // 0 is not looked for
        });
        assert_eq!(told.expect_one().reason, Reason::UnhandledHangup);
    });
}

#[test]
fn an_error_that_is_not_taken() {
    let (near, far) = tcp_pair();
    SockRef::from(&far)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(far);
    is_found(near.into(), READ, MEASURED)(Reason::UnhandledError, "TCP ");
    let (near, far) = pipe();
    drop(near);
    is_found(far, WRITE, MEASURED)(Reason::UnhandledError, "pipe");
}

#[test]
fn a_oneshot_source_that_is_armed_again_and_not_read() {
    with_set(|mut set, told| {
        let (near, mut far) = unix_pair();
        far.write_all(b"!").unwrap();
        set.insert(near.into(), READ, Mode::Oneshot).unwrap();
        turn(&mut set, MEASURED, |set, key, _| {
            set.modify(key, READ, Mode::Oneshot).unwrap();
        });
        assert_eq!(told.expect_one().reason, Reason::UndrainedInput);
    });
}

#[test]
fn one_among_others_that_are_busy() {
    with_set(|mut set, told| {
        let (near, _far) = unix_pair();
        let culprit = set.insert(near.into(), WRITE, Mode::Level).unwrap();
        let mut peers = std::collections::HashMap::new();
        for _ in 0..20 {
            let (near, far) = unix_pair();
            write(&far.as_fd().try_clone_to_owned().unwrap(), 1);
            peers.insert(
                set.insert(near.into(), READ, Mode::Level).unwrap(),
                OwnedFd::from(far),
            );
        }
        let found = first_told(&told, || {
            turn(&mut set, 1, |set, key, _| {
                if key != culprit {
                    read(set.get(key).unwrap(), 1);
                    write(&peers[&key], 1);
                }
            });
        });
        let descriptor = set.get(culprit).unwrap().as_raw_fd();
        assert_eq!(found.reason, Reason::UnusedWriteInterest);
        let token = culprit.token();
        let name = "Unix stream".to_owned();
        let expected = Culprit::Source {
            descriptor,
            token,
            name,
        };
        assert_eq!(found.culprit, expected);
    });
}

#[test]
fn more_than_the_buffer_has_room_for() {
    on_every_mechanism(|reactor| {
        let (reactor, told) = watched(reactor);
        let mut set = waitset::WaitSet::with_batch(reactor, 16);
        let mut peers = Vec::new();
        for _ in 0..64 {
            let (near, far) = unix_pair();
            set.insert(near.into(), WRITE, Mode::Level).unwrap();
            peers.push(far);
        }
        let found = first_told(&told, || spin(&mut set, 1));
        assert_eq!(found.reason, Reason::UnusedWriteInterest, "{found}");
    });
}

#[test]
fn nothing_is_held_of_a_source_that_was_removed() {
    with_set(|mut set, told| {
        let (near, far) = unix_pair();
        let key = set.insert(near.into(), WRITE, Mode::Level).unwrap();
        spin(&mut set, MEASURED);
        told.expect_one();
        let near = set.remove(key).unwrap();
        let copy = near.try_clone().unwrap();
        drop(near);
        // Whoever gets the number is another.
        let (next, peer) = unix_pair();
        let peer = OwnedFd::from(peer);
        let key = set.insert(next.into(), READ, Mode::Level).unwrap();
        write(&peer, 1);
        turn(&mut set, MEASURED, |set, ready, _| {
            assert_eq!(ready, key);
            read(set.get(key).unwrap(), 9);
            write(&peer, 1);
        });
        told.expect_none();
        drop((copy, far));
    });
}
