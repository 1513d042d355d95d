use std::fmt;

/// The caller's number for a source, which comes back in its events.
///
/// Reactors give it no meaning: two sources can have the same token. The largest one that can be
/// registered is [`Token::MAX`], because the other three bits of the kernel's data word carry the
/// source's [`Interest`](crate::Interest). That saves a table look-up per event.
///
/// ```
/// use waitset_core::Token;
///
/// let index = 7_u32;
/// let token = Token::from(index);
/// assert_eq!(token, Token(7));
/// assert_eq!(u64::from(token), 7);
/// assert_eq!(Token::MAX.0, (1 << 61) - 1);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Token(pub u64);

impl Token {
    /// The largest token that can be registered, 2⁶¹ − 1.
    pub const MAX: Self = Self((1 << 61) - 1);
}

/// Every `u32` can be registered. For larger numbers write `Token(number)`.
impl From<u32> for Token {
    fn from(value: u32) -> Self {
        Self(value.into())
    }
}

impl From<Token> for u64 {
    fn from(token: Token) -> Self {
        token.0
    }
}

/// The number.
impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
