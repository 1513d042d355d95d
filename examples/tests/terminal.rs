//! Drives the small examples through the lines that they print, on every mechanism.
#![allow(
    clippy::disallowed_macros,
    reason = "the harness captures what a test prints"
)]

mod support;

use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::process::Stdio;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::Signal;
use nix::unistd::pipe2;
use support::{LONGEST, Running, example, is_raw_allowed, mechanisms};
use waitset::Backend;
use waitset_examples::web::scratch::Scratch;

/// Runs a test on each mechanism that can be had here.
fn on_each(name: &str, flags: &[&str], input: impl Fn() -> Stdio, test: impl Fn(Running)) {
    for backend in mechanisms() {
        test(start(name, backend, flags, input()));
    }
}

fn start(name: &str, backend: Backend, flags: &[&str], input: Stdio) -> Running {
    eprintln!("{name} on {backend}");
    let mut command = example(name);
    command
        .args(["--stats", "--backend", backend.name()])
        .args(flags)
        .stdin(input);
    Running::start(&mut command)
}

/// The address in a line that says where an example listens.
fn address(line: &str) -> SocketAddr {
    let rest = line.strip_prefix("listening on ").unwrap();
    rest.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn stdin_numbers_the_lines_of_a_file_and_of_a_pipe() {
    let scratch = Scratch::new();
    scratch.write("lines", "first\nsecond\n\nlast".as_bytes());
    let expected = "   1  first\n   2  second\n   3  \n   4  last\n4 lines, 18 bytes\n";
    let file = || File::open(scratch.path().join("lines")).unwrap().into();
    let check = |text: &str| {
        // Without the line of the statistics.
        let lines = text.lines().filter(|line| !line.starts_with("Stats"));
        let lines: Vec<_> = lines.collect();
        assert_eq!(lines, expected.lines().collect::<Vec<_>>(), "{text}");
        assert!(text.contains("Stats"), "{text}");
    };
    on_each("stdin", &[], file, |running| check(&running.rest()));
    on_each("stdin", &[], Stdio::piped, |mut running| {
        let mut input = running.input();
        input.write_all(b"first\nsec").unwrap();
        assert_eq!(running.line(), "   1  first");
        input.write_all(b"ond\n\nlast").unwrap();
        drop(input);
        check(&format!("   1  first\n{}", running.rest()));
    });
}

#[test]
fn stdin_fails_if_its_input_cannot_be_read() {
    for backend in mechanisms() {
        let mut command = example("stdin");
        command.args(["--backend", backend.name()]);
        let output = command.stdin(File::open("/").unwrap()).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{backend}: {errors}");
        let expected = "standard input: Is a directory (os error 21)\n";
        assert_eq!(errors, expected, "{backend}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn stdin_never_blocks_in_a_read_and_leaves_the_pipe_that_it_shares_as_it_was() {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
    let shared = reader.try_clone().unwrap();
    let mut running = start("stdin", Backend::default(), &[], reader.into());
    nix::unistd::write(&writer, b"hello\n").unwrap();
    assert_eq!(running.line(), "   1  hello");
    let flags = OFlag::from_bits_retain(fcntl(&shared, FcntlArg::F_GETFL).unwrap());
    assert!(!flags.contains(OFlag::O_NONBLOCK), "{flags:?}");
    // It has another one, for this pipe, which does not block.
    let pipe = std::fs::read_link(format!("/proc/self/fd/{}", shared.as_raw_fd())).unwrap();
    let own = std::fs::read_dir(format!("/proc/{}/fd", running.id())).unwrap();
    let nonblocking = own.map(|file| file.unwrap().path()).filter(|path| {
        let info = path.to_str().unwrap().replace("/fd/", "/fdinfo/");
        let info = std::fs::read_to_string(info).unwrap();
        let mut fields = info.lines().filter_map(|line| line.strip_prefix("flags:"));
        let flags = i32::from_str_radix(fields.next().unwrap().trim(), 8).unwrap();
        let is_pipe = std::fs::read_link(path).is_ok_and(|link| link == pipe);
        is_pipe && OFlag::from_bits_retain(flags).contains(OFlag::O_NONBLOCK)
    });
    assert_eq!(nonblocking.count(), 1);
    drop(writer);
    running.rest();
}

#[test]
fn timers_tick_in_order_and_never_early_and_then_the_watchdog_bites() {
    let flags = ["--period-ms", "2", "--ticks", "4"];
    on_each("timers", &flags, Stdio::null, |running| {
        let text = running.rest();
        let numbers = |line: &str| -> Vec<f64> {
            let words = line.split([' ', ',']);
            words.filter_map(|word| word.parse().ok()).collect()
        };
        let ticks: Vec<_> = text.lines().filter(|line| line.contains("tick ")).collect();
        let mut counted = 0.0;
        for line in ticks.iter().filter(|line| line.contains("due at")) {
            let [at, number, due, missed] = numbers(line)[..] else {
                panic!("{line}")
            };
            assert!(at >= due, "{line}");
            counted += 1.0 + missed;
            assert!((number - counted).abs() < 0.5, "{text}");
        }
        assert!(counted >= 4.0, "{text}");
        let bite = text.lines().find(|line| line.contains("bites")).unwrap();
        assert!(numbers(bite)[0] >= numbers(bite)[2], "{bite}");
        assert!(text.ends_with(" ticks\n"), "{text}");
    });
}

#[test]
fn signals_are_told_with_their_sender_and_counted() {
    on_each("signals", &[], Stdio::null, |mut running| {
        assert!(running.line().starts_with("process "));
        let own = std::process::id();
        for (signal, name) in [
            (Signal::SIGUSR1, "SIGUSR1"),
            (Signal::SIGHUP, "SIGHUP"),
            (Signal::SIGUSR1, "SIGUSR1"),
        ] {
            running.send(signal);
            assert_eq!(running.line(), format!("{name} of process {own}"));
        }
        let text = running.stop();
        assert!(text.contains("SIGHUP: 1\n"), "{text}");
        assert!(text.contains("SIGUSR1: 2\n"), "{text}");
    });
}

#[test]
fn ports_tells_which_descriptor_is_which_connection() {
    let flags = ["--addr", "127.0.0.1:0", "--count", "3"];
    on_each("ports", &flags, Stdio::null, |mut running| {
        let addresses: Vec<_> = (0..3).map(|_| address(&running.line())).collect();
        assert!(running.line().starts_with("port 80"));
        for address in addresses {
            let client = TcpStream::connect(address).unwrap();
            let line = running.line();
            let own = client.local_addr().unwrap();
            assert!(
                line.ends_with(&format!(" is {address} with {own}")),
                "{line}"
            );
            drop(client);
            let free = running.line();
            assert!(free.ends_with(&format!("{own} has gone")), "{free}");
            assert_eq!(line.split(' ').nth(1), free.split(' ').nth(1));
        }
        assert!(running.stop().ends_with("3 connections\n"));
    });
}

#[test]
fn datagrams_keep_their_boundaries_and_are_cut_and_a_burst_is_lost() {
    let flags = ["--addr", "127.0.0.1:0", "--burst", "5000"];
    on_each("udp", &flags, Stdio::null, |mut running| {
        let address = address(&running.line());
        let burst = running.line();
        let numbers = burst.split([' ', ',']).filter_map(|word| word.parse().ok());
        let [sent, arrived, lost, _] = numbers.collect::<Vec<u32>>()[..] else {
            panic!("{burst}")
        };
        assert!(
            sent == 5000 && arrived > 0 && arrived + lost == sent,
            "{burst}"
        );
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(LONGEST)).unwrap();
        for length in [0, 1, 999, 1001] {
            client.send_to(&vec![0; length], address).unwrap();
        }
        for answer in ["0 bytes", "1 bytes", "999 bytes", "1000 bytes"] {
            let mut buffer = [0; 64];
            let length = client.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], answer.as_bytes());
        }
        assert!(running.stop().ends_with("answered 4 datagrams\n"));
    });
}

#[test]
fn ping_is_answered_each_time_it_asks() {
    if !is_raw_allowed("ping") {
        return;
    }
    let flags = ["--count", "3", "--interval-ms", "10"];
    on_each("ping", &flags, Stdio::null, |mut running| {
        assert!(running.line().starts_with("pinging 127.0.0.1 by a "));
        let text = running.rest();
        for number in 0..3 {
            assert!(text.contains(&format!("echo {number} after ")), "{text}");
        }
        assert!(text.ends_with("3 sent, 3 answered\n"), "{text}");
    });
}

#[test]
fn sniff_shows_the_headers_of_a_datagram_and_of_a_connection() {
    if !is_raw_allowed("sniff") {
        return;
    }
    for backend in mechanisms() {
        // The same number for both protocols, whose ports are different things. Another one
        // each time: an old connection's end may come late.
        let (socket, listener) = loop {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            if let Ok(listener) = TcpListener::bind(socket.local_addr().unwrap()) {
                break (socket, listener);
            }
        };
        let own = socket.local_addr().unwrap();
        let flags = ["--port", &own.port().to_string()];
        let mut running = start("sniff", backend, &flags, Stdio::null());
        assert!(running.line().starts_with("sniffing at 127.0.0.1 backend="));
        socket.send_to(b"hello", own).unwrap();
        let line = running.line();
        let expected = format!("UDP {own} > {own}  20 of IP + 8 of UDP + 5 bytes");
        assert_eq!(line, expected);
        let client = TcpStream::connect(own).unwrap();
        let _server = listener.accept().unwrap();
        let peer = client.local_addr().unwrap();
        let there = format!("TCP {peer} > {own} ");
        let back = format!("TCP {own} > {peer} ");
        for (begin, end) in [(&there, " SYN"), (&back, " SYN ACK"), (&there, " ACK")] {
            let line = running.line();
            assert!(
                line.starts_with(begin) && line.ends_with(&format!(" 0 bytes{end}")),
                "{line}"
            );
        }
        assert!(running.stop().contains(" packets\n"));
    }
}
