//! The floor of io_uring: a ring, a poll for each source, and no more.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use io_uring::squeue::SubmissionQueue;
use io_uring::types::{Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, Submitter, cqueue, opcode, squeue};
use waitset_core::Interest;

use super::raw::RawWaker;
use crate::contestant::{Contestant, GivesOut, Task, WAKE, right};
use crate::sources::Sources;
use crate::sys;

/// Room for so many changes in one system call.
const CHANGES: u32 = 256;

/// Room for so many completions before the kernel has to allocate.
const COMPLETIONS: u32 = 4096;

/// The data of the waker's poll, which is multishot: nobody reads its eventfd.
const BELL: u64 = WAKE as u64;

/// The data of what removes a poll.
const REMOVAL: u64 = u64::MAX;

/// An io_uring instance, used directly: edge-triggered by multishot polls, or
/// level-triggered by polls that are armed again after each event.
pub struct RawRing<const MULTISHOT: bool> {
    ring: IoUring,
    bell: Arc<File>,
    sources: Sources,
}

impl<const MULTISHOT: bool> RawRing<MULTISHOT> {
    fn ask(&mut self, index: usize, asked: Interest) -> io::Result<()> {
        let source = self.sources.get(index).as_raw_fd();
        self.queue(&poll(source, asked, index as u64, MULTISHOT))
    }

    fn queue(&mut self, entry: &squeue::Entry) -> io::Result<()> {
        let (submitter, mut queue, _) = self.ring.split();
        queue_within(&submitter, &mut queue, entry)
    }

    /// Submits what is queued and waits for a completion.
    #[inline]
    fn enter(&self, timeout: Option<Duration>) -> io::Result<()> {
        let entered = match timeout {
            None => self.ring.submit_and_wait(1),
            Some(timeout) => {
                let timeout = Timespec::from(timeout);
                let limits = SubmitArgs::new().timespec(&timeout);
                self.ring.submitter().submit_with_args(1, &limits)
            }
        };
        match entered {
            Err(error) if !matches!(error.raw_os_error(), Some(libc::ETIME | libc::EINTR)) => {
                Err(error)
            }
            _ => Ok(()),
        }
    }

    /// Drops what has completed of a source that is gone. Others whose poll has ended are
    /// asked again, and tell again. A wake in between is lost; no scenario has one there.
    fn forget(&mut self, gone: usize) -> io::Result<()> {
        let completed: Vec<_> = self.ring.completion().collect();
        for completion in completed {
            let data = completion.user_data();
            let is_told = completion.result() >= 0 && data != REMOVAL && data != BELL;
            if is_told && data != gone as u64 {
                self.ask(data as usize, Interest::READABLE)?;
            }
        }
        Ok(())
    }

    /// Gives out what has completed, and arms again whose poll has ended: how many.
    #[inline]
    fn take(&mut self, mut on_ready: impl FnMut(usize)) -> usize {
        let (submitter, mut queue, completions) = self.ring.split();
        let mut given = 0;
        for completion in completions {
            let data = completion.user_data();
            // Less is an error: of a poll that was removed, or of its removal.
            if completion.result() < 0 || data == REMOVAL {
                continue;
            }
            on_ready(data as usize);
            given += 1;
            if !cqueue::more(completion.flags()) {
                let again = match data {
                    BELL => poll(self.bell.as_raw_fd(), Interest::READABLE, data, true),
                    index => {
                        let source = self.sources.get(index as usize).as_raw_fd();
                        poll(source, Interest::READABLE, data, MULTISHOT)
                    }
                };
                right(queue_within(&submitter, &mut queue, &again));
            }
        }
        given
    }
}

#[inline]
fn poll(source: RawFd, asked: Interest, data: u64, is_multishot: bool) -> squeue::Entry {
    let poll = opcode::PollAdd::new(Fd(source), u32::from(asked.bits()));
    poll.multi(is_multishot).build().user_data(data)
}

#[inline]
fn queue_within(
    submitter: &Submitter<'_>,
    queue: &mut SubmissionQueue<'_>,
    entry: &squeue::Entry,
) -> io::Result<()> {
    if queue.is_full() {
        queue.sync();
        submitter.submit()?;
        queue.sync();
    }
    sys::push_poll(queue, entry);
    Ok(())
}

impl<const MULTISHOT: bool> fmt::Debug for RawRing<MULTISHOT> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawRing").finish_non_exhaustive()
    }
}

/// The fastest that the kernel has: deferred work came with Linux 6.1.
fn open_ring() -> io::Result<IoUring> {
    let mut plain = IoUring::builder();
    plain.setup_cqsize(COMPLETIONS);
    let mut deferring = plain.clone();
    deferring.setup_single_issuer().setup_defer_taskrun();
    deferring.build(CHANGES).or_else(|_| plain.build(CHANGES))
}

impl<const MULTISHOT: bool> Contestant for RawRing<MULTISHOT> {
    const TELLS_AGAIN: bool = !MULTISHOT;
    const REARMS: bool = false;

    type Waker = RawWaker;
    type Tasked<T: Task> = GivesOut<Self>;

    fn open(sources: Sources, _: usize) -> io::Result<Self> {
        let bell = Arc::new(File::from(sys::eventfd()?));
        let mut ring = Self {
            ring: open_ring()?,
            bell,
            sources,
        };
        let bell = ring.bell.as_raw_fd();
        ring.queue(&poll(bell, Interest::READABLE, BELL, true))?;
        Ok(ring)
    }

    #[inline(always)]
    fn add(&mut self, index: usize) -> io::Result<()> {
        self.ask(index, Interest::READABLE)
    }

    #[inline(always)]
    fn modify(&mut self, index: usize, asked: Interest) -> io::Result<()> {
        self.delete(index)?;
        self.ask(index, asked)
    }

    fn settle(&mut self) -> io::Result<()> {
        self.ring.submit().map(drop)
    }

    #[inline(always)]
    fn delete(&mut self, index: usize) -> io::Result<()> {
        let removal = opcode::PollRemove::new(index as u64).build();
        self.queue(&removal.user_data(REMOVAL))?;
        // At once: what becomes ready until the next wait would be told for the poll that
        // goes and for the one that comes in its place.
        self.settle()?;
        if MULTISHOT {
            Ok(())
        } else {
            self.forget(index)
        }
    }

    #[inline]
    fn turn_within(&mut self, timeout: Option<Duration>, mut on_ready: impl FnMut(usize)) {
        right(self.enter(timeout));
        // What has been removed completes as well.
        while self.take(&mut on_ready) == 0 && timeout.is_none() {
            right(self.enter(None));
        }
    }

    fn look(&mut self) -> io::Result<usize> {
        self.enter(Some(Duration::ZERO))?;
        Ok(self.take(|_| ()))
    }

    fn waker(&self) -> RawWaker {
        RawWaker::of(&self.bell)
    }
}
