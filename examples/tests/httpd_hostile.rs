//! What `httpd` refuses: each test ends with another client being served.

mod support;

use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::time::Instant;

use support::{Server, example, on_every_mechanism, once};
use waitset::Backend;

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
fn what_a_peer_asks_for_reaches_the_terminal_escaped() {
    let mut command = example("httpd");
    command.arg("--explain").stderr(Stdio::piped());
    let mut running = Server::spawn(command, Backend::default(), &[]);
    let errors = running.errors();
    let hostile = "/\u{9b}2J\u{202e}txt.\u{2028}\\";
    assert_eq!(running.connect().get(hostile).status, 404);
    running.stop();
    let told = errors.join().unwrap();
    assert!(
        told.contains(r"GET /\u{9b}2J\u{202e}txt.\u{2028}\\ on"),
        "{told}"
    );
    let is_obeyed = |character: char| character != '\n' && character.is_control();
    assert!(!told.contains(is_obeyed), "{told:?}");
    assert!(!told.contains('\u{202e}'), "{told:?}");
}
