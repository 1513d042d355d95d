//! What the tests of the web servers need: a server in a process of its own, and a client
//! that sends what it is told to, however wrong.
#![allow(dead_code, reason = "each test uses some of it")]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use waitset::Backend;

/// What takes longer hangs.
pub(crate) const LONGEST: Duration = Duration::from_secs(30);

/// A server that ends with the test.
pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
    output: BufReader<std::process::ChildStdout>,
}

/// Cargo builds examples beside the directory of the tests.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    profile.join("examples").join(name)
}

impl Running {
    /// Starts an example on a port of its own; `None` if it has no such mechanism here.
    pub(crate) fn start(name: &str, reactor: Backend, flags: &[&str]) -> Option<Self> {
        Self::spawn(Command::new(example(name)), reactor, flags)
    }

    /// As [`start`](Self::start), by a command of its own.
    pub(crate) fn spawn(mut command: Command, reactor: Backend, flags: &[&str]) -> Option<Self> {
        command
            .args(["--addr", "127.0.0.1:0", "--reactor", reactor.name()])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let Some(rest) = line.strip_prefix("listening on ") else {
            let status = child.wait().unwrap();
            assert_eq!(status.code(), Some(77), "{command:?} said {line:?}");
            eprintln!("{reactor}: skipped");
            return None;
        };
        let (address, name) = rest.trim_end().split_once(" reactor=").unwrap();
        assert!(name.contains(reactor.name()), "{line}");
        Some(Self {
            child,
            address: address.parse().unwrap(),
            output,
        })
    }

    /// A connection of its own.
    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Sends what Ctrl-C sends, and returns what the server has printed since its first
    /// line.
    pub(crate) fn stop(mut self) -> String {
        let process = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGINT).unwrap();
        let mut text = String::new();
        self.output.read_to_string(&mut text).unwrap();
        assert!(self.child.wait().unwrap().success(), "{text}");
        text
    }

    /// What the server occupies, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// How many descriptors the server has open.
    pub(crate) fn descriptors(&self) -> usize {
        let path = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(path).unwrap().count()
    }

    /// How long the server has run on a processor.
    pub(crate) fn cpu(&self) -> Duration {
        let path = format!("/proc/{}/schedstat", self.child.id());
        let text = std::fs::read_to_string(path).unwrap();
        Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a test on each mechanism that this machine has.
pub(crate) fn on_every_mechanism(name: &str, flags: &[&str], test: impl Fn(Running)) {
    for backend in Backend::all() {
        eprintln!("on {backend}");
        if let Some(running) = Running::start(name, backend, flags) {
            test(running);
        }
    }
}

/// Runs a test on the default mechanism.
pub(crate) fn once(name: &str, flags: &[&str], test: impl FnOnce(Running)) {
    test(Running::start(name, Backend::default(), flags).unwrap());
}

/// One end of a connection, and what was read of it and not used.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    input: Vec<u8>,
}

/// An answer, taken apart.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        let found = fields.find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LONGEST)).unwrap();
        stream.set_write_timeout(Some(LONGEST)).unwrap();
        Self {
            stream,
            input: Vec::new(),
        }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends a request with these further fields.
    pub(crate) fn ask(&mut self, method: &str, target: &str, fields: &str) {
        self.send(format!(
            "{method} {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"
        ));
    }

    pub(crate) fn get(&mut self, target: &str) -> Answer {
        self.ask("GET", target, "");
        self.answer()
    }

    fn fill(&mut self) -> bool {
        let mut buffer = [0; 65536];
        let count = self.stream.read(&mut buffer).unwrap();
        self.input.extend_from_slice(&buffer[..count]);
        count > 0
    }

    /// The next answer, to a request that is not HEAD.
    pub(crate) fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        let length = answer
            .field("content-length")
            .map_or(0, |text| text.parse().unwrap());
        answer.body = self.take(length);
        answer
    }

    /// The head of the next answer.
    pub(crate) fn head(&mut self) -> Answer {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 32];
            let mut response = httparse::Response::new(&mut headers);
            if let httparse::Status::Complete(length) = response.parse(&self.input).unwrap() {
                let fields = response.headers.iter().map(|field| {
                    let value = std::str::from_utf8(field.value).unwrap();
                    (field.name.to_owned(), value.to_owned())
                });
                let answer = Answer {
                    status: response.code.unwrap(),
                    fields: fields.collect(),
                    body: Vec::new(),
                };
                self.input.drain(..length);
                return answer;
            }
            let so_far = String::from_utf8_lossy(&self.input).into_owned();
            assert!(self.fill(), "closed in the middle of an answer: {so_far:?}");
        }
    }

    /// The next `length` bytes.
    pub(crate) fn take(&mut self, length: usize) -> Vec<u8> {
        while self.input.len() < length {
            assert!(self.fill(), "closed in the middle of a body");
        }
        self.input.drain(..length).collect()
    }

    /// Whether the server closes without another byte. A reset counts.
    pub(crate) fn is_closed(&mut self) -> bool {
        assert_eq!(self.input, b"", "unexpected bytes");
        match self.stream.read(&mut [0; 1024]) {
            Ok(count) => count == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }

    pub(crate) fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }
}
