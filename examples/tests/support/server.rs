//! An example that listens, at a port of its own.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::process::Command;
use std::thread;

use waitset::Backend;

use super::{Client, Running, example, mechanisms};

/// A server that ends with the test.
pub(crate) struct Server {
    running: Running,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts an example with these flags.
    pub(crate) fn start(name: &str, reactor: Backend, flags: &[&str]) -> Self {
        Self::spawn(example(name), reactor, flags)
    }

    /// As [`start`](Self::start), by a command of its own.
    pub(crate) fn spawn(mut command: Command, reactor: Backend, flags: &[&str]) -> Self {
        command
            .args(["--addr", "127.0.0.1:0", "--backend", reactor.name()])
            .args(flags);
        let mut running = Running::start(&mut command);
        let line = running.line();
        let (address, name) = listening(&line);
        assert_eq!(name, reactor.name(), "{line}");
        Self { running, address }
    }

    /// As [`Running::stop`].
    pub(crate) fn stop(self) -> String {
        self.running.stop()
    }

    /// A connection of its own.
    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// As [`Client::connect_with_little_room`].
    pub(crate) fn connect_with_little_room(&self) -> Client {
        Client::connect_with_little_room(self.address)
    }
}

/// What a first line tells: where the example listens, and on which mechanism.
fn listening(line: &str) -> (SocketAddr, &str) {
    let told = line.strip_prefix("listening on ");
    let told = told.and_then(|rest| rest.split_once(" backend="));
    let (address, name) = told.unwrap_or_else(|| panic!("{line:?}"));
    (address.parse().unwrap(), name)
}

impl Deref for Server {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut Running {
        &mut self.running
    }
}

/// Runs a test on each mechanism that can be had here, on all of them at once: they wait for
/// most of the time.
pub(crate) fn on_every_mechanism(name: &str, flags: &[&str], test: impl Fn(Server) + Sync) {
    let test = |backend| test(Server::start(name, backend, flags));
    thread::scope(|scope| {
        for backend in mechanisms() {
            let test = &test;
            // A test that fails tells the name of its thread.
            let thread = thread::Builder::new().name(format!("{name} on {backend}"));
            thread.spawn_scoped(scope, move || test(backend)).unwrap();
        }
    });
}

/// As [`on_every_mechanism`], on one after the other: for a test of which there can be only
/// one at a time.
pub(crate) fn on_one_by_one(name: &str, flags: &[&str], test: impl Fn(Server)) {
    for backend in mechanisms() {
        eprintln!("{name} on {backend}");
        test(Server::start(name, backend, flags));
    }
}

/// Runs a test on the default mechanism.
pub(crate) fn once(name: &str, flags: &[&str], test: impl FnOnce(Server)) {
    test(Server::start(name, Backend::default(), flags));
}
