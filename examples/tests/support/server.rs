//! An example that listens, at a port of its own.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::process::Command;

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
            .args(["--addr", "127.0.0.1:0", "--reactor", reactor.name()])
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
}

/// What a first line tells: where the example listens, and on which mechanism.
fn listening(line: &str) -> (SocketAddr, &str) {
    let told = line.strip_prefix("listening on ");
    let told = told.and_then(|rest| rest.split_once(" reactor="));
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

/// Runs a test on each mechanism that can be had here.
pub(crate) fn on_every_mechanism(name: &str, flags: &[&str], test: impl Fn(Server)) {
    for backend in mechanisms() {
        eprintln!("{name} on {backend}");
        test(Server::start(name, backend, flags));
    }
}

/// Runs a test on the default mechanism.
pub(crate) fn once(name: &str, flags: &[&str], test: impl FnOnce(Server)) {
    test(Server::start(name, Backend::default(), flags));
}
