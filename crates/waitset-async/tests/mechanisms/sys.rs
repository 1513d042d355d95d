//! What is unsafe to call: forks, and what a signal does.
#![allow(unsafe_code, reason = "forks, and what a signal does")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

/// Forks, and returns the child's process number, or `None` in the child, which must
/// [`end`].
pub(crate) fn forked() -> Option<Pid> {
    // SAFETY: the C library makes its allocator usable in the child, which uses no lock that
    // a test's other threads could hold, and ends by `_exit`.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => None,
        ForkResult::Parent { child } => Some(child),
    }
}

/// Ends a forked child, without what ends a process that has threads.
pub(crate) fn end(is_well: bool) -> ! {
    // SAFETY: it ends the process and touches nothing.
    unsafe { libc::_exit(i32::from(!is_well)) }
}

/// Waits for a forked child, which must end well.
pub(crate) fn assert_ends_well(child: Pid) {
    let status = waitpid(child, None).unwrap();
    assert_eq!(status, WaitStatus::Exited(child, 0));
}

/// Runs `body`, which must not panic, in a child that is forked and executes nothing.
pub(crate) fn in_a_fork(body: impl FnOnce()) {
    match forked() {
        Some(child) => assert_ends_well(child),
        None => end(catch_unwind(AssertUnwindSafe(body)).is_ok()),
    }
}

/// Has a write to a closed pipe or socket end this process, as it does outside of Rust.
pub(crate) fn let_broken_pipes_end_the_process() {
    // SAFETY: no handler is installed.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }.unwrap();
}
