//! Taking completions: most are reported as they are, the others are handled one by one.

use std::os::fd::RawFd;

use waitset_core::{Events, Readiness};

use crate::ring::Completion;
use crate::source::{self, Source, Verdict};
use crate::sys;
use crate::uring::{BELL, UringReactor};

impl UringReactor {
    /// Takes completions, as far as there is room. Returns `false` if there are none.
    #[inline(always)]
    pub(crate) fn reap(&mut self, events: &mut Events) -> bool {
        let mut any = false;
        loop {
            let taken = self.reap_plainly(events);
            any |= taken.any;
            match taken.aside {
                Some(completion) => self.complete_aside(completion, events),
                None => return any,
            }
        }
    }

    /// Takes completions up to the first that is not reported as it is.
    #[inline(always)]
    fn reap_plainly(&mut self, events: &mut Events) -> Taken {
        let mut taken = Taken {
            any: false,
            aside: None,
        };
        let Self {
            ring,
            sources,
            queue,
            ..
        } = self;
        let mut count = events.len();
        // Taken one by one, because completions that do not fit must not be taken.
        let mut completions = ring.completions();
        while let Some(place) = events.buffer_mut().get_mut(count) {
            let Some(completion) = completions.next() else {
                break;
            };
            taken.any = true;
            let (fd, generation) = source::unpack(completion.data);
            let known = sources.get_mut(fd);
            let plain = known
                .filter(|source| source.generation() == generation)
                .and_then(|source| Some((source.complete_plainly(&completion)?, source)));
            let Some((seen, source)) = plain else {
                taken.aside = Some(completion);
                break;
            };
            *place = source.registration.event(seen);
            count += 1;
            if source.is_to_be_queued() {
                source.queued = true;
                queue.push(fd);
            }
        }
        events.set_len(count);
        taken
    }

    /// Handles a completion that is not reported as it is. There is room for an event.
    #[cold]
    fn complete_aside(&mut self, completion: Completion, events: &mut Events) {
        let (fd, generation) = source::unpack(completion.data);
        let known = self.sources.get_mut(fd);
        let Some(source) = known.filter(|source| source.generation() == generation) else {
            return self.complete_unknown(&completion, events);
        };
        let calls = &mut self.stats.wait_calls;
        match complete_with_care(source, fd, completion, self.ring.overflows(), calls) {
            Verdict::Silent => {
                if source.is_to_be_queued() {
                    source.queued = true;
                    self.silenced.push(fd);
                }
            }
            // All sources will be armed in another ring.
            Verdict::Lost => self.lose_ring(),
            Verdict::Tell(seen) => {
                events.push(source.registration.event(seen));
                if source.is_to_be_queued() {
                    source.queued = true;
                    self.queue.push(fd);
                }
            }
            Verdict::Dead => {
                events.push(source.registration.event(Readiness::ERROR));
                self.sources.remove(fd);
            }
        }
    }

    /// The bell's completions, and those of polls that were cancelled.
    fn complete_unknown(&mut self, completion: &Completion, events: &mut Events) {
        if completion.data == BELL {
            if self.bell_is_doomed {
                self.bell_is_doomed = completion.more;
            } else {
                self.bell_is_armed = completion.more;
                if completion.bits() == Err(libc::ECANCELED) {
                    self.lose_ring();
                }
            }
            if self.wake.take() {
                events.set_woken();
            }
        } else if source::is_of_poll(completion.data) {
            // Its last completion says that the poll is gone.
            self.doomed -= usize::from(!completion.more);
        }
    }

    fn lose_ring(&mut self) {
        self.bell_is_armed = false;
        self.ring.lose();
    }
}

/// The result of taking completions.
struct Taken {
    any: bool,
    /// The completion that ended it, to be looked at with care.
    aside: Option<Completion>,
}

/// Returns how to handle a completion that is not reported as it is. Counts system calls.
#[cold]
fn complete_with_care(
    source: &mut Source,
    fd: RawFd,
    mut completion: Completion,
    overflows: u32,
    calls: &mut u64,
) -> Verdict {
    let mut ended_at = None;
    if source.is_ended_by(&completion) {
        *calls += 1;
        ended_at = (!sys::has_wait_queue(fd)).then_some(overflows);
    }
    if source.is_told_of_urgent(&completion) {
        *calls += 1;
        if !sys::has_urgent(fd) {
            completion = completion.without(Readiness::PRIORITY.bits());
        }
    }
    source.complete(&completion, ended_at)
}
