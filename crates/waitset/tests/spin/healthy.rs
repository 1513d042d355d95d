//! Loops under load, with nothing wrong in them.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

use nix::sys::eventfd::{EfdFlags, EventFd};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use waitset::{Interest, Key, Mode};

use super::mechanisms::*;

/// Waits for one source whose peer does something each time.
fn is_left_alone(
    make: impl Fn() -> (OwnedFd, OwnedFd) + Sync,
    interest: Interest,
    answer: impl Fn(&OwnedFd, &OwnedFd) + Sync,
) {
    with_set(|mut set, told| {
        let (near, far) = make();
        set.insert(near, interest, Mode::Level).unwrap();
        turn(&mut set, 2 * MEASURED, |set, key, _| {
            answer(set.get(key).unwrap(), &far);
        });
        told.expect_none();
    });
}

fn tcp() -> (OwnedFd, OwnedFd) {
    let (near, far) = tcp_pair();
    (near.into(), far.into())
}

fn unix() -> (OwnedFd, OwnedFd) {
    let (near, far) = unix_pair();
    (near.into(), far.into())
}

/// With two bytes to read, so that as many are there before a read and after the next write.
fn fed(make: impl Fn() -> (OwnedFd, OwnedFd)) -> impl Fn() -> (OwnedFd, OwnedFd) {
    move || {
        let (near, far) = make();
        write(&far, 2);
        (near, far)
    }
}

#[test]
fn as_many_bytes_come_as_are_read() {
    let pass = |near: &OwnedFd, far: &OwnedFd| {
        assert_eq!((read(near, 1), write(far, 1)), (1, 1));
    };
    is_left_alone(fed(tcp), READ, pass);
    is_left_alone(fed(unix), READ, pass);
    is_left_alone(fed(pipe), READ, pass);
}

#[test]
fn every_byte_that_is_written_is_read_at_once() {
    let pass = |near: &OwnedFd, far: &OwnedFd| {
        assert_eq!((write(near, 1), read(far, 1)), (1, 1));
    };
    is_left_alone(tcp, WRITE, pass);
    is_left_alone(unix, WRITE, pass);
    let to_write = || {
        let (near, far) = pipe();
        (far, near)
    };
    is_left_alone(to_write, WRITE, pass);
}

#[test]
fn datagrams_that_are_written_and_read_at_once() {
    let pass = |near: &OwnedFd, far: &OwnedFd| {
        assert_eq!((write(near, 1), read(far, 1)), (1, 1));
    };
    let udp = || {
        let near = UdpSocket::bind("127.0.0.1:0").unwrap();
        let far = UdpSocket::bind("127.0.0.1:0").unwrap();
        near.connect(far.local_addr().unwrap()).unwrap();
        (near.into(), far.into())
    };
    is_left_alone(udp, WRITE, pass);
    let unix = || {
        let (near, far) = UnixDatagram::pair().unwrap();
        (near.into(), far.into())
    };
    is_left_alone(unix, WRITE, pass);
}

#[test]
fn a_queue_of_datagrams_that_are_read_one_by_one() {
    with_set(|mut set, told| {
        let near = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = near.local_addr().unwrap();
        let far = UdpSocket::bind("127.0.0.1:0").unwrap();
        SockRef::from(&near).set_recv_buffer_size(212_992).unwrap();
        set.insert(near.into(), READ, Mode::Level).unwrap();
        // In so many waits without an arrival there is room for a streak.
        for _ in 0..24 {
            for _ in 0..250 {
                far.send_to(b"!", address).unwrap();
            }
            turn(&mut set, 250, |set, key, _| {
                assert_eq!(read(set.get(key).unwrap(), 9), 1);
            });
        }
        told.expect_none();
    });
}

#[test]
fn an_eventfd_that_is_counted_down() {
    with_set(|mut set, told| {
        let flags = EfdFlags::EFD_SEMAPHORE | EfdFlags::EFD_NONBLOCK;
        let waits = 2 * MEASURED;
        let count = u32::try_from(waits).unwrap() + 1;
        let semaphore = EventFd::from_value_and_flags(count, flags).unwrap();
        set.insert(semaphore.into(), READ, Mode::Level).unwrap();
        turn(&mut set, waits, |set, key, _| {
            assert_eq!(read(set.get(key).unwrap(), 8), 8);
        });
        told.expect_none();
    });
}

#[test]
fn a_backlog_that_is_accepted_one_by_one() {
    with_set(|mut set, told| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let taker = listener.try_clone().unwrap();
        set.insert(listener.into(), READ, Mode::Level).unwrap();
        let mut visitors: Vec<_> = (0..3)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        // Four wait before each accept, and three after it.
        turn(&mut set, MEASURED, |_, _, _| {
            visitors.remove(0);
            visitors.push(TcpStream::connect(address).unwrap());
            taker.accept().unwrap();
        });
        told.expect_none();
    });
}

#[test]
fn a_unix_backlog_that_is_accepted_one_by_one() {
    with_set(|mut set, told| {
        let thread = std::thread::current().id();
        let name = format!("waitset-spin-{}-{thread:?}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_file(&path);
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        socket.bind(&SockAddr::unix(&path).unwrap()).unwrap();
        socket.listen(512).unwrap();
        let listener = UnixListener::from(socket);
        let taker = listener.try_clone().unwrap();
        set.insert(listener.into(), READ, Mode::Level).unwrap();
        for _ in 0..24 {
            let visitors: Vec<_> = (0..250)
                .map(|_| UnixStream::connect(&path).unwrap())
                .collect();
            turn(&mut set, 250, |_, _, _| {
                taker.accept().unwrap();
            });
            drop(visitors);
        }
        told.expect_none();
        std::fs::remove_file(&path).unwrap();
    });
}

#[test]
fn an_echo_server_with_thousands_of_messages() {
    with_set(|mut set, told| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let mut clients = HashMap::new();
        for _ in 0..3 {
            let client = OwnedFd::from(TcpStream::connect(address).unwrap());
            write(&client, 10);
            let (stream, _) = listener.accept().unwrap();
            stream.set_nonblocking(true).unwrap();
            clients.insert(
                set.insert(stream.into(), READ, Mode::Level).unwrap(),
                client,
            );
        }
        turn(&mut set, MEASURED, |set, key, _| {
            let stream = set.get(key).unwrap();
            let count = read(stream, 64);
            assert_eq!(write(stream, count), count);
            let client = &clients[&key];
            assert_eq!(read(client, count), count);
            write(client, 10);
        });
        told.expect_none();
    });
}

#[test]
fn a_writer_with_back_pressure() {
    /// Writes until it must not, and goes on when there is room.
    fn stream(make: impl Fn() -> (OwnedFd, OwnedFd) + Sync) {
        with_set(|mut set, told| {
            let (near, far) = make();
            let reader = std::thread::spawn(move || {
                let mut sum = 0;
                loop {
                    match read(&far, 8_192) {
                        0 => return sum,
                        count => sum += count,
                    }
                }
            });
            let key = set.insert(near, WRITE, Mode::Level).unwrap();
            let mut sum = 0;
            turn(&mut set, 2 * MEASURED, |set, key: Key, _| {
                sum += write(set.get(key).unwrap(), 4_096);
            });
            drop(set.remove(key));
            assert_eq!(reader.join().unwrap(), sum);
            told.expect_none();
        });
    }
    stream(tcp);
    stream(unix);
}

#[test]
fn sources_that_come_and_go() {
    with_set(|mut set, told| {
        for _ in 0..MEASURED {
            let (near, far) = unix();
            write(&far, 1);
            let key = set.insert(near, READ | WRITE, Mode::Level).unwrap();
            turn(&mut set, 1, |set, key, _| {
                assert_eq!(read(set.get(key).unwrap(), 9), 1);
            });
            set.remove(key);
        }
        told.expect_none();
    });
}
