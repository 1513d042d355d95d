//! What the tests of the examples have in common: an example in a process of its own.
#![allow(dead_code, reason = "each test uses some of it")]
#![allow(
    clippy::disallowed_macros,
    reason = "the harness captures what a test prints"
)]

mod bounded;
mod client;
mod server;
mod sys;
mod tab;

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use socket2::{Domain, Protocol, Socket, Type};
use waitset::Backend;

use bounded::Bounded;

#[allow(unused_imports, reason = "each test uses some of it")]
pub(crate) use client::{Answer, Client};
#[allow(unused_imports, reason = "each test uses some of it")]
pub(crate) use server::{Server, on_every_mechanism, on_one_by_one, once};
#[allow(unused_imports, reason = "each test uses some of it")]
#[cfg(target_os = "linux")]
pub(crate) use sys::Lease;
#[allow(unused_imports, reason = "each test uses some of it")]
pub(crate) use tab::Tab;

/// What takes longer hangs.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);

/// The program of an example: cargo builds them beside the directory of the tests. Signals
/// end it, whatever this process was started to ignore.
pub(crate) fn example(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let mut command = Command::new(PathBuf::from(profile).join("examples").join(name));
    command.env_remove(Backend::VARIABLE).stdin(Stdio::null());
    sys::handle_what_is_ignored();
    command
}

/// The mechanisms that can be had here.
pub(crate) fn mechanisms() -> impl Iterator<Item = Backend> {
    Backend::all().filter(|backend| {
        // In a thread of its own: a little after a ring of io_uring was closed, the kernel
        // interrupts a call of the thread that had it.
        let opened = thread::scope(|scope| scope.spawn(|| backend.open().map(drop)).join());
        match opened.unwrap() {
            Ok(()) => true,
            Err(error) => {
                eprintln!("skipped: {error}");
                false
            }
        }
    })
}

/// Whether this process may have a raw socket, or the example has another way; if not, the
/// example is to say what it lacks.
pub(crate) fn is_raw_allowed(name: &str) -> bool {
    if Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).is_ok() {
        return true;
    }
    let output = example(name).output().unwrap();
    if output.status.code() != Some(77) {
        return output.status.success();
    }
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("CAP_NET_RAW"), "{text}");
    eprintln!("skipped: {text}");
    false
}

/// A program at work, which ends with the test.
pub(crate) struct Running {
    child: Child,
    output: BufReader<Bounded<ChildStdout>>,
}

impl Running {
    /// Starts a program, whose lines are read here.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(Bounded(child.stdout.take().unwrap()));
        Self { child, output }
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        if let Err(error) = self.output.read_line(&mut line) {
            panic!("{error} after {line:?}");
        }
        line.trim_end().to_owned()
    }

    /// Its standard input, where that was made a pipe.
    pub(crate) fn input(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    /// Its standard error to its end, where that was made a pipe. It is read from now on:
    /// a busy one that tells what it does would stand still when the pipe is full.
    pub(crate) fn errors(&mut self) -> JoinHandle<String> {
        let mut errors = self.child.stderr.take().unwrap();
        thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).unwrap();
            text
        })
    }

    pub(crate) fn send(&self, signal: Signal) {
        let process = Pid::from_raw(i32::try_from(self.id()).unwrap());
        signal::kill(process, signal).unwrap();
    }

    /// What it prints up to its end, which is a good one.
    pub(crate) fn rest(mut self) -> String {
        let mut text = String::new();
        self.output.read_to_string(&mut text).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {text}");
        text
    }

    /// Its exit code and what it prints up to its end, to which it comes by itself.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut text = String::new();
        self.output.read_to_string(&mut text).unwrap();
        (self.child.wait().unwrap().code(), text)
    }

    /// Sends what Ctrl-C sends, and returns what it prints from there on.
    pub(crate) fn stop(self) -> String {
        self.send(Signal::SIGINT);
        self.rest()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it occupies, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let mut lines = status.lines();
        let line = lines.find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// How many descriptors it has open.
    pub(crate) fn descriptors(&self) -> usize {
        let path = format!("/proc/{}/fd", self.id());
        std::fs::read_dir(path).unwrap().count()
    }

    /// How long its first thread has run on a processor.
    pub(crate) fn cpu(&self) -> Duration {
        let text = std::fs::read_to_string(format!("/proc/{}/schedstat", self.id())).unwrap();
        Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
