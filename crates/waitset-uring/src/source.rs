//! One source: what is wanted and which poll is armed.

use std::os::fd::RawFd;

use waitset_core::{Interest, Mode, Readiness};
use waitset_unix::Registration;

use crate::ring::Completion;

/// What a poll asks of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) bits: u32,
    pub(crate) multishot: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) registration: Registration,
    pub(crate) queued: bool,
    /// Names this source's poll; a completion of another generation is stale.
    generation: u32,
    /// What its poll asks, if it is armed, or else what the last one did.
    asked: Asked,
    is_armed: bool,
    /// Whether it is to be armed: not after a one-shot source was told.
    is_wanted: bool,
    /// Whether a poll that lasts is to be armed anew, because `modify` asked.
    is_renewed: bool,
    /// Whether a multishot poll ended by itself, once.
    has_ended: bool,
    /// Whether the kernel told what nobody asked for. A poll of one shot would tell it
    /// again and again; a multishot poll waits for something else to happen.
    is_distracted: bool,
    /// What a completion may hold to be told as it came: nothing unless `asked` is as wanted
    /// and the source has no past.
    plain: u32,
}

/// What to do about a source's poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    None,
    Arm,
    Cancel,
    /// Cancel it and arm another.
    Replace,
}

/// What to do about a completion.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict {
    Silent,
    Tell(Readiness),
    Dead,
}

/// Descriptor and generation of a completion.
pub(crate) fn unpack(data: u64) -> (RawFd, u32) {
    (data as u32 as RawFd, (data >> 32) as u32)
}

impl Source {
    /// A source whose poll is yet to be armed.
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
            has_ended: false,
            is_distracted: false,
            plain: 0,
        }
    }

    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// The user data of this source's poll.
    pub(crate) fn data(&self, fd: RawFd) -> u64 {
        u64::from(self.generation) << 32 | u64::from(fd as u32)
    }

    pub(crate) fn is_armed(&self) -> bool {
        self.is_armed
    }

    /// Wants something else, or the same again.
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
        self.has_ended = false;
        // What nobody asked for may be asked for now.
        self.is_distracted = false;
        self.note_plain();
    }

    /// What may be told as it comes.
    fn note_plain(&mut self) {
        let Registration { interest, .. } = self.registration;
        let has_past = self.has_ended || self.is_distracted;
        let is_as_wanted = !self.is_renewed && self.asked == self.asked();
        self.plain = match is_as_wanted && !has_past && !interest.is_priority() {
            true => told(interest).0,
            false => 0,
        };
    }

    fn asked(&self) -> Asked {
        let Registration { interest, mode, .. } = self.registration;
        // Urgent data wakes no poll that asks for it alone (seen on Linux 6.18).
        let along_with_urgent = match interest.is_priority() {
            true => Readiness::READABLE.0,
            false => 0,
        };
        Asked {
            bits: wanted(interest).0 | along_with_urgent,
            multishot: mode == Mode::Edge || self.is_distracted,
        }
    }

    /// What differs from what is wanted.
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

    /// Whether its poll differs from what is wanted, and nobody knows yet.
    #[inline]
    pub(crate) fn is_to_be_queued(&self) -> bool {
        let is_at_rest = self.is_armed && self.plain != 0;
        !is_at_rest && !self.queued && self.change() != Change::None
    }

    /// Its poll is armed as wanted from now on.
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

    /// Its poll is no more, and what still comes of it is stale.
    pub(crate) fn forget(&mut self, generation: u32) {
        self.is_armed = false;
        self.generation = generation;
    }

    /// The short way of [`complete`](Self::complete), for what is told as it came.
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
        Some(Readiness(seen))
    }

    /// Whether a completion claims urgent data that is asked for. A socket's arrival wakes
    /// polls with that bit whatever it is (`sock_def_readable` in net/core/sock.c), and
    /// io_uring tells what it was woken with.
    pub(crate) fn is_told_of_urgent(&self, completion: &Completion) -> bool {
        let claimed = Readiness(completion.bits().unwrap_or(0));
        self.registration.interest.is_priority() && claimed.intersects(Readiness::PRIORITY)
    }

    pub(crate) fn complete(&mut self, completion: &Completion) -> Verdict {
        let verdict = self.conclude(completion);
        self.note_plain();
        verdict
    }

    fn conclude(&mut self, completion: &Completion) -> Verdict {
        let is_multishot = self.is_armed && self.asked.multishot;
        if !completion.more {
            self.is_armed = false;
        }
        match completion.bits() {
            // Replaced or cancelled while it completed.
            _ if self.is_renewed || !self.is_wanted => Verdict::Silent,
            // A file without readiness to wait for, asked for what it never has.
            Err(libc::EINVAL) => {
                self.is_wanted = false;
                Verdict::Silent
            }
            Err(_) => Verdict::Dead,
            Ok(bits) => self.observe(Readiness(bits), is_multishot && !completion.more),
        }
    }

    /// The kernel tells a peer's half-close unasked; it is silenced without losing what
    /// may follow.
    fn observe(&mut self, observed: Readiness, ends: bool) -> Verdict {
        let seen = Readiness(observed.0 & told(self.registration.interest).0);
        self.is_distracted = seen == Readiness::default();
        if self.is_distracted {
            self.is_wanted = !self.ends_again(ends);
            return Verdict::Silent;
        }
        match self.registration.mode {
            Mode::Level => {}
            Mode::Oneshot => self.is_wanted = false,
            Mode::Edge => {
                if self.ends_again(ends) {
                    self.is_wanted = false;
                    return Verdict::Silent;
                }
            }
        }
        Verdict::Tell(seen)
    }

    /// A multishot poll ends by itself when the completion queue overflowed, and always
    /// on a file that has no readiness to wait for. Armed again, only the latter ends
    /// again: it is always ready, and had its turn.
    fn ends_again(&mut self, ends: bool) -> bool {
        std::mem::replace(&mut self.has_ended, ends) && ends
    }
}

/// All that is told of a source.
fn told(interest: Interest) -> Readiness {
    wanted(interest) | Readiness::ERROR | Readiness::HANGUP
}

/// The same, but for its end.
fn wanted(interest: Interest) -> Readiness {
    match interest.is_readable() {
        true => Readiness::from(interest) | Readiness::PEER_CLOSED,
        false => Readiness::from(interest),
    }
}
