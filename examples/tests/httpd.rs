//! Drives `httpd` as clients do, on every mechanism.

mod support;

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use support::{Answer, Server, example, mechanisms, on_every_mechanism, once};
use waitset::Backend;

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

/// On a file system that has such times: tmpfs, and not ext4.
#[test]
#[cfg(target_os = "linux")]
fn a_file_from_the_year_10000_is_served_and_so_is_the_next() {
    let scratch = Scratch::within(Path::new("/dev/shm"));
    scratch.write("a.txt", b"0123456789");
    scratch.write("b.txt", b"b");
    let file = std::fs::File::options()
        .write(true)
        .open(scratch.path().join("a.txt"))
        .unwrap();
    let year_10000 = UNIX_EPOCH + Duration::from_secs(253_402_300_800);
    file.set_modified(year_10000).unwrap();
    if file.metadata().unwrap().modified().unwrap() != year_10000 {
        return waitset_conformance::not_checked("/dev/shm has no year 10000");
    }
    let root = scratch.path().to_str().unwrap();
    on_every_mechanism("httpd", &["--root", root], |running| {
        let answer = running.connect().get("/a.txt");
        assert_eq!((answer.status, answer.text()), (200, "0123456789"));
        assert_eq!(running.connect().get("/b.txt").text(), "b");
    });
}

#[test]
fn a_date_is_no_proof_of_a_state_that_is_younger_than_a_second() {
    let scratch = planted();
    let flags = ["--root", scratch.path().to_str().unwrap()];
    once("httpd", &flags, |running| {
        let mut client = running.connect();
        // In the future, so that it is young however slow this is.
        let mut options = std::fs::File::options();
        let file = options
            .write(true)
            .open(scratch.path().join("a.txt"))
            .unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(3600))
            .unwrap();
        let since = client.get("/a.txt");
        let range = |answer: &Answer| {
            let date = answer.field("last-modified").unwrap();
            format!("If-Range: {date}\r\nRange: bytes=0-0\r\n")
        };
        assert_eq!(since.field("last-modified"), since.field("date"));
        client.ask("GET", "/a.txt", &range(&since));
        assert_eq!(client.answer().status, 200);
        file.set_modified(UNIX_EPOCH).unwrap();
        let since = client.get("/a.txt");
        client.ask("GET", "/a.txt", &range(&since));
        assert_eq!(client.answer().status, 206);
    });
}

#[test]
fn every_line_of_a_condition_counts_and_what_cannot_be_used_fits_nothing() {
    on_each(|_, running| {
        let mut client = running.connect();
        let modified = client.get("/a.txt");
        let date = modified.field("last-modified").unwrap();
        for (fields, status) in [
            (
                &*format!(
                    "If-None-Match: \"x\"\r\nIf-None-Match: \"y\"\r\nIf-Modified-Since: {date}\r\n"
                ),
                200,
            ),
            ("If-Match: \"x\"\r\nIf-Match: \"y\"\r\n", 412),
            (
                "If-Range: \"x\"\r\nIf-Range: \"y\"\r\nRange: bytes=0-0\r\n",
                200,
            ),
        ] {
            client.ask("GET", "/a.txt", fields);
            assert_eq!(client.answer().status, status, "{fields}");
        }
        client.send(b"GET /a.txt HTTP/1.1\r\nHost: a\r\nIf-Match: \"caf\xe9\"\r\n\r\n");
        assert_eq!(client.answer().status, 412);
    });
}

#[test]
fn a_body_that_was_announced_with_an_expectation_is_the_last_thing_that_is_read() {
    on_each(|_, running| {
        let mut client = running.connect();
        let expect = "Expect: 100-continue\r\n".repeat(2);
        client.ask("POST", "/a.txt", &format!("{expect}Content-Length: 5\r\n"));
        client.ask("GET", "/a.txt", "");
        assert_eq!(client.answer().field("connection"), Some("close"));
        assert!(client.is_closed());
    });
}

#[test]
fn the_target_ends_where_its_authority_ends() {
    on_each(|_, running| {
        let mut client = running.connect();
        assert!(client.get("http://a?x=/a.txt").text().contains("big.bin"));
        assert_eq!(client.get("http://a/a.txt?http://b/").text(), "0123456789");
        for target in [
            "http://a#/a.txt",
            "http:///a.txt",
            "http://b@a/a.txt",
            "http://:80/a.txt",
        ] {
            assert_eq!(client.get(target).status, 400, "{target}");
        }
    });
}

#[test]
fn a_redirect_to_a_directory_keeps_the_query() {
    on_each(|_, running| {
        let answer = running.connect().get("/page?x=1");
        assert_eq!(
            (answer.status, answer.field("location")),
            (301, Some("/page/?x=1"))
        );
    });
}

#[test]
fn any_range_of_an_empty_file_is_all_of_it() {
    on_each(|_, running| {
        let mut client = running.connect();
        for range in ["bytes=0-", "bytes=-5"] {
            client.ask("GET", "/empty", &format!("Range: {range}\r\n"));
            assert_eq!(client.answer().status, 200, "{range}");
        }
    });
}

#[test]
fn close_outweighs_keep_alive_and_a_later_version_is_1_1() {
    on_each(|_, running| {
        let mut client = running.connect();
        client.send("GET /a.txt HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n");
        assert_eq!(client.answer().field("connection"), Some("close"));
        assert!(client.is_closed());
        let mut client = running.connect();
        for _ in 0..2 {
            client.send("GET /a.txt HTTP/1.2\r\nHost: a\r\n\r\n");
            assert_eq!(client.answer().status, 200);
        }
        for (method, target) in [("OPTIONS", "*"), ("CONNECT", "a:80"), ("POST", "/../x")] {
            client.ask(method, target, "");
            assert_eq!(
                client.answer().field("allow"),
                Some("GET, HEAD"),
                "{method}"
            );
        }
        client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        assert_eq!(client.answer().status, 505);
        assert!(client.is_closed());
    });
}

#[test]
fn a_directory_of_1500_names_shows_the_first_1000_and_says_so() {
    on_each(|scratch, running| {
        for number in 0..1500 {
            scratch.write(&format!("many/{number:04}"), b"");
        }
        let answer = running.connect().get("/many/");
        let page = answer.text();
        assert!(page.contains("The first 1000 of 1500 names"), "{page:.500}");
        assert!(page.contains("0999") && !page.contains("\"./1000\""));
    });
}

#[test]
fn an_index_that_cannot_be_read_is_not_replaced_by_a_list() {
    let scratch = planted();
    scratch.write("closed/index.html", b"secret");
    scratch.write("closed/secret", b"");
    let set = |name, mode| {
        let path = scratch.path().join(name);
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    };
    set("closed/index.html", 0);
    // It can be gone through and not be read.
    set("page", 0o711);
    let mut command = unprivileged("httpd", &scratch);
    command.arg("--root").arg(scratch.path());
    let running = Server::spawn(command, Backend::default(), &[]);
    let mut client = running.connect();
    let answer = client.get("/closed/");
    assert!(matches!(answer.status, 403 | 404), "{answer:?}");
    assert!(!answer.text().contains("secret"));
    assert_eq!(client.get("/page/").text(), "<p>index");
    assert_eq!(client.get("/page?x").field("location"), Some("/page/?x"));
    set("page/index.html", 0);
    assert!(matches!(client.get("/page/").status, 403 | 404));
    std::fs::remove_file(scratch.path().join("page/index.html")).unwrap();
    assert!(matches!(client.get("/page/").status, 403 | 404));
}

/// An example under a user who may not read everything; root may. A copy of it, since the
/// directory of the build may be closed to that user.
fn unprivileged(name: &str, scratch: &Scratch) -> Command {
    let command = example(name);
    if !nix::unistd::geteuid().is_root() {
        return command;
    }
    let copy = scratch.path().join("program");
    // By a process of its own. What another test starts meanwhile inherits every descriptor
    // for a moment, and a file that is open for writing cannot be executed (`ETXTBSY`).
    let copied = Command::new("cp")
        .arg(command.get_program())
        .arg(&copy)
        .status();
    assert!(copied.unwrap().success());
    let mut command = Command::new(copy);
    command.uid(65_534).gid(65_534);
    command
}

#[test]
#[cfg(target_os = "linux")]
fn a_sandbox_without_openat2_serves_the_same() {
    use waitset_conformance::refusing;

    let scratch = planted();
    let target = scratch.path().join("a.txt");
    symlink(&target, scratch.path().join("absolute")).unwrap();
    symlink("/etc/passwd", scratch.path().join("outside")).unwrap();
    let flags = ["--root", scratch.path().to_str().unwrap()];
    let serves = |running: Server| {
        let mut client = running.connect();
        assert_eq!(client.get("/a.txt").text(), "0123456789");
        assert_eq!(client.get("/absolute").text(), "0123456789");
        assert_eq!(client.get("/page/").text(), "<p>index");
        assert!(client.get("/list/").text().contains("b.png"));
        assert_eq!(client.get("/outside").status, 404);
        assert_eq!(client.get("/missing").status, 404);
    };
    once("httpd", &flags, serves);
    for errno in [libc::EPERM, libc::ENOSYS] {
        refusing(&[libc::SYS_openat2], errno, || {
            once("httpd", &flags, serves)
        })
        .unwrap();
    }
}

/// Until the lease is given back the file cannot be opened, which is no absence.
#[test]
#[cfg(target_os = "linux")]
fn a_file_under_a_lease_is_unavailable_and_holds_nobody_up() {
    use waitset_conformance::refusing;

    let scratch = planted();
    let flags = ["--root", scratch.path().to_str().unwrap()];
    let serves = |running: Server| {
        let mut client = running.connect();
        let lease = support::Lease::take(&scratch.path().join("a.txt")).unwrap();
        assert_eq!(client.get("/a.txt").status, 503);
        assert_eq!(client.get("/page/").status, 200);
        drop(lease);
        assert_eq!(client.get("/a.txt").text(), "0123456789");
    };
    once("httpd", &flags, serves);
    refusing(&[libc::SYS_openat2], libc::EPERM, || {
        once("httpd", &flags, serves)
    })
    .unwrap();
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
        let mut first = running.connect();
        assert_eq!(first.get("/hello.txt").status, 200);
        // Dropping it would not do: what another test starts meanwhile inherits it for a moment.
        first.finish();
        assert!(first.is_closed());
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
