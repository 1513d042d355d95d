//! Cancelling polls, and waiting for their last completions.

use std::io::{self, ErrorKind};
use std::mem;
use std::os::fd::RawFd;

use waitset_unix::FdTable;

use crate::ring::{Completion, Entered, Ring};
use crate::source::{self, Source};
use crate::sys;
use crate::uring::{BELL, UringReactor};

/// The largest number of cancelled polls that may wait for their last completion while others are
/// armed: half of what the ring holds. The kernel runs them in portions, and with a buffer that is
/// always full they could pile up.
pub(crate) const MOST_DOOMED: usize = 2048;

impl UringReactor {
    /// Makes the kernel release a source's file: neither the armed poll nor one that was cancelled
    /// before holds it afterwards. Makes no system call if there is none.
    pub(crate) fn let_go(&mut self, fd: RawFd) -> io::Result<()> {
        if self.cancel(fd)? == Entered::Moved || self.settle()? == Entered::Moved {
            // The other thread's ring is closed, and with it the polls.
            self.move_here()?;
        }
        Ok(())
    }

    /// The same for all sources, and for the bell; as far as this thread can.
    pub(crate) fn let_all_go(&mut self) -> io::Result<Entered> {
        let descriptors: Vec<_> = self.sources.descriptors().collect();
        for fd in descriptors {
            if self.cancel(fd)? == Entered::Moved {
                return Ok(Entered::Moved);
            }
        }
        if mem::take(&mut self.bell_is_armed) {
            if self.ring.make_room(&mut self.stats.wait_calls)? == Entered::Moved {
                return Ok(Entered::Moved);
            }
            sys::push_cancel(&mut self.ring.submissions(), BELL);
            self.stats.control_calls += 1;
            self.ring.enter(0, None)?;
        }
        self.settle()
    }

    /// Queues the cancellation of a source's poll, if it is armed.
    fn cancel(&mut self, fd: RawFd) -> io::Result<Entered> {
        let Some(source) = self.sources.get_mut(fd).filter(|source| source.is_armed()) else {
            return Ok(Entered::Here);
        };
        let entered = self.ring.make_room(&mut self.stats.wait_calls)?;
        if entered == Entered::Here {
            sys::push_cancel(&mut self.ring.submissions(), source.data(fd));
            source.forget(self.generations.next());
            self.doomed += 1;
        }
        Ok(entered)
    }

    /// Makes the next wait arm the poll of a source again, if it should be.
    pub(crate) fn requeue(&mut self, fd: RawFd) {
        let source = self.sources.get_mut(fd);
        if source.is_some_and(|source| !mem::replace(&mut source.queued, true)) {
            self.queue(fd);
        }
    }

    /// Submits cancellations and waits until all cancelled polls have completed for the last time.
    /// Only that proves that the kernel no longer holds their files: a poll that another CPU is waking
    /// completes a moment after it was cancelled.
    pub(crate) fn settle(&mut self) -> io::Result<Entered> {
        for _ in 0..Ring::portions(self.sources.len() + self.doomed) {
            let Some(completions) = self.due() else {
                break;
            };
            self.stats.control_calls += 1;
            match self.ring.enter(completions, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(Entered::Here) => {}
                other => return other,
            }
        }
        Ok(Entered::Here)
    }

    /// Returns how many completions the ring will hold when all cancelled polls are done, or `None` if
    /// they are.
    fn due(&mut self) -> Option<u32> {
        let Self {
            ring,
            sources,
            doomed,
            ..
        } = self;
        if *doomed == 0 {
            return None;
        }
        let (all, done) = ring.count(|completion| is_the_last_of_one(completion, sources));
        if ring.is_overflowing() {
            // Some are out of sight, but those that were run are done.
            return ring.has_work().then_some(0);
        }
        let left = doomed.saturating_sub(done);
        (left > 0).then_some((all + left) as u32)
    }
}

/// Returns `true` if this is the last completion of a poll that was cancelled.
fn is_the_last_of_one(completion: &Completion, sources: &FdTable<Source>) -> bool {
    let (fd, generation) = source::unpack(completion.data);
    let is_current = |source: &Source| source.generation() == generation;
    source::is_of_poll(completion.data)
        && !completion.more
        && !sources.get(fd).is_some_and(is_current)
}
