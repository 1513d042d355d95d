//! Puts `proxy` before an echo that does not read until it is told, on every mechanism.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use support::{LONGEST, on_one_by_one};

fn bytes(seed: usize) -> Vec<u8> {
    (0..1_500_000)
        .map(|index| (index * 7 + index / 251 + seed) as u8)
        .collect()
}

#[test]
fn both_directions_pass_every_byte_and_end_each_for_itself() {
    let (there, back) = (bytes(1), bytes(2));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap().to_string();
    on_one_by_one("proxy", &["--to", &to, "--stats"], |running| {
        for _ in 0..3 {
            let mut client = running.connect();
            let (mut server, _) = listener.accept().unwrap();
            server.set_read_timeout(Some(LONGEST)).unwrap();
            thread::scope(|scope| {
                let mut writer = client.stream.try_clone().unwrap();
                let there = &there;
                scope.spawn(move || {
                    writer.write_all(there).unwrap();
                    writer.shutdown(Shutdown::Write).unwrap();
                });
                // The client has ended, and only then is it answered.
                let mut got = Vec::new();
                server.read_to_end(&mut got).unwrap();
                assert!(got == *there, "{} bytes, not what was sent", got.len());
                let back = &back;
                scope.spawn(move || {
                    server.write_all(back).unwrap();
                    drop(server);
                });
                assert!(client.take(back.len()) == *back, "not what was answered");
                assert!(client.is_closed());
            });
        }
        let said = running.stop();
        assert!(said.contains("passed 3 connections on"), "{said}");
    });
}

#[test]
fn who_connects_where_nobody_listens_behind_it_is_reset() {
    // Bound and not listening: nobody else is given the port meanwhile.
    let deaf = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    deaf.bind(&any.into()).unwrap();
    let to = deaf.local_addr().unwrap().as_socket().unwrap().to_string();
    on_one_by_one("proxy", &["--to", &to], |running| {
        let answer = running.connect().stream.read(&mut [0; 1]);
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::ConnectionReset);
        running.stop();
    });
}

/// Resets, as a process does that is killed with something unread.
fn reset(stream: TcpStream) {
    SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
}

#[test]
fn a_reset_on_one_side_is_a_reset_on_the_other_and_no_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap().to_string();
    on_one_by_one("proxy", &["--to", &to], |running| {
        for is_client in [true, false] {
            let client = running.connect().stream;
            let (server, _) = listener.accept().unwrap();
            server.set_read_timeout(Some(LONGEST)).unwrap();
            let (mut breaks, mut sees) = match is_client {
                true => (client, server),
                false => (server, client),
            };
            breaks.write_all(b"half of a message").unwrap();
            sees.read_exact(&mut [0; 17]).unwrap();
            reset(breaks);
            let answer = sees.read(&mut [0; 1]).map_err(|error| error.kind());
            assert_eq!(answer, Err(ErrorKind::ConnectionReset));
        }
        running.stop();
    });
}
