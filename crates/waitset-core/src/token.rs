/// The caller's number for a source, echoed back in its events.
///
/// Reactors give it no meaning: two sources may share a token. Values up to
/// [`Token::MAX`] can be registered; the three bits that a data word
/// of the kernel has left carry the source's
/// [`Interest`](crate::Interest) through the kernel, which spares a table look-up per
/// event.
///
/// ```
/// use waitset_core::Token;
///
/// let connection = 7_u64;
/// assert_eq!(Token(connection).0, 7);
/// assert_eq!(Token::MAX.0, (1 << 61) - 1);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

impl Token {
    /// The largest token that can be registered, 2⁶¹ − 1.
    pub const MAX: Self = Self((1 << 61) - 1);
}

impl From<u32> for Token {
    fn from(value: u32) -> Self {
        Self(value.into())
    }
}
