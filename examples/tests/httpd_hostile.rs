//! What `httpd` survives: each test ends with another client being served.

mod support;

use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use support::{Client, Server, on_every_mechanism, once};

use waitset_examples::web::scratch::Scratch;

fn serves_others(running: &Server) {
    assert_eq!(
        running.connect().get("/hello.txt").text(),
        "Hello, socket.\n"
    );
}

#[test]
fn what_smuggles_requests_is_refused_and_closed() {
    const BODY: &str = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let cases = [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: folded\r\n value\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: nul\0\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: y\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET /%00 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n",
    ];
    on_every_mechanism("httpd", &[], |running| {
        for case in cases {
            let mut client = running.connect();
            client.send(format!("{case}{BODY}"));
            assert_eq!(client.answer().status, 400, "{case:?}");
            assert!(client.is_closed(), "{case:?} left something open");
        }
        serves_others(&running);
    });
}

#[test]
fn nothing_outside_of_the_root_is_served() {
    let scratch = Scratch::new();
    scratch.write("secret.txt", b"secret");
    scratch.write("root/hello.txt", b"Hello, socket.\n");
    let root = scratch.path().join("root");
    symlink("../secret.txt", root.join("out")).unwrap();
    symlink("..", root.join("up")).unwrap();
    once("httpd", &["--root", root.to_str().unwrap()], |running| {
        let mut client = running.connect();
        for target in [
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/..%2fsecret.txt",
            "/%2e%2e%2fsecret.txt",
            "/out",
            "/up/secret.txt",
            "/up/",
            "//../secret.txt",
            "/x/../../secret.txt",
            "/..%5csecret.txt",
        ] {
            let answer = client.get(target);
            assert!(matches!(answer.status, 400 | 404), "{target}: {answer:?}");
            assert!(!answer.text().contains("secret"), "{target}");
        }
        assert_eq!(client.get("/hello.txt").status, 200);
    });
}

#[test]
fn heads_that_never_end_are_refused() {
    once("httpd", &[], |running| {
        let mut client = running.connect();
        client.send(format!("GET /{} HTTP/1.1\r\n", "a".repeat(9000)));
        assert_eq!(client.answer().status, 414);
        let mut client = running.connect();
        client.send(format!(
            "GET / HTTP/1.1\r\nHost: a\r\nX: {}",
            "x".repeat(17_000)
        ));
        assert_eq!(client.answer().status, 431);
        let mut client = running.connect();
        client.ask("GET", "/", &"X: y\r\n".repeat(100));
        assert_eq!(client.answer().status, 431);
        let mut client = running.connect();
        client.ask("POST", "/", "Content-Length: 18446744073709551615\r\n");
        assert_eq!(client.answer().status, 413);
        serves_others(&running);
    });
}

/// A byte now and then, for ever: the deadline is for the head, not for a byte.
#[test]
fn a_head_that_comes_too_slowly_is_timed_out() {
    on_every_mechanism("httpd", &["--head-ms", "400"], |running| {
        let start = Instant::now();
        let mut client = running.connect();
        let head = b"GET / HTTP/1.1\r\nHost: a\r\nX: "
            .iter()
            .chain(std::iter::repeat(&b'x'));
        client
            .stream
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        for byte in head {
            client.send([*byte]);
            let peeked = client.stream.peek(&mut [0]);
            match peeked {
                Ok(_) => break,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            assert!(start.elapsed() < support::LONGEST, "it is never timed out");
        }
        assert!(start.elapsed() >= Duration::from_millis(400));
        client
            .stream
            .set_read_timeout(Some(support::LONGEST))
            .unwrap();
        assert_eq!(client.answer().status, 408);
        assert!(client.is_closed());
        serves_others(&running);
    });
}

#[test]
fn who_says_nothing_is_closed_without_a_word() {
    on_every_mechanism(
        "httpd",
        &["--head-ms", "200", "--idle-ms", "300"],
        |running| {
            let mut silent = running.connect();
            let mut idle = running.connect();
            assert_eq!(idle.get("/hello.txt").status, 200);
            assert!(silent.is_closed());
            assert!(idle.is_closed());
            serves_others(&running);
        },
    );
}

#[test]
fn a_reader_that_never_reads_is_dropped() {
    let scratch = Scratch::new();
    scratch.write("big.bin", &vec![b'x'; 20_000_000]);
    scratch.write("hello.txt", b"Hello, socket.\n");
    let root = scratch.path().to_str().unwrap().to_owned();
    on_every_mechanism("httpd", &["--root", &root, "--send-ms", "500"], |running| {
        let before = running.descriptors();
        let mut clients: Vec<_> = (0..20).map(|_| running.connect()).collect();
        for client in &mut clients {
            client.ask("GET", "/big.bin", "");
        }
        serves_others(&running);
        let start = Instant::now();
        while running.descriptors() > before {
            assert!(start.elapsed() < support::LONGEST, "they are still there");
            serves_others(&running);
            std::thread::yield_now();
        }
        assert!(
            running.resident_kib() < 64 * 1024,
            "{} KiB",
            running.resident_kib()
        );
    });
}

#[test]
fn a_thousand_refusals_leave_no_descriptor_open() {
    once("httpd", &[], |running| {
        serves_others(&running);
        let before = running.descriptors();
        for _ in 0..1000 {
            let mut client = running.connect();
            client.send("GET / HTTP/9.9\r\n\r\n");
            assert!(client.answer().status >= 400);
        }
        let start = Instant::now();
        while running.descriptors() > before {
            assert!(
                start.elapsed() < support::LONGEST,
                "{}",
                running.descriptors()
            );
            serves_others(&running);
        }
    });
}

#[test]
fn connections_beyond_the_limit_wait_until_there_is_room() {
    on_every_mechanism("httpd", &["--max-connections", "4"], |running| {
        let mut held: Vec<_> = (0..4).map(|_| running.connect()).collect();
        for client in &mut held {
            assert_eq!(client.get("/hello.txt").status, 200);
        }
        let mut waiting = running.connect();
        waiting.ask("GET", "/hello.txt", "");
        assert_eq!(held[0].get("/hello.txt").status, 200);
        held.pop();
        assert_eq!(waiting.answer().status, 200);
    });
}

/// As many silent connections as this process may open, others served beside them.
#[test]
fn thousands_that_say_nothing_are_borne() {
    let (_, most) =
        nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).unwrap();
    let count = usize::try_from(most)
        .unwrap()
        .saturating_sub(500)
        .min(10_000);
    once("httpd", &["--head-ms", "60000"], |running| {
        let silent: Vec<Client> = (0..count).map(|_| running.connect()).collect();
        serves_others(&running);
        let kib = running.resident_kib();
        assert!(kib < 64 * 1024, "{kib} KiB for {count} silent connections");
        let before = running.cpu();
        serves_others(&running);
        assert!(running.cpu() - before < Duration::from_secs(1));
        drop(silent);
        serves_others(&running);
    });
}

/// The server's limit on descriptors is reached: it goes on, and recovers.
#[test]
fn running_out_of_descriptors_is_survived() {
    on_every_mechanism("httpd", &[], |running| {
        serves_others(&running);
        let room = u64::try_from(running.descriptors()).unwrap() + 8;
        limit_descriptors(&running, room);
        // More than fit; those beyond are closed at once or wait.
        let crowd: Vec<Client> = (0..30).map(|_| running.connect()).collect();
        let before = running.cpu();
        std::thread::sleep(Duration::from_millis(300));
        if !running_spins_by_design(&running) {
            let spent = running.cpu() - before;
            assert!(
                spent < Duration::from_millis(200),
                "it spins: {spent:?} of 300 ms"
            );
        }
        drop(crowd);
        let start = Instant::now();
        loop {
            let mut client = running.connect();
            client.ask("GET", "/hello.txt", "");
            client
                .stream
                .set_read_timeout(Some(Duration::from_secs(2)))
                .unwrap();
            if matches!(client.stream.peek(&mut [0]), Ok(1)) {
                assert_eq!(client.answer().status, 200);
                break;
            }
            assert!(start.elapsed() < support::LONGEST, "it does not recover");
        }
    });
}

fn running_spins_by_design(running: &Server) -> bool {
    let path = format!("/proc/{}/cmdline", running.id());
    let line = std::fs::read_to_string(path).unwrap();
    ["busy", "sweep"].iter().any(|name| line.contains(name))
}

fn limit_descriptors(running: &Server, most: u64) {
    let status = std::process::Command::new("prlimit")
        .args([
            "--pid",
            &running.id().to_string(),
            &format!("--nofile={most}:{most}"),
        ])
        .status();
    assert!(status.expect("util-linux has prlimit").success());
}
