use std::fmt;
use std::ops::BitOr;

use crate::{Interest, Token};

/// What a mechanism observed of a source: bits as poll(2) and epoll(7) number them.
///
/// For those who write a mechanism; users ask an [`Event`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Readiness(pub u32);

impl Readiness {
    /// `POLLIN`.
    pub const READABLE: Self = Self(0x0001);
    /// `POLLPRI`.
    pub const PRIORITY: Self = Self(0x0002);
    /// `POLLOUT`.
    pub const WRITABLE: Self = Self(0x0004);
    /// `POLLERR`.
    pub const ERROR: Self = Self(0x0008);
    /// `POLLHUP`.
    pub const HANGUP: Self = Self(0x0010);
    /// `EPOLLRDHUP`: the peer has shut down its writing half.
    pub const PEER_CLOSED: Self = Self(0x2000);

    /// Whether this has a bit in common with `other`.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Readiness {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl From<Interest> for Readiness {
    fn from(interest: Interest) -> Self {
        Self(interest.bits().into())
    }
}

/// A source's token and what was observed of it.
///
/// Readiness is advisory: a read after a readable event can still find `WouldBlock`. A
/// hang-up or an error reads as readiness in every direction that was asked for, so
/// that the next read or write finds out what happened. [`is_error`](Self::is_error),
/// [`is_hangup`](Self::is_hangup) and [`is_peer_closed`](Self::is_peer_closed) are hints
/// that not every mechanism gives, see [`Capabilities`](crate::Capabilities).
///
/// # Layout
///
/// Twelve bytes on x86-64, laid out as the kernel's `struct epoll_event` (epoll_ctl(2)),
/// so that epoll writes its events straight into the caller's [`Events`](crate::Events):
/// the observed bits, then the data word, whose low three bits are the interest and the
/// rest the token.
#[derive(Clone, Copy, Default)]
#[repr(C)]
#[cfg_attr(target_arch = "x86_64", repr(packed))]
pub struct Event {
    observed: u32,
    data: u64,
}

/// The low bits of a data word, which hold the interest.
const INTEREST_BITS: u32 = 3;

impl Event {
    /// An event of the source that `token` and `interest` were registered for.
    ///
    /// Tokens above [`Token::MAX`] are cut; reactors refuse them at registration.
    #[must_use]
    pub const fn new(token: Token, interest: Interest, observed: Readiness) -> Self {
        Self {
            observed: observed.0,
            data: Self::pack(token, interest),
        }
    }

    /// The data word: what a mechanism hands to the kernel to have it back in an event.
    ///
    /// Its low three bits are never all zero, since an interest is never empty; words where
    /// they are, are free for a mechanism's own marks.
    #[must_use]
    pub const fn pack(token: Token, interest: Interest) -> u64 {
        token.0 << INTEREST_BITS | interest.bits() as u64
    }

    /// The data word as it came back.
    #[must_use]
    pub const fn data(&self) -> u64 {
        self.data
    }

    /// The token that the source was registered with.
    #[must_use]
    pub const fn token(&self) -> Token {
        Token(self.data >> INTEREST_BITS)
    }

    /// All that was observed, hints included.
    #[must_use]
    pub const fn readiness(&self) -> Readiness {
        Readiness(self.observed)
    }

    /// Whether a read is worth trying: there is data, end of file or an error.
    ///
    /// False unless [`Interest::READABLE`] was asked for.
    #[must_use]
    pub const fn is_readable(&self) -> bool {
        let seen = Readiness::READABLE.0 | Readiness::PEER_CLOSED.0;
        self.asked(Interest::READABLE) && self.observed & (seen | ENDED) != 0
    }

    /// Whether a write is worth trying: there is room, or an error.
    ///
    /// False unless [`Interest::WRITABLE`] was asked for.
    #[must_use]
    pub const fn is_writable(&self) -> bool {
        self.asked(Interest::WRITABLE) && self.observed & (Readiness::WRITABLE.0 | ENDED) != 0
    }

    /// Whether there is out-of-band data, or the source has ended.
    ///
    /// False unless [`Interest::PRIORITY`] was asked for.
    #[must_use]
    pub const fn is_priority(&self) -> bool {
        self.asked(Interest::PRIORITY) && self.observed & (Readiness::PRIORITY.0 | ENDED) != 0
    }

    /// Hint: the source has an error pending, see `POLLERR` in poll(2).
    #[must_use]
    pub const fn is_error(&self) -> bool {
        self.observed & Readiness::ERROR.0 != 0
    }

    /// Hint: both halves are closed, see `POLLHUP` in poll(2). Data may be left to read.
    #[must_use]
    pub const fn is_hangup(&self) -> bool {
        self.observed & Readiness::HANGUP.0 != 0
    }

    /// Hint: the peer will send no more. Data may be left to read.
    #[must_use]
    pub const fn is_peer_closed(&self) -> bool {
        self.observed & (Readiness::PEER_CLOSED.0 | Readiness::HANGUP.0) != 0
    }

    const fn asked(&self, direction: Interest) -> bool {
        self.data & direction.bits() as u64 != 0
    }
}

/// What counts as readiness in every direction.
const ENDED: u32 = Readiness::ERROR.0 | Readiness::HANGUP.0;

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        (self.data(), self.readiness()) == (other.data(), other.readiness())
    }
}

impl Eq for Event {}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("token", &self.token().0)
            .field("readable", &self.is_readable())
            .field("writable", &self.is_writable())
            .field("priority", &self.is_priority())
            .field("error", &self.is_error())
            .field("hangup", &self.is_hangup())
            .field("peer_closed", &self.is_peer_closed())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hangup_reads_as_readiness_in_the_directions_asked_for_only() {
        let event = Event::new(Token(3), Interest::WRITABLE, Readiness::HANGUP);
        assert!(event.is_writable() && !event.is_readable() && !event.is_priority());
        assert!(event.is_hangup() && event.is_peer_closed() && !event.is_error());
        let event = Event::new(Token(3), Interest::ALL, Readiness::ERROR);
        assert!(event.is_writable() && event.is_readable() && event.is_priority());
    }

    #[test]
    fn token_and_interest_share_the_data_word_without_touching() {
        let event = Event::new(Token::MAX, Interest::PRIORITY, Readiness::PRIORITY);
        assert_eq!(event.token(), Token::MAX);
        assert!(event.is_priority());
        let event = Event::new(Token(0), Interest::ALL, Readiness::default());
        assert_eq!(event.token(), Token(0));
        assert_eq!(event.data(), Interest::ALL.bits().into());
    }
}
