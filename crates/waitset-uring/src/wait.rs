//! Waiting: arm, enter the kernel if necessary, take completions, and repeat.

use std::io;
use std::mem;
use std::time::Duration;

use waitset_core::{Deadline, Events};
use waitset_unix::refusal;

use crate::absence::NAME;
use crate::ring::Entered;
use crate::uring::UringReactor;

/// How many times one wait arms polls again that completed without an event. The first time turns a
/// single-shot poll into a multishot one; the others are for polls that end by themselves.
const LOOKS: u32 = 4;

/// The result of asking the ring.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// There is an event or a wake.
    News,
    /// There is nothing to report.
    Nothing {
        /// It slept, and returned without any completion.
        slept: bool,
    },
    /// The ring belongs to another thread.
    Moved,
}

impl UringReactor {
    /// Waits with a timeout. It is a function of its own so that a wait without one need not check.
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

    /// Continues after an answer without news.
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
                    // The completions were not to be reported.
                }
            }
            // A poll that ended is armed again.
            self.arm()?;
            answer = self.ask(events, left)?;
        }
    }

    /// Takes the completions in the ring. Enters the kernel if there are none, or more to come.
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
        // Checked in any case, so that no overflow goes unnoticed.
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

    /// Takes the polls that complete only inside the kernel, too, as long as there are any.
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

    /// Arms polls again that completed without an event, because their sources can be ready for the
    /// interest. Sources that were reported wait for the next wait, so that none is reported twice.
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

/// Returns `true` if a wait has a reason to return.
#[inline]
fn has_news(events: &Events) -> bool {
    !events.is_empty() || events.was_woken()
}

/// Handles the error of a wait. Events that were taken from the ring must be reported; the kernel
/// refuses the next wait.
#[cold]
pub(crate) fn refused(events: &mut Events, error: &io::Error) -> io::Result<()> {
    match has_news(events) {
        true => Ok(()),
        false => refusal::of_wait(NAME, events, error),
    }
}
