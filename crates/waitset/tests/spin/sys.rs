//! What is unsafe to call, and a child process of its own.
#![allow(unsafe_code, reason = "registration")]

use std::env;
use std::io;
use std::process::Command;
use std::time::Duration;

use waitset::{
    BorrowedSource, Capabilities, Events, Interest, Mode, Reactor, ReactorWaker, Stats, Token,
};

use super::mechanisms::AnyReactor;

/// Set in the child.
const CHILD: &str = "WAITSET_SPIN_ALONE";

/// Runs `body`, the whole of the test of this name, in a child process: it changes what a
/// whole process shares.
pub(crate) fn alone(test: &str, body: impl FnOnce()) {
    if env::var_os(CHILD).is_some() {
        return body();
    }
    let output = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, "yes")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{}\n{text}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A reactor that cuts timeouts to whole milliseconds.
pub(crate) struct Cutter(pub(crate) AnyReactor);

impl Reactor for Cutter {
    unsafe fn register(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { self.0.register(source, token, interest, mode) }
    }

    fn modify(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        self.0.modify(source, token, interest, mode)
    }

    fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()> {
        self.0.deregister(source)
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        let cut = timeout.map(|timeout| Duration::from_millis(timeout.as_millis() as u64));
        self.0.wait(events, cut)
    }

    fn waker(&self) -> ReactorWaker {
        self.0.waker()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn stats(&self) -> Stats {
        self.0.stats()
    }

    fn name(&self) -> &'static str {
        self.0.name()
    }
}
