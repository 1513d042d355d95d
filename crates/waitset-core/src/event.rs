use std::fmt;
use std::hash::{Hash, Hasher};

use crate::{Interest, Readiness, Token};

/// A source's token and the readiness that was observed.
///
/// Readiness is advisory: a read after a readable event can still return `WouldBlock`. A hang-up
/// or an error reads as readiness in every registered direction, so that the next read or write
/// finds out what happened. [`is_error`](Self::is_error), [`is_hangup`](Self::is_hangup) and
/// [`is_peer_closed`](Self::is_peer_closed) are hints that some mechanisms do not give, see
/// [`Capabilities`](crate::Capabilities).
///
/// # Layout
///
/// The kernel's `struct epoll_event` (epoll_ctl(2)), 12 bytes on x86-64, so that epoll writes its
/// events directly into the caller's [`Events`](crate::Events): 32 observed bits, then the
/// [data word](Self::pack).
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
    /// Creates an event of the source that was registered with `token` and `interest`.
    ///
    /// Tokens above [`Token::MAX`] are cut; reactors refuse them at registration.
    #[must_use]
    pub const fn new(token: Token, interest: Interest, observed: Readiness) -> Self {
        Self {
            observed: observed.bits(),
            data: Self::pack(token, interest),
        }
    }

    /// Packs a token and an interest into a data word: what a mechanism gives to the kernel
    /// (epoll's `epoll_data`, io_uring's `user_data`) and gets back with each event.
    ///
    /// # Layout
    ///
    /// | bits | content |
    /// |---|---|
    /// | 0 to 2 | the interest, [`Interest::bits`] |
    /// | 3 to 63 | the token, at most [`Token::MAX`]; higher bits are cut |
    ///
    /// An interest is never empty, so a data word whose low three bits are all zero is not a
    /// source's. A mechanism can use such words for its own purposes, such as its waker.
    ///
    /// ```
    /// use waitset_core::{Event, Interest, Token};
    ///
    /// let data = Event::pack(Token(5), Interest::WRITABLE);
    /// assert_eq!(data, 5 << 3 | 0b100);
    /// assert_eq!(Event::unpack(data), Some((Token(5), Interest::WRITABLE)));
    /// assert_eq!(Event::unpack(5 << 3), None);
    /// ```
    #[must_use]
    pub const fn pack(token: Token, interest: Interest) -> u64 {
        token.0 << INTEREST_BITS | interest.bits() as u64
    }

    /// Returns the token and the interest of a data word that [`pack`](Self::pack) made, or
    /// `None` if its low three bits are all zero.
    #[must_use]
    pub const fn unpack(data: u64) -> Option<(Token, Interest)> {
        let bits = data as u8 & Interest::ALL.bits();
        match Interest::from_bits(bits) {
            Some(interest) => Some((Token(data >> INTEREST_BITS), interest)),
            None => None,
        }
    }

    /// Returns the [data word](Self::pack).
    #[must_use]
    pub const fn data(&self) -> u64 {
        self.data
    }

    /// Returns the token that the source was registered with.
    #[must_use]
    pub const fn token(&self) -> Token {
        Token(self.data >> INTEREST_BITS)
    }

    /// Returns everything that was observed, hints included.
    #[must_use]
    pub const fn readiness(&self) -> Readiness {
        Readiness::from_bits(self.observed)
    }

    /// Returns `true` if a read is worth trying: there is data, end of file or an error.
    ///
    /// Always `false` for a source that is not registered for [`Interest::READABLE`].
    #[must_use]
    pub const fn is_readable(&self) -> bool {
        self.reads_as(
            Interest::READABLE,
            Readiness::READABLE.bits() | Readiness::PEER_CLOSED.bits(),
        )
    }

    /// Returns `true` if a write is worth trying: there is room, or an error.
    ///
    /// Always `false` for a source that is not registered for [`Interest::WRITABLE`].
    #[must_use]
    pub const fn is_writable(&self) -> bool {
        self.reads_as(Interest::WRITABLE, Readiness::WRITABLE.bits())
    }

    /// Returns `true` if there is urgent data, a hang-up or an error.
    ///
    /// Always `false` for a source that is not registered for [`Interest::PRIORITY`].
    #[must_use]
    pub const fn is_priority(&self) -> bool {
        self.reads_as(Interest::PRIORITY, Readiness::PRIORITY.bits())
    }

    /// Returns `true` if the source has an error pending (`POLLERR` in poll(2)). A hint.
    #[must_use]
    pub const fn is_error(&self) -> bool {
        self.observed & Readiness::ERROR.bits() != 0
    }

    /// Returns `true` if both halves are closed (`POLLHUP` in poll(2)); there can still be data
    /// to read. A hint.
    #[must_use]
    pub const fn is_hangup(&self) -> bool {
        self.observed & Readiness::HANGUP.bits() != 0
    }

    /// Returns `true` if the peer will not send any more; there can still be data to read. A hint.
    #[must_use]
    pub const fn is_peer_closed(&self) -> bool {
        self.observed & (Readiness::PEER_CLOSED.bits() | Readiness::HANGUP.bits()) != 0
    }

    /// Returns `true` if the source is registered for `direction`, and one of `signs`, a hang-up
    /// or an error was observed.
    const fn reads_as(&self, direction: Interest, signs: u32) -> bool {
        self.data & direction.bits() as u64 != 0 && self.observed & (signs | ENDED) != 0
    }
}

/// Reads as readiness in every direction.
const ENDED: u32 = Readiness::ERROR.bits() | Readiness::HANGUP.bits();

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        (self.data(), self.readiness()) == (other.data(), other.readiness())
    }
}

impl Eq for Event {}

impl Hash for Event {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.data(), self.readiness()).hash(state);
    }
}

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

    #[test]
    fn unpack_returns_what_pack_was_given() {
        for token in [Token(0), Token(1), Token(u64::from(u32::MAX)), Token::MAX] {
            for interest in (1..=7).filter_map(Interest::from_bits) {
                let data = Event::pack(token, interest);
                assert_eq!(Event::unpack(data), Some((token, interest)));
            }
            assert_eq!(Event::unpack(token.0 << INTEREST_BITS), None, "a mark");
        }
    }
}
