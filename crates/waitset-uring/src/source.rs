//! A source: the registration that is wanted, and the poll that is armed.

use std::os::fd::RawFd;

use waitset_core::{Mode, Readiness};
use waitset_unix::Registration;

use crate::ring::Completion;
use crate::sys::Asked;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) registration: Registration,
    pub(crate) queued: bool,
    /// Names this source's poll; a completion of another generation is stale.
    generation: u32,
    /// The request of its poll if it is armed, otherwise that of the last one.
    asked: Asked,
    is_armed: bool,
    /// `true` if it should be armed. A one-shot source that was reported should not.
    is_wanted: bool,
    /// `true` if an armed poll must be replaced, because of `modify`.
    is_renewed: bool,
    /// How many times the ring had overflowed when a multishot poll ended by itself, for a file that
    /// may have no wait queue. See [`is_always_ready`](Self::is_always_ready).
    ended_at: Option<u32>,
    /// `true` if the kernel reported something outside the interest. A single-shot poll would report it
    /// again and again; a multishot poll waits for something else to happen.
    is_distracted: bool,
    /// The bits that a completion may have to be reported as it is: none unless `asked` is as wanted
    /// and the source has no past.
    plain: u32,
}

/// How to change a source's poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    None,
    Arm,
    Cancel,
    /// Cancel it and arm another.
    Replace,
}

/// How to handle a completion.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict {
    Silent,
    Tell(Readiness),
    Dead,
    /// The kernel cancelled the poll.
    Lost,
}

/// Returns the descriptor and the generation of a completion.
pub(crate) fn unpack(data: u64) -> (RawFd, u32) {
    (data as u32 as RawFd, (data >> 32) as u32)
}

/// Returns `true` if user data belongs to a source's poll, and not to the bell's or to a request that
/// cancels one.
pub(crate) fn is_of_poll(data: u64) -> bool {
    let (_, generation) = unpack(data);
    generation != 0
}

impl Source {
    /// Creates a source whose poll is not armed yet.
    pub(crate) fn new(registration: Registration, generation: u32) -> Self {
        Self {
            registration,
            queued: true,
            generation,
            asked: Asked {
                bits: 0,
                multishot: false,
            },
            is_armed: false,
            is_wanted: true,
            is_renewed: false,
            ended_at: None,
            is_distracted: false,
            plain: 0,
        }
    }

    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// Returns the user data of this source's poll.
    pub(crate) fn data(&self, fd: RawFd) -> u64 {
        u64::from(self.generation) << 32 | u64::from(fd as u32)
    }

    pub(crate) fn is_armed(&self) -> bool {
        self.is_armed
    }

    /// Changes the registration that is wanted, or renews it.
    #[inline]
    pub(crate) fn want(&mut self, registration: Registration) {
        let is_the_same = self.registration.interest == registration.interest
            && self.registration.mode == registration.mode;
        self.registration = registration;
        self.is_wanted = true;
        self.is_renewed = registration.mode == Mode::Edge && self.is_armed;
        if is_the_same && self.plain != 0 && !self.is_renewed {
            return;
        }
        self.ended_at = None;
        // The interest can include it now.
        self.is_distracted = false;
        self.note_plain();
    }

    /// Computes which completions can be reported as they are.
    fn note_plain(&mut self) {
        let Registration { interest, .. } = self.registration;
        let has_past = self.ended_at.is_some() || self.is_distracted;
        let is_as_wanted = !self.is_renewed && self.asked == self.asked();
        self.plain = match is_as_wanted && !has_past && !interest.is_priority() {
            true => Readiness::reportable(interest).bits(),
            false => 0,
        };
    }

    fn asked(&self) -> Asked {
        let Registration { interest, mode, .. } = self.registration;
        // Urgent data wakes no poll that asks for it alone (seen on Linux 6.18).
        let along_with_urgent = match interest.is_priority() {
            true => Readiness::READABLE.bits(),
            false => 0,
        };
        Asked {
            bits: Readiness::requested(interest).bits() | along_with_urgent,
            multishot: mode == Mode::Edge || self.is_distracted,
        }
    }

    /// Returns how the poll differs from what is wanted.
    #[inline]
    pub(crate) fn change(&self) -> Change {
        match (self.is_armed, self.is_wanted) {
            (false, true) => Change::Arm,
            (false, false) => Change::None,
            (true, false) => Change::Cancel,
            (true, true) if self.is_renewed || self.asked != self.asked() => Change::Replace,
            (true, true) => Change::None,
        }
    }

    /// Returns `true` if its poll differs from what is wanted, and it is not in the queue yet.
    #[inline]
    pub(crate) fn is_to_be_queued(&self) -> bool {
        let is_at_rest = self.is_armed && self.plain != 0;
        !is_at_rest && !self.queued && self.change() != Change::None
    }

    /// Notes that its poll is armed as wanted, and returns the request.
    #[inline]
    pub(crate) fn arm(&mut self) -> Asked {
        self.is_armed = true;
        if self.plain == 0 {
            self.asked = self.asked();
            self.is_renewed = false;
            self.note_plain();
        }
        self.asked
    }

    /// Notes that its poll is gone. Completions of it that still come are stale.
    pub(crate) fn forget(&mut self, generation: u32) {
        self.is_armed = false;
        self.generation = generation;
    }

    /// The short path of [`complete`](Self::complete), for completions that are reported as they are.
    #[inline]
    pub(crate) fn complete_plainly(&mut self, completion: &Completion) -> Option<Readiness> {
        let seen = completion.bits().unwrap_or(0) & self.plain;
        let is_multishot = self.registration.mode == Mode::Edge;
        if seen == 0 || completion.more != is_multishot {
            return None;
        }
        if !is_multishot {
            self.is_armed = false;
            self.is_wanted = self.registration.mode == Mode::Level;
        }
        Some(Readiness::from_bits(seen))
    }

    /// Returns `true` if a completion claims urgent data that the interest includes. Everything that
    /// arrives at a socket wakes polls with that bit (`sock_def_readable` in net/core/sock.c), and
    /// io_uring reports the bits that it was woken with.
    pub(crate) fn is_told_of_urgent(&self, completion: &Completion) -> bool {
        let claimed = Readiness::from_bits(completion.bits().unwrap_or(0));
        self.registration.interest.is_priority() && claimed.intersects(Readiness::PRIORITY)
    }

    /// Returns `true` if a completion is the end of a multishot poll that was not cancelled.
    ///
    /// Such a poll ends if the completion queue has no room for its event, if another ring or an epoll
    /// instance that watches one wakes it (`io_poll_wake` in io_uring/poll.c), and immediately if the
    /// file has no wait queue.
    pub(crate) fn is_ended_by(&self, completion: &Completion) -> bool {
        let is_multishot = self.is_armed && self.asked.multishot;
        is_multishot && !completion.more && completion.bits().is_ok()
    }

    /// `ended_at` is how many times the ring has overflowed, if the completion is such an end and the
    /// file may have no wait queue.
    pub(crate) fn complete(&mut self, completion: &Completion, ended_at: Option<u32>) -> Verdict {
        let verdict = self.conclude(completion, ended_at);
        self.note_plain();
        verdict
    }

    fn conclude(&mut self, completion: &Completion, ended_at: Option<u32>) -> Verdict {
        if !completion.more {
            self.is_armed = false;
        }
        match completion.bits() {
            Err(libc::ECANCELED) => Verdict::Lost,
            // Replaced or cancelled while it completed.
            _ if self.is_renewed || !self.is_wanted => Verdict::Silent,
            // A file without a wait queue, registered for readiness that it never has.
            Err(libc::EINVAL) => {
                self.is_wanted = false;
                Verdict::Silent
            }
            Err(libc::EBADF) => Verdict::Dead,
            // The kernel could not watch it: out of memory, most likely.
            Err(_) => self.observe(Readiness::ERROR, None),
            Ok(bits) => self.observe(Readiness::from_bits(bits), ended_at),
        }
    }

    /// The kernel reports a peer's half-close unasked. It is silenced without losing events that can
    /// follow.
    fn observe(&mut self, observed: Readiness, ended_at: Option<u32>) -> Verdict {
        let seen = observed & Readiness::reportable(self.registration.interest);
        let is_always_ready = self.is_always_ready(ended_at);
        self.is_distracted = seen.is_empty();
        if self.is_distracted {
            self.is_wanted = !is_always_ready;
            return Verdict::Silent;
        }
        match self.registration.mode {
            // A multishot poll that continues has no more to report: it is replaced.
            Mode::Level => self.is_renewed = self.is_armed,
            Mode::Oneshot => self.is_wanted = false,
            Mode::Edge if is_always_ready => {
                self.is_wanted = false;
                return Verdict::Silent;
            }
            Mode::Edge => {}
        }
        Verdict::Tell(seen)
    }

    /// Returns `true` if a multishot poll that ended was armed again only to end again, while the ring
    /// had room. Then the file has no wait queue: it is always ready, and had its turn.
    fn is_always_ready(&mut self, ended_at: Option<u32>) -> bool {
        let before = std::mem::replace(&mut self.ended_at, ended_at);
        ended_at.is_some() && before == ended_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waitset_core::{Interest, Token};

    const IN: i32 = Readiness::READABLE.bits() as i32;

    fn armed(mode: Mode) -> Source {
        let mut source = Source::new(
            Registration {
                token: Token(7),
                interest: Interest::READABLE,
                mode,
            },
            1,
        );
        source.arm();
        source
    }

    #[test]
    fn what_the_kernel_had_no_memory_to_watch_is_told_and_watched_again() {
        for mode in [Mode::Level, Mode::Oneshot, Mode::Edge] {
            let mut source = armed(mode);
            let verdict = source.complete(&Completion::last(-libc::ENOMEM), None);
            assert!(matches!(verdict, Verdict::Tell(Readiness::ERROR)));
            let again = match mode {
                Mode::Oneshot => Change::None,
                Mode::Level | Mode::Edge => Change::Arm,
            };
            assert_eq!(source.change(), again);
        }
    }

    #[test]
    fn a_descriptor_that_is_not_open_is_dead_and_a_cancelled_poll_is_not() {
        let verdict = |errno: i32| armed(Mode::Edge).complete(&Completion::last(-errno), None);
        assert!(matches!(verdict(libc::EBADF), Verdict::Dead));
        assert!(matches!(verdict(libc::ECANCELED), Verdict::Lost));
    }

    /// Ends as often as `overflows` has elements, each with what the ring had counted.
    fn ends(overflows: &[Option<u32>]) -> (Source, Verdict) {
        let mut source = armed(Mode::Edge);
        let mut last = Verdict::Silent;
        for ended_at in overflows {
            assert!(source.is_ended_by(&Completion::last(IN)));
            last = source.complete(&Completion::last(IN), *ended_at);
            if source.change() == Change::Arm {
                source.arm();
            }
        }
        (source, last)
    }

    #[test]
    fn a_file_whose_poll_ends_twice_is_always_ready_and_at_rest() {
        let (source, last) = ends(&[Some(3), Some(3)]);
        assert!(matches!(last, Verdict::Silent) && !source.is_armed());
    }

    #[test]
    fn a_poll_that_ends_because_the_ring_overflowed_is_told_and_armed_again() {
        let (source, last) = ends(&[Some(3), Some(4), Some(5), Some(6)]);
        assert!(matches!(last, Verdict::Tell(_)) && source.is_armed());
    }

    #[test]
    fn a_poll_of_what_has_a_wait_queue_is_told_and_armed_again_however_often_it_ends() {
        let (source, last) = ends(&[None; 9]);
        assert!(matches!(last, Verdict::Tell(_)) && source.is_armed());
    }
}
