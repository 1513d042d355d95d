//! What becomes of an example whose lines nobody reads, or whose output cannot be written.
#![cfg(target_os = "linux")]

mod support;

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{self, Signal};
use nix::unistd::{Pid, pipe2};
use support::{LONGEST, example, is_raw_allowed};
use waitset_examples::web::scratch::Scratch;

/// A program that ends with the test.
struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Guarded {
    fn stop(mut self) -> ExitStatus {
        signal::kill(Pid::from_raw(self.0.id() as i32), Signal::SIGINT).unwrap();
        self.0.wait().unwrap()
    }
}

/// A reader and a writer. Other tests' programs do not inherit them.
fn pipe() -> (File, File) {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
    (reader.into(), writer.into())
}

fn gone() -> Stdio {
    let (reader, writer) = pipe();
    drop(reader);
    writer.into()
}

fn full() -> Stdio {
    OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap()
        .into()
}

/// Starts a server, and stops reading what it prints after its first line; nobody reads its
/// standard error. Returns the address in that line.
fn unread(name: &str, flags: &[&str]) -> (Guarded, String) {
    let (reader, writer) = pipe();
    let mut command = example(name);
    command.args(flags).args(["--stats", "--explain"]);
    let child = command.stdout(writer).stderr(gone()).spawn().unwrap();
    drop(command); // it holds the write end, too
    let server = Guarded(child);
    let mut line = String::new();
    BufReader::new(bounded(reader))
        .read_line(&mut line)
        .unwrap();
    let address = line.strip_prefix("listening on ").expect(&line);
    let (address, _) = address.split_once(' ').unwrap();
    (server, address.to_owned())
}

/// Without a line for longer than the test may take, the program hangs.
fn bounded(reader: File) -> impl Read {
    let timeout = PollTimeout::try_from(LONGEST.as_millis()).unwrap();
    let has_line = is_ready(reader.as_fd(), PollFlags::POLLIN, timeout);
    assert!(has_line, "no line");
    reader
}

fn is_ready(descriptor: BorrowedFd<'_>, asked: PollFlags, timeout: PollTimeout) -> bool {
    poll(&mut [PollFd::new(descriptor, asked)], timeout).unwrap() > 0
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONGEST)).unwrap();
    stream
}

fn reads(stream: &mut impl Read, text: &str) {
    let mut buffer = vec![0; text.len()];
    stream.read_exact(&mut buffer).unwrap();
    assert_eq!(String::from_utf8_lossy(&buffer), text);
}

const ANY: [&str; 2] = ["--addr", "127.0.0.1:0"];

#[test]
fn echo_serves_on_if_nobody_reads_what_it_prints() {
    for flags in [&[][..], &["--threads"]] {
        let (server, address) = unread("echo", &[&ANY, flags].concat());
        for _ in 0..3 {
            let mut client = connect(&address);
            client.write_all(b"hello").unwrap();
            reads(&mut client, "hello");
        }
        assert!(server.stop().success());
    }
}

#[test]
fn chat_serves_on_if_nobody_reads_what_it_prints() {
    let (server, address) = unread("chat", &ANY);
    let mut client = connect(&address);
    client.write_all(b"anna\n").unwrap();
    reads(&mut client, "anna joins\n");
    assert!(server.stop().success());
}

#[test]
fn ports_serves_on_if_nobody_reads_what_it_prints() {
    let (server, address) = unread("ports", &ANY);
    for _ in 0..3 {
        let mut client = connect(&address);
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
    }
    assert!(server.stop().success());
}

#[test]
fn proxy_serves_on_if_nobody_reads_that_its_upstream_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap().to_string();
    drop(listener);
    let (server, address) = unread("proxy", &[&ANY[..], &["--to", &to]].concat());
    for _ in 0..3 {
        // The upstream refuses, which the proxy reports; the client is reset.
        assert!(connect(&address).read(&mut [0; 1]).is_err());
    }
    let upstream = TcpListener::bind(&to).unwrap();
    let mut client = connect(&address);
    client.write_all(b"hello").unwrap();
    let (mut accepted, _) = upstream.accept().unwrap();
    reads(&mut accepted, "hello");
    assert!(server.stop().success());
}

#[test]
fn udp_serves_on_if_nobody_reads_what_it_prints() {
    let (server, address) = unread("udp", &ANY);
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_read_timeout(Some(LONGEST)).unwrap();
    client.send_to(b"hello", &address).unwrap();
    let mut buffer = [0; 64];
    let length = client.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"5 bytes");
    assert!(server.stop().success());
}

#[test]
fn the_web_servers_serve_on_if_nobody_reads_what_they_print() {
    for name in ["httpd", "ws_chat", "dashboard"] {
        let (server, address) = unread(name, &ANY);
        for _ in 0..3 {
            let mut client = connect(&address);
            client
                .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                .unwrap();
            reads(&mut client, "HTTP/1.1 200 ");
        }
        assert!(server.stop().success(), "{name}");
    }
}

#[test]
fn unix_serves_on_whether_its_lines_are_unread_or_the_disk_is_full() {
    let scratch = Scratch::new();
    let path = scratch.path().join("socket");
    let path = path.to_str().unwrap();
    let flags = ["--addr", path];
    let echoes = |server: Guarded| {
        for _ in 0..3 {
            let mut client = UnixStream::connect(path).unwrap();
            client.set_read_timeout(Some(LONGEST)).unwrap();
            client.write_all(b"hello").unwrap();
            reads(&mut client, "hello");
        }
        assert!(server.stop().success());
    };
    echoes(unread("unix", &flags).0);
    let mut command = example("unix");
    command.args(flags).stdout(full()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    errors.read_line(&mut line).unwrap(); // which it writes when it listens
    let server = Guarded(child);
    assert!(
        line.starts_with("cannot write to the standard output: No space left"),
        "{line}"
    );
    echoes(server);
    line.clear();
    errors.read_to_string(&mut line).unwrap();
    assert_eq!(line, "", "told once");
}

#[test]
fn the_first_example_serves_on_though_nobody_reads_its_addresses() {
    let mut command = example("first");
    let child = command.stdout(gone()).stderr(gone()).spawn().unwrap();
    let server = Guarded(child);
    let address = (0..).find_map(|_| own_udp_port(server.0.id())).unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_read_timeout(Some(LONGEST)).unwrap();
    client.send_to(b"hello", address).unwrap();
    let mut buffer = [0; 64];
    assert_eq!(client.recv(&mut buffer).unwrap(), 5);
}

/// A UDP socket of a process on the loopback, as soon as it has one.
fn own_udp_port(process: u32) -> Option<SocketAddr> {
    let files = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let links = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    let inodes: Vec<_> = links
        .filter_map(|link| {
            let text = link.to_str()?.strip_prefix("socket:[")?;
            Some(text.strip_suffix(']')?.to_owned())
        })
        .collect();
    let table = std::fs::read_to_string("/proc/net/udp").unwrap();
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let port = fields[1].split(':').nth(1)?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let is_own = inodes.iter().any(|inode| inode == fields[9]);
        is_own.then(|| SocketAddr::from(([127, 0, 0, 1], port)))
    })
}

/// The filters, each with what makes it print something.
fn filters() -> impl Iterator<Item = Command> {
    let filter = |name: &str, flags: &[&str]| {
        let mut command = example(name);
        command.args(flags);
        command
    };
    let raw = ["ping", "sniff"].into_iter();
    raw.filter(|name| is_raw_allowed(name))
        .map(move |name| filter(name, &[]))
        .chain([
            filter("stdin", &[]),
            filter("timers", &["--period-ms", "1"]),
            filter("signals", &[]),
            filter("waiting", &["--seconds", "0.05"]),
        ])
}

#[test]
fn a_filter_ends_quietly_with_its_reader() {
    for mut command in filters() {
        let input = lines();
        let output = command.stdin(input).stdout(gone()).output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", output.status);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(errors, "", "{command:?}");
    }
}

#[test]
fn a_filter_that_cannot_write_says_so_and_fails() {
    for mut command in filters() {
        let output = command.stdin(lines()).stdout(full()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(
            errors.starts_with("cannot write to the standard output: No space left"),
            "{errors}"
        );
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
}

/// More lines than a pipe holds, from somebody who does not mind that they are not read.
fn lines() -> Stdio {
    let (reader, mut writer) = pipe();
    std::thread::spawn(move || {
        let line = [b'x'; 4095];
        while writer
            .write_all(&line)
            .and_then(|()| writer.write_all(b"\n"))
            .is_ok()
        {}
    });
    reader.into()
}

#[test]
fn the_client_of_echo_ends_quietly_with_its_reader() {
    let (server, address) = unread("echo", &ANY);
    let mut command = example("echo");
    command.args(["--connect", &address]).stdin(lines());
    let output = command.stdout(gone()).output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert!(server.stop().success());
}

/// A terminal: the end that shows, and the end that a program prints to.
fn terminal() -> (File, File) {
    use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};
    let shows = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    unlockpt(&shows).unwrap();
    let name = ptsname(&shows, Vec::new()).unwrap();
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK);
    (shows.into(), options.open(name.to_str().unwrap()).unwrap())
}

/// What a peer could send to a terminal that obeys it.
const ORDERS: &str = "a\u{1b}[2J\tb\u{202e}c\u{9b}31m\n";
const SHOWN: &str = "a\\u{1b}[2J\tb\\u{202e}c\\u{9b}31m";

/// What a program prints to a terminal that is non-blocking, in lines.
fn on_terminal(command: &mut Command, count: usize) -> Vec<String> {
    let (shows, prints) = terminal();
    let mut running = Guarded(command.stdout(prints).spawn().unwrap());
    command.stdout(Stdio::null()); // it holds the other end, too
    let lines = BufReader::new(shows).lines().map(Result::unwrap);
    let lines = lines
        .take(count)
        .map(|line| line.trim_end().to_owned())
        .collect();
    assert!(running.0.wait().unwrap().success());
    lines
}

#[test]
fn what_a_peer_sends_is_escaped_for_a_terminal_and_passed_on_to_a_pipe() {
    let scratch = Scratch::new();
    scratch.write("orders", ORDERS.repeat(500).as_bytes());
    let input = || File::open(scratch.path().join("orders")).unwrap();
    let lines = on_terminal(example("stdin").stdin(input()), 501);
    for (number, line) in lines[..500].iter().enumerate() {
        assert_eq!(*line, format!("{:>4}  {SHOWN}", number + 1));
    }
    let output = example("stdin").stdin(input()).output().unwrap();
    assert!(
        output
            .stdout
            .starts_with(format!("   1  {ORDERS}").as_bytes())
    );

    let (server, address) = unread("echo", &ANY);
    let client = || {
        let mut command = example("echo");
        command.args(["--connect", &address]).stdin(input());
        command
    };
    assert_eq!(on_terminal(&mut client(), 500), vec![SHOWN; 500]);
    assert_eq!(
        client().output().unwrap().stdout,
        ORDERS.repeat(500).as_bytes()
    );
    assert!(server.stop().success());
}

#[test]
fn a_reader_that_does_not_read_does_not_keep_sigterm_from_a_filter() {
    let (_reader, writer) = pipe();
    let probe = writer.try_clone().unwrap();
    let mut command = example("stdin");
    let child = command.stdin(lines()).stdout(writer).spawn().unwrap();
    let mut filter = Guarded(child);
    while is_ready(probe.as_fd(), PollFlags::POLLOUT, PollTimeout::ZERO) {
        std::thread::yield_now();
    }
    // The pipe is full. A signal that came before the filter blocked ends its loop, and the
    // next one the line that says how many there were.
    let start = Instant::now();
    while filter.0.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < LONGEST, "SIGTERM does not end it");
        let _ = signal::kill(Pid::from_raw(filter.0.id() as i32), Signal::SIGTERM);
        std::thread::yield_now();
    }
}

#[test]
fn a_filter_waits_for_room_in_a_pipe_that_is_non_blocking() {
    let (reader, writer) = pipe();
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let scratch = Scratch::new();
    let text = "some line of text\n".repeat(20_000); // more than the pipe holds
    scratch.write("lines", text.as_bytes());
    let mut command = example("stdin");
    let input = File::open(scratch.path().join("lines")).unwrap();
    let child = command.stdin(input).stdout(writer).spawn().unwrap();
    drop(command); // it holds the write end, too
    let mut filter = Guarded(child);
    let lines = BufReader::new(reader).lines().map(Result::unwrap);
    let numbered = lines.filter(|line| line.ends_with("  some line of text"));
    assert_eq!(numbered.count(), 20_000);
    assert!(filter.0.wait().unwrap().success());
}
