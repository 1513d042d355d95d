//! Drives `echo`, with the loop and with threads, on every mechanism.

mod support;

use std::io::Write;
use std::process::Stdio;

use support::{Server, example, on_every_mechanism};

/// More than the buffers of both ends and of the kernel hold.
fn text() -> Vec<u8> {
    (0..3_000_000_u32)
        .map(|n| (n * 7 + n / 251) as u8)
        .collect()
}

/// Says `text` while it reads, as it must when it is more than the buffers hold.
fn is_echoed(running: &Server, text: &[u8]) {
    let mut client = running.connect();
    let mut writer = client.stream.try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            writer.write_all(text).unwrap();
            writer.shutdown(std::net::Shutdown::Write).unwrap();
        });
        assert!(client.take(text.len()) == text, "not what was sent");
        assert!(client.is_closed());
    });
}

#[test]
fn what_is_sent_comes_back_to_each_and_the_end_too() {
    let text = text();
    for flags in [&["--stats"][..], &["--stats", "--threads"]] {
        on_every_mechanism("echo", flags, |running| {
            let (mut first, mut second) = (running.connect(), running.connect());
            first.send("one");
            second.send("two");
            assert_eq!(second.take(3), b"two");
            assert_eq!(first.take(3), b"one");
            is_echoed(&running, &text);
            let said = running.stop();
            assert!(said.contains("served 3 connections"), "{said}");
            assert!(said.contains("wait_calls"), "{said}");
        });
    }
}

#[test]
fn the_client_prints_what_comes_back() {
    on_every_mechanism("echo", &[], |running| {
        let mut client = example("echo")
            .args(["--connect", &running.address.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        client.stdin.take().unwrap().write_all(b"hello\n").unwrap();
        let output = client.wait_with_output().unwrap();
        assert!(output.status.success());
        assert_eq!(output.stdout, b"hello\n");
    });
}
