//! Lending a descriptor: the waker's eventfd, which the ring signals, too.
//!
//! An epoll instance that watches the ring itself misses completions: a ring of
//! `IORING_SETUP_DEFER_TASKRUN` wakes the thread that waits in it, and not who polls it (seen on
//! Linux 6.18). It signals a registered eventfd when work is queued. While that is the bell, the ring
//! must not poll it, because each signal would cause another one.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use waitset_core::{Doorbell, Events};

use crate::ring::Entered;
use crate::sys;
use crate::uring::{BELL, UringReactor};

impl UringReactor {
    /// Arms everything, and leaves the bell readable only if there is something for a wait.
    pub(crate) fn lend_bell(&mut self) -> io::Result<()> {
        loop {
            if !self.is_lent {
                self.begin_to_lend()?;
            }
            self.arm()?;
            // First, so that what happens from now on rings it again.
            self.stats.control_calls += self.wake.doorbell().drain();
            self.stats.control_calls += 1;
            if self.ring.enter(0, None)? == Entered::Here {
                break;
            }
            self.move_here()?;
        }
        if !self.ring.is_empty() || self.ring.is_lost() || self.wake.is_raised() {
            self.stats.control_calls += u64::from(self.wake.doorbell().ring());
        }
        Ok(())
    }

    #[cold]
    fn begin_to_lend(&mut self) -> io::Result<()> {
        // The ring is this thread's when the kernel was entered.
        while self.enter_to_lend()? == Entered::Moved {
            self.move_here()?;
        }
        let bell = self.wake.doorbell().as_fd().as_raw_fd();
        self.stats.control_calls += 1;
        self.ring.signal(Some(bell))?;
        self.is_lent = true;
        Ok(())
    }

    fn enter_to_lend(&mut self) -> io::Result<Entered> {
        if self.bell_is_armed {
            if self.ring.make_room(&mut self.stats.wait_calls)? == Entered::Moved {
                return Ok(Entered::Moved);
            }
            sys::push_cancel(&mut self.ring.submissions(), BELL);
            self.bell_is_armed = false;
            self.bell_is_doomed = true;
        }
        self.stats.control_calls += 1;
        self.ring.enter(0, None)
    }

    /// Prepares a wait. No completion shows that the bell was rung.
    #[cold]
    pub(crate) fn wait_while_lent(
        &mut self,
        events: &mut Events,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        if timeout != Some(Duration::ZERO) {
            // The wait itself must see the bell.
            self.stats.control_calls += 1;
            self.ring.signal(None)?;
            self.is_lent = false;
        } else if self.wake.take() {
            events.set_woken();
        }
        Ok(())
    }
}
