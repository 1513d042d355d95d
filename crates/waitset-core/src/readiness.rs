use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign};

use crate::Interest;

/// The readiness that a mechanism observed of a source, as the bits of poll(2) and epoll(7).
///
/// Mechanisms fill it in; programs call the methods of an [`Event`](crate::Event) instead. Unlike
/// an [`Interest`], it can be empty, and it keeps bits that it has no name for.
///
/// ```
/// use waitset_core::{Interest, Readiness};
///
/// // What poll(2) wrote into `revents`: POLLIN | POLLHUP.
/// let observed = Readiness::from_bits(0x0011);
/// assert!(observed.contains(Readiness::HANGUP));
/// assert!(observed.intersects(Readiness::READABLE | Readiness::WRITABLE));
///
/// // A source whose registered interest is writable: the hang-up is reported, the data is not.
/// let reported = observed & Readiness::reportable(Interest::WRITABLE);
/// assert_eq!(reported, Readiness::HANGUP);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Readiness(u32);

impl Readiness {
    /// Nothing.
    pub const EMPTY: Self = Self(0);
    /// `POLLIN`, 0x1: data, a connection to accept, or end of file.
    pub const READABLE: Self = Self(0x0001);
    /// `POLLPRI`, 0x2: urgent (out-of-band) data.
    pub const PRIORITY: Self = Self(0x0002);
    /// `POLLOUT`, 0x4: room to write, or a connection attempt that ended.
    pub const WRITABLE: Self = Self(0x0004);
    /// `POLLERR`, 0x8: an error is pending.
    pub const ERROR: Self = Self(0x0008);
    /// `POLLHUP`, 0x10: a hang-up.
    pub const HANGUP: Self = Self(0x0010);
    /// `EPOLLRDHUP`, 0x2000: the peer has shut down its writing half.
    pub const PEER_CLOSED: Self = Self(0x2000);

    /// Creates a readiness from its bits, unknown bits included.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Returns the bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Returns the bits to request from the kernel for `interest`: its directions, and
    /// [`PEER_CLOSED`](Self::PEER_CLOSED) if it includes readable.
    ///
    /// poll(2) and epoll(7) report errors and hang-ups without being asked.
    #[must_use]
    pub const fn requested(interest: Interest) -> Self {
        let peer_closed = match interest.is_readable() {
            true => Self::PEER_CLOSED.0,
            false => 0,
        };
        Self(interest.bits() as u32 | peer_closed)
    }

    /// Returns everything that an event of a source with `interest` can report: the
    /// [requested](Self::requested) bits, errors and hang-ups.
    #[must_use]
    pub const fn reportable(interest: Interest) -> Self {
        Self(Self::requested(interest).0 | Self::ERROR.0 | Self::HANGUP.0)
    }

    /// Returns `true` if no bit is set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns `true` if all bits of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns `true` if at least one bit of `other` is set.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns the bits of `self` that are not set in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for Readiness {
    type Output = Self;

    #[inline]
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Readiness {
    #[inline]
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl BitAnd for Readiness {
    type Output = Self;

    #[inline]
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// The directions of the interest, and nothing else.
impl From<Interest> for Readiness {
    fn from(interest: Interest) -> Self {
        Self(interest.bits().into())
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Self::READABLE, "READABLE"),
            (Self::WRITABLE, "WRITABLE"),
            (Self::PRIORITY, "PRIORITY"),
            (Self::ERROR, "ERROR"),
            (Self::HANGUP, "HANGUP"),
            (Self::PEER_CLOSED, "PEER_CLOSED"),
        ];
        let mut rest = *self;
        let mut separator = "";
        for (flag, name) in names {
            if self.contains(flag) {
                rest = rest.without(flag);
                write!(f, "{separator}{name}")?;
                separator = " | ";
            }
        }
        match (rest.0, separator) {
            (0, "") => f.write_str("EMPTY"),
            (0, _) => Ok(()),
            (unknown, _) => write!(f, "{separator}{unknown:#x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_names_the_flags_and_keeps_unknown_bits() {
        let text = |bits| format!("{:?}", Readiness::from_bits(bits));
        assert_eq!(text(0), "EMPTY");
        assert_eq!(text(0x2011), "READABLE | HANGUP | PEER_CLOSED");
        assert_eq!(text(0x0040), "0x40");
        assert_eq!(text(0x0044), "WRITABLE | 0x40");
    }

    #[test]
    fn a_half_close_is_requested_with_readable_only() {
        assert!(Readiness::requested(Interest::ALL).contains(Readiness::PEER_CLOSED));
        let others = Interest::WRITABLE | Interest::PRIORITY;
        assert_eq!(Readiness::requested(others), others.into());
    }
}
