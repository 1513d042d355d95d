//! The calls that the crate io-uring leaves to its caller's care.
#![allow(unsafe_code, reason = "submission")]

use std::io;
use std::os::fd::RawFd;

use io_uring::squeue::SubmissionQueue;
use io_uring::types::Fd;
use io_uring::{EnterFlags, IoUring, opcode, squeue};

/// The request of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) bits: u32,
    pub(crate) multishot: bool,
}

/// Queues a poll. The queue must have room.
#[inline]
pub(crate) fn push_poll(submissions: &mut SubmissionQueue<'_>, fd: RawFd, asked: Asked, data: u64) {
    let poll = opcode::PollAdd::new(Fd(fd), asked.bits).multi(asked.multishot);
    push(submissions, poll.build().user_data(data));
}

/// Queues the cancellation of a poll, which then completes once more. The queue must have room.
///
/// A poll whose wakeup is pending ends, too. `IORING_OP_POLL_REMOVE` would leave it armed
/// and fail with `EALREADY` (`io_poll_disarm` in io_uring/poll.c). This request itself
/// fails with `ENOENT` alone, if the poll has completed for the last time before.
pub(crate) fn push_cancel(submissions: &mut SubmissionQueue<'_>, data: u64) {
    let cancel = opcode::AsyncCancel::new(data).build();
    push(
        submissions,
        cancel.user_data(STALE).flags(squeue::Flags::SKIP_SUCCESS),
    );
}

/// Queues a request that completes immediately and has no effect. The queue must have room.
#[cfg(test)]
pub(crate) fn push_nothing(submissions: &mut SubmissionQueue<'_>) {
    push(submissions, opcode::Nop::new().build().user_data(STALE));
}

/// User data of which no source has the generation.
const STALE: u64 = u32::MAX as u64;

#[inline]
fn push(submissions: &mut SubmissionQueue<'_>, entry: squeue::Entry) {
    // SAFETY: polls and cancellations refer to no memory of ours, and a descriptor that
    // is not open completes with EBADF.
    let pushed = unsafe { submissions.push(&entry) };
    debug_assert!(pushed.is_ok(), "the caller has made room");
}

/// Submits the queue, runs pending work, and sleeps until `want` completions have arrived.
#[inline]
pub(crate) fn submit_and_run(ring: &mut IoUring, want: u32) -> io::Result<usize> {
    let queued = ring.submission().len() as u32;
    let flags = EnterFlags::GETEVENTS.bits();
    // SAFETY: the flags take no argument, and none is given.
    unsafe {
        ring.submitter()
            .enter::<libc::sigset_t>(queued, want, flags, None)
    }
}

/// Returns `true` if files of its type always have a wait queue: sockets, pipes, and files outside of
/// file systems, such as an eventfd.
pub(crate) fn has_wait_queue(fd: RawFd) -> bool {
    let mut status = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the kernel writes one structure, which lives through the call.
    if unsafe { libc::fstat(fd, status.as_mut_ptr()) } == -1 {
        return false;
    }
    // SAFETY: the call succeeded, so the kernel has filled the structure.
    let status = unsafe { status.assume_init() };
    matches!(
        status.st_mode & libc::S_IFMT,
        libc::S_IFSOCK | libc::S_IFIFO | 0
    )
}

/// Returns `true` if there is urgent data to read.
pub(crate) fn has_urgent(fd: RawFd) -> bool {
    let mut one = libc::pollfd {
        fd,
        events: libc::POLLPRI,
        revents: 0,
    };
    // SAFETY: the kernel reads and writes one entry, which lives through the call.
    let count = unsafe { libc::poll(&raw mut one, 1, 0) };
    count != 0 && one.revents & libc::POLLPRI != 0
}

/// Enters the kernel without a request.
pub(crate) fn try_to_enter(ring: &IoUring) -> io::Result<usize> {
    // SAFETY: nothing is submitted or waited for, and no argument is given.
    unsafe { ring.submitter().enter::<libc::sigset_t>(0, 0, 0, None) }
}
