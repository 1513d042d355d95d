//! The ring: opening one as the kernel can, entering it, taking completions.

use std::io::{self, ErrorKind};
use std::mem;
use std::os::fd::{AsRawFd, RawFd};
use std::process;
use std::time::Duration;

use io_uring::squeue::SubmissionQueue;
use io_uring::{IoUring, Probe, cqueue, types};

use crate::{absence, sys};

/// Room for this many changes in one system call.
const ENTRIES: u32 = 256;

/// Work that the kernel runs at least when it is entered, if there is so much
/// (`IO_LOCAL_TW_DEFAULT_MAX` from Linux 6.13 on; all of it before).
const PORTION: usize = 20;

/// Room for this many completions before the kernel has to allocate.
const COMPLETIONS: u32 = 4096;

pub(crate) struct Ring {
    ring: IoUring,
    work: Work,
    /// The process that opened it.
    process: u32,
    is_enabled: bool,
    enablings: u64,
    /// How many times the kernel kept completions that the ring had no room for, as far as seen.
    overflows: u32,
    /// `true` if the kernel cancelled a poll, so that none can be relied on.
    is_lost: bool,
    /// Keeps the flag up, as a race in the kernel can leave it.
    #[cfg(test)]
    pub(crate) is_flag_stuck: bool,
}

/// Whose ring was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entered {
    Here,
    /// It can no longer be used: it belongs to another thread, which may have ended, or it lost
    /// completions.
    Moved,
}

/// The completion of a poll.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Completion {
    pub(crate) data: u64,
    result: i32,
    /// `true` if the poll continues.
    pub(crate) more: bool,
}

impl From<cqueue::Entry> for Completion {
    #[inline]
    fn from(entry: cqueue::Entry) -> Self {
        Self {
            data: entry.user_data(),
            result: entry.result(),
            more: cqueue::more(entry.flags()),
        }
    }
}

impl Completion {
    /// Returns the observed bits, or an errno.
    #[inline]
    pub(crate) fn bits(&self) -> Result<u32, i32> {
        match self.result {
            bits if bits >= 0 => Ok(bits as u32),
            errno => Err(-errno),
        }
    }

    /// Creates the last completion of a poll: bits, or a negative errno.
    #[cfg(test)]
    pub(crate) fn last(result: i32) -> Self {
        Self {
            data: 0,
            result,
            more: false,
        }
    }

    /// Returns the completion, which must not be an errno, without some bits.
    pub(crate) fn without(self, bits: u32) -> Self {
        Self {
            result: self.result & !(bits as i32),
            ..self
        }
    }
}

/// When a ring runs the work that completes a poll, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// When its one thread enters the kernel for that: Linux 6.1.
    Deferred,
    /// When its thread enters the kernel for whatever reason: Linux 5.19.
    Cooperative,
    /// Immediately; the thread is interrupted.
    Immediate,
}

impl Work {
    const ALL: [Self; 3] = [Self::Deferred, Self::Cooperative, Self::Immediate];

    fn set_up(self, builder: &mut io_uring::Builder) {
        match self {
            Self::Deferred => builder
                .setup_single_issuer()
                .setup_defer_taskrun()
                .setup_taskrun_flag(),
            Self::Cooperative => builder.setup_coop_taskrun().setup_taskrun_flag(),
            Self::Immediate => builder,
        };
    }
}

impl Ring {
    /// The number of system calls that open another ring: the opening, and [`try_calls`].
    pub(crate) const CALLS_TO_OPEN: u64 = 3;

    /// Opens the best ring that the kernel supports.
    pub(crate) fn open() -> io::Result<Self> {
        let mut refusal = io::Error::from(ErrorKind::Unsupported);
        for work in Work::ALL {
            match Self::set_up(work) {
                Ok(ring) => return Self::check(ring, work),
                // A flag it does not know; older kernels know fewer.
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => refusal = error,
                Err(error) => return Err(absence::explain(&error)),
            }
        }
        Err(absence::explain(&refusal))
    }

    /// Opens another ring of the same kind.
    pub(crate) fn reopen(&self) -> io::Result<Self> {
        Self::check(Self::set_up(self.work)?, self.work)
    }

    #[cfg(test)]
    pub(crate) fn open_for(work: Work) -> io::Result<Self> {
        let ring = Self::set_up(work).map_err(|error| absence::explain(&error))?;
        Self::check(ring, work)
    }

    fn set_up(work: Work) -> io::Result<IoUring> {
        let mut builder = IoUring::builder();
        work.set_up(&mut builder);
        builder.setup_r_disabled();
        builder
            .setup_cqsize(COMPLETIONS)
            .setup_clamp()
            .build(ENTRIES)
    }

    fn check(ring: IoUring, work: Work) -> io::Result<Self> {
        let params = ring.params();
        if !params.is_feature_ext_arg() || !params.is_feature_skip_cqe_on_success() {
            return Err(absence::too_old());
        }
        try_calls(&ring).map_err(|error| absence::explain(&error))?;
        Ok(Self {
            ring,
            work,
            process: process::id(),
            is_enabled: false,
            enablings: 0,
            overflows: 0,
            is_lost: false,
            #[cfg(test)]
            is_flag_stuck: false,
        })
    }

    /// Returns `true` if this process was forked from the ring's, which still has it.
    pub(crate) fn is_inherited(&self) -> bool {
        self.process != process::id()
    }

    /// Returns the number of system calls that gave the ring to the thread that uses it.
    pub(crate) fn enablings(&self) -> u64 {
        self.enablings
    }

    /// Returns `true` if no completion is waiting to be taken.
    #[inline]
    pub(crate) fn is_empty(&mut self) -> bool {
        self.ring.completion().is_empty()
    }

    /// Returns how many completions are waiting to be taken, and how many of them are `such`.
    pub(crate) fn count(&mut self, such: impl Fn(&Completion) -> bool) -> (usize, usize) {
        let mut queue = self.ring.completion();
        let all = queue.len();
        let count = queue.by_ref().map(Completion::from).filter(such).count();
        // Dropping it would take the completions that it has passed.
        mem::forget(queue);
        (all, count)
    }

    /// Returns `true` if the kernel keeps completions that the ring has no room for.
    pub(crate) fn is_overflowing(&mut self) -> bool {
        let overflows = self.ring.submission().cq_overflow();
        self.overflows = self.overflows.wrapping_add(overflows.into());
        overflows
    }

    /// Returns a number that grows whenever completions may not have found room.
    pub(crate) fn overflows(&self) -> u32 {
        self.overflows
    }

    /// Notes that the kernel cancelled a poll, because the thread that used the ring has ended.
    #[cold]
    pub(crate) fn lose(&mut self) {
        self.is_lost = true;
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Submits what is queued as long as there is no room to cancel a poll and arm another.
    /// Counts system calls.
    #[cold]
    pub(crate) fn make_room(&mut self, calls: &mut u64) -> io::Result<Entered> {
        if self.is_lost {
            return Ok(Entered::Moved);
        }
        while room(&self.submissions()) < 2 {
            self.is_overflowing();
            *calls += 1;
            if self.enter(0, None)? == Entered::Moved {
                return Ok(Entered::Moved);
            }
        }
        Ok(Entered::Here)
    }

    /// Returns `true` if something must be submitted or may have to be run. Completions that the ring
    /// has no room for are not work: the kernel keeps them until others have been taken.
    ///
    /// The flag for it can be up without work: a thread that queues work for this ring raises it
    /// afterwards, and if the work was run in between, it stays up until there is other work
    /// (`io_req_local_work_add` in io_uring/io_uring.c, seen on Linux 6.18). So nothing may
    /// enter the kernel until the flag is down.
    pub(crate) fn has_work(&mut self) -> bool {
        #[cfg(test)]
        if self.is_flag_stuck {
            return true;
        }
        let queue = self.ring.submission();
        !queue.is_empty() || queue.taskrun()
    }

    /// Returns `true` if something must be submitted, or can complete only inside the kernel.
    #[inline]
    pub(crate) fn needs_kernel(&mut self) -> bool {
        #[cfg(test)]
        if self.is_flag_stuck {
            return true;
        }
        let queue = self.ring.submission();
        let overflows = queue.cq_overflow();
        let needs_kernel = !queue.is_empty() || queue.taskrun() || overflows;
        drop(queue);
        self.overflows = self.overflows.wrapping_add(overflows.into());
        needs_kernel
    }

    /// Returns how many times the kernel must be entered at most to run the pending work of `polls`
    /// armed polls: one piece of work for each, one for its replacement, and the submission queue.
    pub(crate) fn portions(polls: usize) -> usize {
        (2 * polls + ENTRIES as usize) / PORTION + 1
    }

    /// Returns the submission queue. The kernel sees the entries when it is dropped.
    #[inline]
    pub(crate) fn submissions(&mut self) -> SubmissionQueue<'_> {
        self.ring.submission()
    }

    /// Iterates over the completions, and takes them as far as the iterator goes.
    #[inline]
    pub(crate) fn completions(&mut self) -> impl Iterator<Item = Completion> + '_ {
        self.ring.completion().map(Completion::from)
    }

    /// Submits the queue, runs pending work, and sleeps until `want` completions have arrived or
    /// `timeout` expires. Read the clock to find out which: after a submission, the kernel reports
    /// only the submission.
    #[inline]
    pub(crate) fn enter(&mut self, want: u32, timeout: Option<Duration>) -> io::Result<Entered> {
        if !self.is_enabled {
            self.enable()?;
        }
        let entered = match timeout {
            Some(timeout) if want > 0 => self.enter_for(want, timeout),
            _ => sys::submit_and_run(&mut self.ring, want),
        };
        match entered {
            Ok(_) => Ok(Entered::Here),
            Err(error) => not_entered(error),
        }
    }

    #[cold]
    fn enter_for(&mut self, want: u32, timeout: Duration) -> io::Result<usize> {
        let Some(timeout) = timespec(timeout) else {
            return sys::submit_and_run(&mut self.ring, want);
        };
        let arguments = types::SubmitArgs::new().timespec(&timeout);
        let submitter = self.ring.submitter();
        submitter.submit_with_args(want as usize, &arguments)
    }

    /// Has the kernel signal an eventfd when there is a completion, or work that completes a poll.
    /// Another one or none takes its place.
    pub(crate) fn signal(&self, eventfd: Option<RawFd>) -> io::Result<()> {
        match eventfd {
            Some(eventfd) => self.ring.submitter().register_eventfd(eventfd),
            None => self.ring.submitter().unregister_eventfd(),
        }
    }

    /// Makes the ring this thread's.
    #[cold]
    fn enable(&mut self) -> io::Result<()> {
        self.enablings += 1;
        self.ring.submitter().register_enable_rings()?;
        self.is_enabled = true;
        Ok(())
    }
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring")
            .field("fd", &self.ring.as_raw_fd())
            .field("is_enabled", &self.is_enabled)
            .finish()
    }
}

/// Returns how many more entries fit the submission queue.
#[inline]
pub(crate) fn room(submissions: &SubmissionQueue<'_>) -> usize {
    submissions.capacity() - submissions.len()
}

/// Checks that the ring can be used: a filter can allow opening it and refuse everything else.
fn try_calls(ring: &IoUring) -> io::Result<()> {
    match sys::try_to_enter(ring) {
        // It is still disabled, and the kernel was reached.
        Err(error) if error.raw_os_error() == Some(libc::EBADFD) => {}
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    ring.submitter().register_probe(&mut Probe::new())
}

#[cold]
fn not_entered(error: io::Error) -> io::Result<Entered> {
    match error.raw_os_error() {
        // EBADR: the kernel had no memory to keep completions, so the armed polls are unknown.
        Some(libc::EEXIST | libc::EBADR) => Ok(Entered::Moved),
        // The clock shows the same as ETIME; the others end when completions have been taken.
        Some(libc::ETIME | libc::EBUSY | libc::EAGAIN) => Ok(Entered::Here),
        _ => Err(error),
    }
}

/// Returns `None`, which means forever, for a timeout that the kernel's seconds cannot hold.
fn timespec(timeout: Duration) -> Option<types::Timespec> {
    let seconds = i64::try_from(timeout.as_secs()).ok()?;
    Some(
        types::Timespec::new()
            .sec(seconds as u64)
            .nsec(timeout.subsec_nanos()),
    )
}
