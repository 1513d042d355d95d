//! Drives `httpd` as clients do, on every mechanism.

mod support;

use std::process::Stdio;
use std::sync::OnceLock;

use support::{Server, example, mechanisms, on_every_mechanism, once};

use waitset_examples::web::scratch::Scratch;

const BIG: usize = 3_000_000;

fn big() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        (0..BIG)
            .map(|index| (index * 7 + index / 251) as u8)
            .collect()
    })
}

/// Serves a scratch directory.
fn on_each(test: impl Fn(&Scratch, &Server) + Sync) {
    let scratch = planted();
    let root = scratch.path().to_str().unwrap().to_owned();
    on_every_mechanism("httpd", &["--root", &root], |running| {
        test(&scratch, &running)
    });
}

fn planted() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("a.txt", b"0123456789");
    scratch.write("big.bin", big());
    scratch.write("page/index.html", b"<p>index");
    scratch.write("list/b.png", b"");
    scratch.write("empty", b"");
    scratch
}

#[test]
fn one_connection_serves_requests_one_after_the_other() {
    on_each(|_, running| {
        let mut client = running.connect();
        for _ in 0..3 {
            let answer = client.get("/a.txt");
            assert_eq!((answer.status, answer.text()), (200, "0123456789"));
            assert_eq!(
                answer.field("content-type"),
                Some("text/plain; charset=utf-8")
            );
            assert_eq!(answer.field("connection"), None);
        }
        assert_eq!(client.get("/page/").text(), "<p>index");
        assert_eq!(client.get("/empty").body, b"");
        assert_eq!(client.get("/missing").status, 404);
        assert_eq!(client.get("/page").field("location"), Some("/page/"));
        assert!(client.get("/list/").text().contains("b.png"));
    });
}

#[test]
fn requests_that_were_sent_at_once_are_answered_in_order() {
    on_each(|_, running| {
        let mut client = running.connect();
        let count = 300;
        for number in 0..count {
            let target = if number % 3 == 0 {
                "/big.bin"
            } else {
                "/a.txt"
            };
            let range = format!("Range: bytes={}-\r\n", number % 10);
            let range = if number % 3 == 0 {
                "Range: bytes=0-9999\r\n"
            } else {
                &range
            };
            client.ask("GET", target, range);
        }
        for number in 0..count {
            let answer = client.answer();
            let expected = match number % 3 {
                0 => big()[..10_000].to_vec(),
                _ => b"0123456789"[number % 10..].to_vec(),
            };
            assert_eq!((answer.status, answer.body), (206, expected), "{number}");
        }
    });
}

#[test]
fn a_request_that_comes_byte_by_byte_is_answered() {
    on_each(|_, running| {
        let mut client = running.connect();
        for byte in b"GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n" {
            client.send([*byte]);
        }
        assert_eq!(client.answer().text(), "0123456789");
    });
}

#[test]
fn a_large_file_comes_whole_to_a_peer_that_is_slow_to_begin() {
    on_each(|_, running| {
        let mut client = running.connect();
        client.ask("GET", "/big.bin", "");
        // Until its buffers are full, others are served.
        for _ in 0..20 {
            assert_eq!(running.connect().get("/a.txt").status, 200);
        }
        assert!(client.answer().body == big(), "it has come to harm");
    });
}

#[test]
fn ranges_heads_and_conditions_are_answered() {
    on_each(|_, running| {
        let mut client = running.connect();
        client.ask("GET", "/big.bin", "Range: bytes=-5\r\n");
        let answer = client.answer();
        assert_eq!((answer.status, &*answer.body), (206, &big()[BIG - 5..]));
        let range = format!("bytes {}-{}/{BIG}", BIG - 5, BIG - 1);
        assert_eq!(answer.field("content-range"), Some(&*range));
        client.ask("GET", "/a.txt", "Range: bytes=10-\r\n");
        assert_eq!(client.answer().status, 416);
        client.ask("GET", "/a.txt", "Range: bytes=0-1,3-4\r\n");
        assert_eq!(client.answer().status, 200);
        client.ask("HEAD", "/big.bin", "");
        let head = client.head();
        assert_eq!(head.field("content-length"), Some(&*BIG.to_string()));
        let known = format!("If-None-Match: {}\r\n", head.field("etag").unwrap());
        client.ask("GET", "/big.bin", &known);
        let answer = client.answer();
        assert_eq!((answer.status, answer.field("content-length")), (304, None));
        let modified = format!(
            "If-Modified-Since: {}\r\n",
            head.field("last-modified").unwrap()
        );
        client.ask("GET", "/big.bin", &modified);
        assert_eq!(client.answer().status, 304);
        assert_eq!(client.get("/a.txt").status, 200);
    });
}

#[test]
fn an_old_client_is_answered_and_closed() {
    on_each(|_, running| {
        let mut client = running.connect();
        client.send("GET /a.txt HTTP/1.0\r\n\r\n");
        assert_eq!(client.answer().field("connection"), Some("close"));
        assert!(client.is_closed());
    });
}

#[test]
fn a_client_that_has_closed_its_half_is_answered() {
    on_each(|_, running| {
        let mut client = running.connect();
        client.ask("GET", "/big.bin", "");
        client.ask("GET", "/a.txt", "");
        client.finish();
        assert!(client.answer().body == big());
        assert_eq!(client.answer().text(), "0123456789");
        assert!(client.is_closed());
    });
}

#[test]
fn a_body_is_thrown_away_and_the_connection_goes_on() {
    on_each(|_, running| {
        let mut client = running.connect();
        client.ask("POST", "/a.txt", "Content-Length: 50000\r\n");
        client.send(vec![b'x'; 50_000]);
        let answer = client.answer();
        assert_eq!(
            (answer.status, answer.field("allow")),
            (405, Some("GET, HEAD"))
        );
        assert_eq!(client.get("/a.txt").status, 200);
    });
}

#[test]
fn several_loops_share_a_port() {
    let scratch = planted();
    let root = scratch.path().to_str().unwrap();
    let flags = ["--root", root, "--loops", "3", "--stats"];
    once("httpd", &flags, |running| {
        for _ in 0..60 {
            assert_eq!(running.connect().get("/a.txt").text(), "0123456789");
        }
        let lines = running.stop();
        let accepted = lines
            .lines()
            .filter_map(|line| line.strip_prefix("accepted "));
        let counts: Vec<u64> = accepted
            .map(|rest| rest.split_whitespace().next().unwrap().parse().unwrap())
            .collect();
        assert_eq!((counts.len(), counts.iter().sum()), (3, 60), "{lines}");
        assert!(
            counts.iter().filter(|count| **count > 0).count() > 1,
            "{lines}"
        );
    });
}

#[test]
fn the_page_that_comes_with_it_has_its_picture() {
    once("httpd", &[], |running| {
        let mut client = running.connect();
        assert!(client.get("/").text().contains("picture.svg"));
        let picture = client.get("/picture.svg");
        assert_eq!(picture.field("content-type"), Some("image/svg+xml"));
    });
}

#[test]
fn what_happens_while_a_page_loads_is_narrated() {
    for backend in mechanisms() {
        let mut command = example("httpd");
        command.arg("--explain").stderr(Stdio::piped());
        let mut running = Server::spawn(command, backend, &[]);
        let errors = running.errors();
        assert_eq!(running.connect().get("/hello.txt").status, 200);
        // It has seen the end of the first before it serves the second.
        assert_eq!(running.connect().get("/missing").status, 404);
        running.stop();
        let told = errors.join().unwrap();
        let mut lines = told.lines();
        for begin in [
            "accept     connection 1 from 127.0.0.1:",
            "recv       ",
            "answer     GET /hello.txt on connection 1: 200 OK",
            "send       ",
            "close      connection 1: the peer has closed it",
        ] {
            let is_there = lines.any(|line| line.starts_with(begin));
            assert!(is_there, "{backend}, {begin:?}: {told:.4000}");
        }
        let answer = "answer     GET /missing on connection 2: 404 Not Found";
        assert!(told.contains(answer), "{told:.4000}");
    }
}
