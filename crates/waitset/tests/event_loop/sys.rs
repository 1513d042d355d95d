//! What is unsafe to call: registration, and what runs between fork and exec.
#![allow(
    unsafe_code,
    reason = "registration, and what runs between fork and exec"
)]

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction, signal};
use nix::unistd::{ForkResult, Pid, fork};
use waitset::{
    BorrowedSource, Capabilities, Event, Events, Interest, Mode, Reactor, ReactorWaker, Stats,
    Token,
};
use waitset_core::Readiness;

/// Blocks `SIGTERM`, `SIGUSR1` and the real-time signals in the first thread of a command, and
/// so in all: what a program does before it has threads.
pub(crate) fn block_in_every_thread(command: &mut Command) {
    let block = || {
        let mut set = SigSet::empty();
        set.add(Signal::SIGTERM);
        set.add(Signal::SIGUSR1);
        set.thread_block()?;
        let mut real_time = *SigSet::empty().as_ref();
        for number in libc::SIGRTMIN()..=libc::SIGRTMAX() {
            // SAFETY: the set lives through the call.
            unsafe { libc::sigaddset(&raw mut real_time, number) };
        }
        // SAFETY: it began as an empty set.
        Ok(unsafe { SigSet::from_sigset_t_unchecked(real_time) }.thread_block()?)
    };
    // SAFETY: pthread_sigmask may be called between fork and exec (signal-safety(7)), and
    // nothing here allocates.
    unsafe { command.pre_exec(block) };
}

/// Sends this process a signal with a number along, all of which queue if it is a real-time
/// one.
pub(crate) fn queue_to_this_process(signal: i32, value: i32) {
    let value = libc::sigval {
        sival_ptr: std::ptr::without_provenance_mut(value as usize),
    };
    // SAFETY: it takes plain numbers.
    let answer = unsafe { libc::sigqueue(Pid::this().as_raw(), signal, value) };
    assert_eq!(answer, 0, "{}", io::Error::last_os_error());
}

/// Gives `SIGPIPE` back the action a C program begins with: to end the process.
pub(crate) fn let_sigpipe_end_this_process() {
    // SAFETY: no handler is installed, and nobody relies on the action there was.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }.unwrap();
}

/// Makes `number` refer to what `stranger` refers to, as if it had been closed and its number
/// given out again.
pub(crate) fn put_onto_number_of(number: &impl AsRawFd, stranger: &impl AsRawFd) {
    // SAFETY: both are open, and stay so; whoever owns the number owns what it refers to now.
    let fd = unsafe { libc::dup2(stranger.as_raw_fd(), number.as_raw_fd()) };
    assert_eq!(fd, number.as_raw_fd());
}

/// Has `signal` call `handler`, and interrupt system calls.
pub(crate) fn handle_without_restart(signal: Signal, handler: extern "C" fn(libc::c_int)) {
    let handler = SigHandler::Handler(handler);
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: the handlers of these tests touch nothing but an atomic.
    unsafe { sigaction(signal, &action) }.unwrap();
}

/// A thread that others can send signals to.
#[derive(Clone, Copy)]
pub(crate) struct Thread(libc::pthread_t);

pub(crate) fn this_thread() -> Thread {
    // SAFETY: it takes nothing and cannot fail.
    Thread(unsafe { libc::pthread_self() })
}

impl Thread {
    /// Sends it a signal. Only while it runs.
    pub(crate) fn interrupt(self, signal: Signal) {
        // SAFETY: the thread has not ended, as the caller sees to.
        let answer = unsafe { libc::pthread_kill(self.0, signal as libc::c_int) };
        assert_eq!(answer, 0);
    }
}

/// Runs `body` in a child that is forked and executes nothing; its answer is the exit status.
pub(crate) fn in_a_fork(body: impl FnOnce() -> i32) -> Pid {
    // SAFETY: the C library makes its allocator usable in the child, which uses no lock
    // that a test's other threads could hold, and ends by `_exit`.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            // SAFETY: it ends the process.
            unsafe { libc::_exit(answer.unwrap_or(101)) }
        }
    }
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

    fn waker(&self) -> ReactorWaker {
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

/// A reactor that refuses as many changes, and as many sources to let go of, as it is told to:
/// as if the kernel had no memory.
pub(crate) struct Refuser<R> {
    pub(crate) inner: R,
    pub(crate) refusals: Arc<AtomicUsize>,
    pub(crate) clings: Arc<AtomicUsize>,
}

/// Fails as long as there is a refusal left.
fn refuse(left: &AtomicUsize) -> io::Result<()> {
    match left.load(Ordering::Relaxed) {
        0 => Ok(()),
        some => {
            left.store(some - 1, Ordering::Relaxed);
            Err(io::Error::from_raw_os_error(libc::ENOMEM))
        }
    }
}

impl<R: Reactor> Reactor for Refuser<R> {
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
        refuse(&self.refusals)?;
        self.inner.modify(source, token, interest, mode)
    }

    fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()> {
        refuse(&self.clings)?;
        self.inner.deregister(source)
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        self.inner.wait(events, timeout)
    }

    fn waker(&self) -> ReactorWaker {
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
