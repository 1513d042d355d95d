use std::fmt;
use std::num::NonZeroU8;
use std::ops::{BitOr, BitOrAssign};
use std::str::FromStr;

use crate::ParseNameError;

/// The directions that a source is registered for: readable, writable, priority, or several of
/// them. Never empty.
///
/// A registration without a direction could not be silent, because poll and epoll report hang-ups
/// unasked. To pause a source, deregister it or use [`Mode::Oneshot`](crate::Mode::Oneshot).
///
/// It is displayed and read as the names of its directions, separated by `|`.
///
/// ```
/// use waitset_core::Interest;
///
/// let both = Interest::READABLE | Interest::WRITABLE;
/// assert!(both.contains(Interest::WRITABLE));
/// assert_eq!(both.without(Interest::WRITABLE), Some(Interest::READABLE));
/// assert_eq!(Interest::READABLE.without(both), None);
/// assert_eq!("readable|writable".parse(), Ok(both));
/// assert_eq!(both.to_string(), "readable|writable");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interest(NonZeroU8);

impl Interest {
    /// Data, a connection to accept, or end of file.
    pub const READABLE: Self = Self(NonZeroU8::new(0b001).unwrap());
    /// Urgent (out-of-band) data of TCP and the like, see `POLLPRI` in poll(2).
    pub const PRIORITY: Self = Self(NonZeroU8::new(0b010).unwrap());
    /// Room to write, or a connection attempt that ended.
    pub const WRITABLE: Self = Self(NonZeroU8::new(0b100).unwrap());
    /// All three.
    pub const ALL: Self = Self(NonZeroU8::new(0b111).unwrap());

    /// Creates an interest from its bits: 1 is readable, 2 priority and 4 writable. Returns `None`
    /// for 0 and for numbers above 7.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match NonZeroU8::new(bits) {
            Some(bits) if bits.get() <= Self::ALL.bits() => Some(Self(bits)),
            _ => None,
        }
    }

    /// Returns the bits, 1 to 7. They equal those of `POLLIN`, `POLLPRI` and `POLLOUT`.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0.get()
    }

    /// Returns `true` if every direction of `other` is included.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.bits() & other.bits() == other.bits()
    }

    /// Returns `true` if [`READABLE`](Self::READABLE) is included.
    #[must_use]
    pub const fn is_readable(self) -> bool {
        self.contains(Self::READABLE)
    }

    /// Returns `true` if [`WRITABLE`](Self::WRITABLE) is included.
    #[must_use]
    pub const fn is_writable(self) -> bool {
        self.contains(Self::WRITABLE)
    }

    /// Returns `true` if [`PRIORITY`](Self::PRIORITY) is included.
    #[must_use]
    pub const fn is_priority(self) -> bool {
        self.contains(Self::PRIORITY)
    }

    /// Returns the directions that are not in `other`, or `None` if there are none.
    #[must_use]
    pub const fn without(self, other: Self) -> Option<Self> {
        Self::from_bits(self.bits() & !other.bits())
    }

    /// Returns the directions that are in both, or `None` if there are none.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Option<Self> {
        Self::from_bits(self.bits() & other.bits())
    }
}

impl BitOr for Interest {
    type Output = Self;

    #[inline]
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Interest {
    #[inline]
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl From<Interest> for u8 {
    fn from(interest: Interest) -> Self {
        interest.bits()
    }
}

/// As [`from_bits`](Interest::from_bits); the error is the number.
impl TryFrom<u8> for Interest {
    type Error = u8;

    fn try_from(bits: u8) -> Result<Self, u8> {
        Self::from_bits(bits).ok_or(bits)
    }
}

/// The directions with their names in lower and upper case.
const NAMES: [(Interest, &str, &str); 3] = [
    (Interest::READABLE, "readable", "READABLE"),
    (Interest::WRITABLE, "writable", "WRITABLE"),
    (Interest::PRIORITY, "priority", "PRIORITY"),
];

impl fmt::Display for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (_, name, _) in NAMES.iter().filter(|(one, ..)| self.contains(*one)) {
            write!(f, "{separator}{name}")?;
            separator = "|";
        }
        Ok(())
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (.., name) in NAMES.iter().filter(|(one, ..)| self.contains(*one)) {
            write!(f, "{separator}{name}")?;
            separator = " | ";
        }
        Ok(())
    }
}

/// Reads names as [`Display`](fmt::Display) writes them, in any order; blanks around them are
/// ignored.
impl FromStr for Interest {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Self, ParseNameError> {
        let bits = text.split('|').try_fold(0, |bits, part| {
            let part = part.trim();
            let found = NAMES.iter().find(|(_, name, _)| *name == part);
            let (one, ..) = found.ok_or(part)?;
            Ok(bits | one.bits())
        });
        let unknown = |part| {
            let known = "readable, writable or priority, or several of them separated by |";
            ParseNameError::new("interest", part, known)
        };
        let bits = bits.map_err(unknown)?;
        Self::from_bits(bits).ok_or_else(|| unknown(text))
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Interest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Interest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_or_unknown_interest_cannot_be_made() {
        assert_eq!(Interest::from_bits(0), None);
        assert_eq!(Interest::from_bits(8), None);
        assert_eq!(Interest::from_bits(7), Some(Interest::ALL));
        assert_eq!(Interest::try_from(0), Err(0));
        assert_eq!(Interest::PRIORITY.without(Interest::ALL), None);
        assert_eq!(Interest::READABLE.intersection(Interest::WRITABLE), None);
    }

    #[test]
    fn debug_names_the_constants() {
        let both = Interest::PRIORITY | Interest::READABLE;
        assert_eq!(format!("{both:?}"), "READABLE | PRIORITY");
    }

    #[test]
    fn every_interest_is_read_as_it_is_displayed() {
        for interest in (1..=7).filter_map(Interest::from_bits) {
            assert_eq!(interest.to_string().parse(), Ok(interest));
        }
        let spaced: Interest = " priority | readable".parse().unwrap();
        assert_eq!(spaced, Interest::PRIORITY | Interest::READABLE);
        for wrong in ["", "|", "readable|", "READABLE", "readable,writable"] {
            let error = wrong.parse::<Interest>().unwrap_err();
            assert!(error.to_string().starts_with("unknown interest"), "{error}");
        }
    }
}
