//! Puts `proxy` before an echo that does not read until it is told, on every mechanism.

mod web_support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::thread;

use web_support::{LONGEST, on_every_mechanism};

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
    on_every_mechanism("proxy", &["--to", &to, "--stats"], |running| {
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
fn who_connects_where_nobody_listens_behind_it_sees_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap().to_string();
    drop(listener);
    on_every_mechanism("proxy", &["--to", &to], |running| {
        assert!(running.connect().is_closed());
        running.stop();
    });
}
