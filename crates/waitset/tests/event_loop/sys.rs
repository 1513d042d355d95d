//! What is unsafe to call: registration, and what runs between fork and exec.
#![allow(
    unsafe_code,
    reason = "registration, and what runs between fork and exec"
)]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use waitset::{
    BorrowedSource, Capabilities, Event, Events, Interest, Mode, Reactor, Stats, Token, Waker,
};
use waitset_core::Readiness;

/// Blocks `SIGTERM` and `SIGUSR1` in the first thread of a command, and so in all: what a
/// program does before it has threads.
pub(crate) fn block_in_every_thread(command: &mut Command) {
    let block = || {
        let mut set = SigSet::empty();
        set.add(Signal::SIGTERM);
        set.add(Signal::SIGUSR1);
        Ok(set.thread_block()?)
    };
    // SAFETY: pthread_sigmask may be called between fork and exec (signal-safety(7)), and
    // nothing here allocates.
    unsafe { command.pre_exec(block) };
}

/// Gives `SIGPIPE` back the action a C program begins with: to end the process.
pub(crate) fn let_sigpipe_end_this_process() {
    // SAFETY: no handler is installed, and nobody relies on the action there was.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }.unwrap();
}

/// A reactor that adds forged events to what another reports.
pub(crate) struct Forger<R> {
    pub(crate) inner: R,
    pub(crate) forged: Vec<Token>,
}

impl<R: Reactor> Reactor for Forger<R> {
    unsafe fn register(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { self.inner.register(source, token, interest, mode) }
    }

    fn modify(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        self.inner.modify(source, token, interest, mode)
    }

    fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()> {
        self.inner.deregister(source)
    }

    fn wait(&mut self, events: &mut Events, _timeout: Option<Duration>) -> io::Result<usize> {
        self.inner.wait(events, Some(Duration::ZERO))?;
        for token in &self.forged {
            events.push(Event::new(*token, Interest::READABLE, Readiness::READABLE));
        }
        Ok(events.len())
    }

    fn waker(&self) -> Waker {
        self.inner.waker()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn stats(&self) -> Stats {
        self.inner.stats()
    }

    fn name(&self) -> &'static str {
        self.inner.name()
    }
}
