//! The kernel's part of a registration: the bits that it watches and the data word that it returns.
//!
//! A data word with an interest in its low three bits is an [`Event`]'s own, and needs no look-up.
//! All others are marks: zero is the waker, and the rest name a one-shot source by descriptor and
//! generation.

use std::os::fd::RawFd;

use waitset_core::{Event, Interest, Mode, Readiness};
use waitset_unix::Registration;

/// The bits that hold an [`Event`]'s interest, and are zero in a mark.
const INTEREST: u64 = Interest::ALL.bits() as u64;
const INTEREST_BITS: u32 = INTEREST.count_ones();

/// Bits and data word of one `epoll_ctl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) bits: u32,
    pub(crate) data: u64,
}

/// The waker's eventfd: edge-triggered, so that each write is reported once and never read.
pub(crate) const WAKE: Held = Held {
    bits: libc::EPOLLIN as u32 | libc::EPOLLET as u32,
    data: 0,
};

/// Nothing is watched. The kernel reports a hang-up or an error unasked, but only once more.
pub(crate) const SILENT_BITS: u32 = ONESHOT;

pub(crate) const ONESHOT: u32 = libc::EPOLLONESHOT as u32;

/// Returns the bits to watch for an interest, level-triggered.
#[inline]
pub(crate) fn bits(interest: Interest) -> u32 {
    Readiness::requested(interest).bits()
}

/// Returns what the kernel must hold for a level-triggered or edge-triggered source.
pub(crate) fn plain(wanted: &Registration) -> Held {
    let edge = match wanted.mode {
        Mode::Edge => libc::EPOLLET as u32,
        _ => 0,
    };
    Held {
        bits: bits(wanted.interest) | edge,
        data: Event::pack(wanted.token, wanted.interest),
    }
}

/// Returns `true` if an event's data word must be looked up.
#[inline]
pub(crate) fn is_marked(data: u64) -> bool {
    data & INTEREST == 0
}

/// Returns the data word of a one-shot source. Generations run from 1 to 2²⁹ − 1.
pub(crate) fn mark(fd: RawFd, generation: u32) -> u64 {
    debug_assert!(generation != 0 && generation < 1 << 29);
    (u64::from(generation) << 32 | u64::from(fd as u32)) << INTEREST_BITS
}

/// Returns the descriptor of a one-shot source.
#[inline]
pub(crate) fn unmark(data: u64) -> RawFd {
    (data >> INTEREST_BITS) as u32 as RawFd
}

#[cfg(test)]
mod tests {
    use super::*;
    use waitset_core::Token;

    #[test]
    fn marks_and_plain_words_never_meet() {
        let largest = mark(i32::MAX, (1 << 29) - 1);
        assert!(is_marked(largest) && is_marked(WAKE.data));
        assert_eq!(unmark(largest), i32::MAX);
        assert_ne!(mark(0, 1), WAKE.data);
        for interest in [Interest::READABLE, Interest::PRIORITY, Interest::WRITABLE] {
            assert!(!is_marked(Event::pack(Token(0), interest)));
        }
    }
}
