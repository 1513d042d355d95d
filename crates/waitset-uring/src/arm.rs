//! Arming polls: changes go into the submission queue.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use crate::cancel::MOST_DOOMED;
use crate::ring::{self, Entered};
use crate::source::{Change, Source};
use crate::sys::{self, Asked};
use crate::uring::{BELL, UringReactor};

impl UringReactor {
    /// Notes that a source's poll can differ from what is wanted.
    pub(crate) fn queue(&mut self, fd: RawFd) {
        if self.queue.len() > self.sources.len() {
            // Sources that were removed since then have left their numbers here.
            let sources = &self.sources;
            self.queue
                .retain(|fd| sources.get(*fd).is_some_and(|source| source.queued));
            self.queue.sort_unstable();
            self.queue.dedup();
        }
        self.queue.push(fd);
    }

    /// Fills the submission queue of this thread's ring with the changes.
    #[inline]
    pub(crate) fn arm(&mut self) -> io::Result<()> {
        if (self.bell_is_armed || self.is_lent) && self.queue.is_empty() {
            return Ok(());
        }
        self.arm_some()
    }

    fn arm_some(&mut self) -> io::Result<()> {
        while self.try_to_arm()? == Entered::Moved {
            self.move_here()?;
        }
        if self.doomed > MOST_DOOMED {
            self.settle()?;
        }
        Ok(())
    }

    pub(crate) fn try_to_arm(&mut self) -> io::Result<Entered> {
        if !self.bell_is_armed && !self.is_lent && self.arm_bell()? == Entered::Moved {
            return Ok(Entered::Moved);
        }
        let mut submissions = self.ring.submissions();
        for &fd in &self.queue {
            let queued = |source: &&mut Source| source.queued;
            let Some(source) = self.sources.get_mut(fd).filter(queued) else {
                continue;
            };
            let change = source.change();
            if change != Change::None && ring::room(&submissions) < 2 {
                drop(submissions);
                if self.ring.make_room(&mut self.stats.wait_calls)? == Entered::Moved {
                    return Ok(Entered::Moved);
                }
                submissions = self.ring.submissions();
            }
            // Not before there is room: it must not be forgotten if there is none.
            source.queued = false;
            if matches!(change, Change::Cancel | Change::Replace) {
                sys::push_cancel(&mut submissions, source.data(fd));
                source.forget(self.generations.next());
                self.doomed += 1;
            }
            if matches!(change, Change::Arm | Change::Replace) {
                let asked = source.arm();
                sys::push_poll(&mut submissions, fd, asked, source.data(fd));
            }
        }
        drop(submissions);
        self.queue.clear();
        Ok(Entered::Here)
    }

    #[cold]
    fn arm_bell(&mut self) -> io::Result<Entered> {
        let entered = self.ring.make_room(&mut self.stats.wait_calls)?;
        if entered == Entered::Here {
            let bell = self.wake.doorbell().as_fd().as_raw_fd();
            let asked = Asked {
                bits: libc::POLLIN as u32,
                multishot: true,
            };
            sys::push_poll(&mut self.ring.submissions(), bell, asked, BELL);
            self.bell_is_armed = true;
        }
        Ok(entered)
    }
}
