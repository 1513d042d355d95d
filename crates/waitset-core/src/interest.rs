use std::fmt;
use std::num::NonZeroU8;
use std::ops::{BitOr, BitOrAssign};

/// What is asked of a source: any of readable, writable and priority, never nothing.
///
/// To ask for nothing, deregister the source or use
/// [`Mode::Oneshot`](crate::Mode::Oneshot); a registration that asks for nothing could
/// not be silent, since poll and epoll report hang-ups unasked.
///
/// ```
/// use waitset_core::Interest;
///
/// let both = Interest::READABLE | Interest::WRITABLE;
/// assert!(both.contains(Interest::WRITABLE));
/// assert_eq!(both.without(Interest::WRITABLE), Some(Interest::READABLE));
/// assert_eq!(Interest::READABLE.without(both), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interest(NonZeroU8);

impl Interest {
    /// Data, a connection to accept, end of file.
    pub const READABLE: Self = Self(NonZeroU8::new(0b001).unwrap());
    /// Out-of-band data of TCP and the like, see `POLLPRI` in poll(2).
    pub const PRIORITY: Self = Self(NonZeroU8::new(0b010).unwrap());
    /// Room to write, or a connection attempt that ended.
    pub const WRITABLE: Self = Self(NonZeroU8::new(0b100).unwrap());
    /// All three.
    pub const ALL: Self = Self(NonZeroU8::new(0b111).unwrap());

    /// The interest of these bits: 1 readable, 2 priority, 4 writable; none for 0 and
    /// for anything else.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match NonZeroU8::new(bits) {
            Some(bits) if bits.get() <= Self::ALL.bits() => Some(Self(bits)),
            _ => None,
        }
    }

    /// The bits, 1 to 7. They equal those of `POLLIN`, `POLLPRI` and `POLLOUT`.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0.get()
    }

    /// Whether this asks for all that `other` asks for.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.bits() & other.bits() == other.bits()
    }

    /// Whether [`READABLE`](Self::READABLE) is asked for.
    #[must_use]
    pub const fn is_readable(self) -> bool {
        self.contains(Self::READABLE)
    }

    /// Whether [`WRITABLE`](Self::WRITABLE) is asked for.
    #[must_use]
    pub const fn is_writable(self) -> bool {
        self.contains(Self::WRITABLE)
    }

    /// Whether [`PRIORITY`](Self::PRIORITY) is asked for.
    #[must_use]
    pub const fn is_priority(self) -> bool {
        self.contains(Self::PRIORITY)
    }

    /// What is left without `other`, if anything.
    #[must_use]
    pub const fn without(self, other: Self) -> Option<Self> {
        Self::from_bits(self.bits() & !other.bits())
    }

    /// What both ask for, if anything.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Option<Self> {
        Self::from_bits(self.bits() & other.bits())
    }
}

impl BitOr for Interest {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Interest {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Self::READABLE, "READABLE"),
            (Self::WRITABLE, "WRITABLE"),
            (Self::PRIORITY, "PRIORITY"),
        ];
        let asked = names.iter().filter(|(one, _)| self.contains(*one));
        for (position, (_, name)) in asked.enumerate() {
            f.write_str(if position == 0 { "" } else { " | " })?;
            f.write_str(name)?;
        }
        Ok(())
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
        assert_eq!(Interest::PRIORITY.without(Interest::ALL), None);
        assert_eq!(Interest::READABLE.intersection(Interest::WRITABLE), None);
    }

    #[test]
    fn debug_names_what_is_asked_for() {
        let both = Interest::PRIORITY | Interest::READABLE;
        assert_eq!(format!("{both:?}"), "READABLE | PRIORITY");
    }
}
