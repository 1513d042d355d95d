//! Drives `echo`, with the loop and with threads, on every mechanism.

mod support;

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, ChildStdin, Stdio};
use std::time::Duration;

use socket2::SockRef;
use support::{Server, example, on_every_mechanism, once};

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

/// The client with a standard input that stays open.
fn client(address: SocketAddr) -> (Child, ChildStdin) {
    let mut command = example("echo");
    command.args(["--connect", &address.to_string()]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let input = child.stdin.take().unwrap();
    (child, input)
}

#[test]
fn the_client_ends_with_the_server_though_its_input_is_open() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    for (is_answered, code) in [(true, 0), (false, 1)] {
        let (child, mut input) = client(address);
        let (mut server, _) = listener.accept().unwrap();
        input.write_all(b"hello\n").unwrap();
        server.read_exact(&mut [0; 6]).unwrap();
        if is_answered {
            server.write_all(b"hello\n").unwrap();
        }
        drop(server);
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{errors}");
        match is_answered {
            true => assert_eq!(
                (output.stdout.as_slice(), errors.as_str()),
                (&b"hello\n"[..], "")
            ),
            false => assert!(
                errors.ends_with(" before it sent 6 bytes back\n"),
                "{errors}"
            ),
        }
    }
}

#[test]
fn the_client_fails_if_its_connection_is_reset_or_its_input_cannot_be_read() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (child, _input) = client(address);
    let (server, _) = listener.accept().unwrap();
    SockRef::from(&server)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(server);
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("reset"), "{errors}");

    once("echo", &[], |running| {
        let mut command = example("echo");
        command.args(["--connect", &running.address.to_string()]);
        let output = command.stdin(File::open("/").unwrap()).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains("Is a directory"), "{errors}");
    });
}
