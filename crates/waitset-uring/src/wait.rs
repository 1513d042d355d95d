//! Waiting: arm, enter the kernel if need be, take what has completed, and again.

use std::io;
use std::mem;
use std::time::Duration;

use waitset_core::{Deadline, Events};
use waitset_unix::refusal;

use crate::absence::NAME;
use crate::ring::Entered;
use crate::uring::Uring;

/// How often one wait arms again what completed without an event. Once makes a poll last
/// that was of one shot; the rest is for those that end by themselves.
const LOOKS: u32 = 4;

/// What asking the ring has come to.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// There is an event or a wake.
    News,
    /// Nothing is to be told.
    Nothing {
        /// It slept, and came back with no completion at all.
        slept: bool,
    },
    /// The ring is another thread's.
    Moved,
}

impl Uring {
    /// Waits with a timeout, which a wait without one shall not have to ask about.
    #[inline(never)]
    pub(crate) fn wait_for(
        &mut self,
        events: &mut Events,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        self.wait_in_ring(events, timeout)
    }

    #[inline(always)]
    pub(crate) fn wait_in_ring(
        &mut self,
        events: &mut Events,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        let deadline = Deadline::after(timeout.filter(|timeout| !timeout.is_zero()));
        self.arm()?;
        match self.ask(events, timeout)? {
            Answer::News => Ok(()),
            other => self.ask_on(events, timeout, deadline, other),
        }
    }

    /// Goes on after an answer that was no news.
    #[cold]
    fn ask_on(
        &mut self,
        events: &mut Events,
        mut left: Option<Duration>,
        deadline: Deadline,
        mut answer: Answer,
    ) -> io::Result<()> {
        loop {
            match answer {
                Answer::News => return Ok(()),
                Answer::Moved => self.move_here()?,
                Answer::Nothing { .. } if left == Some(Duration::ZERO) => return Ok(()),
                Answer::Nothing { slept } => {
                    left = deadline.remaining();
                    if slept {
                        if left != Some(Duration::ZERO) {
                            events.set_interrupted();
                        }
                        return Ok(());
                    }
                    // What completed was not to be told.
                }
            }
            // A poll that ended is armed again.
            self.arm()?;
            answer = self.ask(events, left)?;
        }
    }

    /// Takes what is in the ring; enters the kernel if that is nothing, or not all.
    #[inline(always)]
    fn ask(&mut self, events: &mut Events, left: Option<Duration>) -> io::Result<Answer> {
        let sleeps = self.ring.is_empty() && left != Some(Duration::ZERO);
        if sleeps || self.ring.needs_kernel() {
            self.stats.wait_calls += 1;
            if self.ring.enter(u32::from(sleeps), left)? == Entered::Moved {
                return Ok(Answer::Moved);
            }
        }
        let any = self.reap(events);
        // Asked in any case, so that no overflow goes unseen.
        if self.ring.needs_kernel() && !events.is_full() {
            self.reap_the_rest(events)?;
        }
        if !self.silenced.is_empty() {
            self.look_again(events)?;
        }
        if has_news(events) {
            return Ok(Answer::News);
        }
        if self.ring.is_lost() {
            return Ok(Answer::Moved);
        }
        let slept = sleeps && !any;
        Ok(Answer::Nothing { slept })
    }

    /// Takes what completes only inside the kernel, too, as long as something does.
    #[cold]
    fn reap_the_rest(&mut self, events: &mut Events) -> io::Result<()> {
        while !events.is_full() && self.ring.needs_kernel() {
            self.stats.wait_calls += 1;
            self.ring.enter(0, None)?;
            if !self.reap(events) {
                break;
            }
        }
        Ok(())
    }

    /// Arms again what completed without an event, since it may be ready for what was
    /// asked. What was told waits for the next wait, so that it is not told twice.
    #[cold]
    fn look_again(&mut self, events: &mut Events) -> io::Result<()> {
        let mut looked = Ok(Entered::Here);
        for _ in 0..LOOKS {
            if self.silenced.is_empty() || events.is_full() {
                break;
            }
            mem::swap(&mut self.queue, &mut self.silenced);
            looked = self.try_to_arm();
            mem::swap(&mut self.queue, &mut self.silenced);
            if !matches!(looked, Ok(Entered::Here)) {
                break;
            }
            looked = self.reap_the_rest(events).map(|()| Entered::Here);
        }
        self.queue.append(&mut self.silenced);
        looked.map(drop)
    }
}

/// Whether a wait has something to return for.
#[inline]
fn has_news(events: &Events) -> bool {
    !events.is_empty() || events.was_woken()
}

/// What was taken from the ring must be told; the kernel refuses the next wait.
#[cold]
pub(crate) fn refused(events: &mut Events, error: &io::Error) -> io::Result<()> {
    match has_news(events) {
        true => Ok(()),
        false => refusal::of_wait(NAME, events, error),
    }
}
