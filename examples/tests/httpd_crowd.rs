//! What peers of `httpd` may take of it: time, memory, descriptors. Each test ends with
//! another client being served.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use support::{Client, LONGEST, Server, on_every_mechanism, on_one_by_one, once};
use waitset_examples::web::scratch::Scratch;

fn serves_others(running: &Server) {
    assert_eq!(
        running.connect().get("/hello.txt").text(),
        "Hello, socket.\n"
    );
}

/// As [`serves_others`], where who takes too long is cut off, as this process may be when
/// others have the processors: it tries again.
fn serves_the_quick(running: &Server) {
    let since = Instant::now();
    while !is_served(&mut running.connect()) {
        assert!(since.elapsed() < LONGEST, "nobody is served in time");
    }
}

fn is_served(Client { stream, .. }: &mut Client) -> bool {
    let mut begin = *b"HTTP/1.1 ...";
    let sent = stream.write_all(b"GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    sent.and_then(|()| stream.read_exact(&mut begin)).is_ok() && begin == *b"HTTP/1.1 200"
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
            assert!(start.elapsed() < LONGEST, "it is never timed out");
        }
        assert!(start.elapsed() >= Duration::from_millis(400));
        client.stream.set_read_timeout(Some(LONGEST)).unwrap();
        assert_eq!(client.answer().status, 408);
        assert!(client.is_closed());
        serves_the_quick(&running);
    });
}

#[test]
fn who_says_nothing_is_closed_without_a_word() {
    on_every_mechanism("httpd", &["--head-ms", "200"], |running| {
        let mut silent = running.connect();
        assert!(silent.is_closed());
        serves_the_quick(&running);
    });
}

#[test]
fn who_asks_no_more_is_closed_without_a_word() {
    on_every_mechanism("httpd", &["--idle-ms", "200"], |running| {
        let mut idle = running.connect();
        assert_eq!(idle.get("/hello.txt").status, 200);
        assert!(idle.is_closed());
        serves_others(&running);
    });
}

#[test]
fn a_reader_that_never_reads_is_dropped() {
    let scratch = Scratch::new();
    scratch.write("big.bin", &vec![b'x'; 20_000_000]);
    scratch.write("hello.txt", b"Hello, socket.\n");
    let root = scratch.path().to_str().unwrap().to_owned();
    on_every_mechanism("httpd", &["--root", &root, "--send-ms", "500"], |running| {
        let before = running.descriptors();
        let mut clients: Vec<_> = (0..20)
            .map(|_| running.connect_with_little_room())
            .collect();
        for client in &mut clients {
            client.ask("GET", "/big.bin", "");
        }
        serves_others(&running);
        let start = Instant::now();
        while running.descriptors() > before {
            assert!(start.elapsed() < LONGEST, "they are still there");
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

/// Others are served beside so many silent connections.
fn bears(running: &Server, count: usize) {
    let silent: Vec<Client> = (0..count).map(|_| running.connect()).collect();
    serves_others(running);
    let kib = running.resident_kib();
    assert!(kib < 64 * 1024, "{kib} KiB for {count} silent connections");
    let before = running.cpu();
    serves_others(running);
    if !spins_by_design(running) {
        assert!(running.cpu() - before < Duration::from_secs(1));
    }
    drop(silent);
    serves_others(running);
}

#[test]
fn hundreds_that_say_nothing_are_borne() {
    let flags = ["--head-ms", "600000"];
    on_every_mechanism("httpd", &flags, |running| bears(&running, 400));
}

/// As many as this process may open, up to 10,000.
#[test]
fn thousands_that_say_nothing_are_borne() {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap(); // which the server inherits
    let room = usize::try_from(most).unwrap_or(usize::MAX);
    let count = room.saturating_sub(500).min(10_000);
    let flags = ["--head-ms", "600000"];
    once("httpd", &flags, |running| bears(&running, count));
}

/// The server's limit on descriptors is reached: it goes on, and recovers.
#[test]
fn running_out_of_descriptors_is_survived() {
    on_one_by_one("httpd", &[], |running| {
        serves_others(&running);
        let room = u64::try_from(running.descriptors()).unwrap() + 8;
        limit_descriptors(&running, room);
        // More than fit; those beyond are closed at once or wait.
        let crowd: Vec<Client> = (0..30).map(|_| running.connect()).collect();
        let before = running.cpu();
        std::thread::sleep(Duration::from_millis(300));
        if !spins_by_design(&running) {
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
            assert!(start.elapsed() < LONGEST, "it does not recover");
        }
    });
}

fn spins_by_design(running: &Server) -> bool {
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
