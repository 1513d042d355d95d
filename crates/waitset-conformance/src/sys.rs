//! The unsafe calls of this crate.
#![allow(
    unsafe_code,
    reason = "system calls, and the trait's one unsafe method"
)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use waitset_core::{Interest, Mode, Reactor, Readiness, Token};

/// Registers a source without the caller's promise.
pub(crate) fn register(
    reactor: &mut dyn Reactor,
    source: BorrowedFd<'_>,
    token: Token,
    interest: Interest,
    mode: Mode,
) -> io::Result<()> {
    // SAFETY: what a broken promise leads to is bounded by rule 10 of the contract:
    // wrong events, never wrong memory. The cases that close a source too early test
    // just that, alone in their process; all others keep theirs open.
    unsafe { reactor.register(source, token, interest, mode) }
}

/// Returns a descriptor with this number, open or not.
pub(crate) fn forged(fd: RawFd) -> BorrowedFd<'static> {
    assert_ne!(fd, -1);
    // SAFETY: it is not -1. It may not be open, which the callers test; they only pass its number to
    // the reactor.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

/// Returns the flags of a descriptor, or `None` if it is not open.
pub(crate) fn descriptor_flags(fd: RawFd) -> Option<libc::c_int> {
    // SAFETY: F_GETFD reads the descriptor's flags and touches no memory.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
    (flags != -1).then_some(flags)
}

/// Returns a duplicate with a number of at least `least`.
pub(crate) fn duplicate_from(fd: impl AsFd, least: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: F_DUPFD_CLOEXEC takes an integer and returns a new descriptor.
    let new = unsafe { libc::fcntl(fd.as_fd().as_raw_fd(), libc::F_DUPFD_CLOEXEC, least) };
    if new == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(new) })
}

/// Makes SIGALRM end system calls and do nothing else.
pub(crate) fn interrupt_on_alarm() {
    extern "C" fn ignore(_: libc::c_int) {}
    let handler = SigHandler::Handler(ignore);
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler does nothing, which is safe at any moment.
    unsafe { sigaction(Signal::SIGALRM, &action) }.unwrap();
}

/// Returns how many bytes sent on a TCP stream the peer's kernel has not acknowledged yet.
pub(crate) fn unacknowledged(stream: impl AsFd) -> usize {
    let mut count: libc::c_int = 0;
    let fd = stream.as_fd().as_raw_fd();
    // SAFETY: the kernel writes one int, which lives through the call.
    assert_eq!(0, unsafe {
        libc::ioctl(fd, libc::TIOCOUTQ, &raw mut count)
    });
    count as usize
}

/// Returns what poll(2) observes of a source within `millis`, asked for `asked`.
pub(crate) fn poll(source: impl AsFd, asked: Readiness, millis: i32) -> io::Result<Readiness> {
    let observed = try_poll(source, asked, millis)?;
    observed.ok_or_else(|| io::Error::from_raw_os_error(libc::EBADF))
}

/// The same, or `None` for a descriptor that poll(2) refuses (`POLLNVAL`).
pub(crate) fn try_poll(
    source: impl AsFd,
    asked: Readiness,
    millis: i32,
) -> io::Result<Option<Readiness>> {
    let mut one = libc::pollfd {
        fd: source.as_fd().as_raw_fd(),
        // The bits of Readiness are poll's.
        events: asked.bits() as libc::c_short,
        revents: 0,
    };
    // SAFETY: the kernel reads and writes one entry, which lives through the call.
    if unsafe { libc::poll(&raw mut one, 1, millis) } == -1 {
        return Err(io::Error::last_os_error());
    }
    let is_taken = one.revents & libc::POLLNVAL == 0;
    Ok(is_taken.then_some(Readiness::from_bits(u32::from(one.revents as u16))))
}

/// A descriptor of this process.
pub(crate) fn pidfd() -> io::Result<OwnedFd> {
    let this = std::process::id();
    // SAFETY: pidfd_open takes two integers.
    opened(unsafe { libc::syscall(libc::SYS_pidfd_open, this, 0) })
}

/// A descriptor of page faults that nobody has asked for.
pub(crate) fn userfaultfd() -> io::Result<OwnedFd> {
    let flags = libc::O_CLOEXEC | libc::O_NONBLOCK;
    // SAFETY: userfaultfd takes an integer.
    opened(unsafe { libc::syscall(libc::SYS_userfaultfd, flags) })
}

/// A ring in which nothing has been submitted.
pub(crate) fn io_uring() -> io::Result<OwnedFd> {
    // `struct io_uring_params`, of 120 bytes.
    let mut params = [0_u64; 15];
    // SAFETY: the kernel reads and writes the parameters, which live through the call.
    opened(unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, params.as_mut_ptr()) })
}

fn opened(answer: libc::c_long) -> io::Result<OwnedFd> {
    match RawFd::try_from(answer) {
        // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Runs `body` in a process that is forked from this one, and returns when it has ended.
pub(crate) fn fork_and(body: impl FnOnce()) {
    beside_a_fork(body, || ());
}

/// Runs `forked` in a process that is forked from this one and `here` in this one, and returns
/// when both have ended.
pub(crate) fn beside_a_fork(forked: impl FnOnce(), here: impl FnOnce()) {
    // SAFETY: the child has this thread alone, runs `forked`, and ends without unwinding
    // into what the harness keeps. The C library readies its allocator for that.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let outcome = catch_unwind(AssertUnwindSafe(forked));
            // SAFETY: it ends the process and touches nothing.
            unsafe { libc::_exit(i32::from(outcome.is_err())) }
        }
        ForkResult::Parent { child } => {
            here();
            let status = waitpid(child, None).unwrap();
            assert_eq!(status, WaitStatus::Exited(child, 0));
        }
    }
}
