use std::error::Error;
use std::{fmt, io};

/// The error of reading a [`Mode`](crate::Mode) or an [`Interest`](crate::Interest) from text.
///
/// Its message lists the names that exist.
///
/// ```
/// use waitset_core::Mode;
///
/// let error = "levle".parse::<Mode>().unwrap_err();
/// assert_eq!(error.to_string(), r#"unknown mode "levle"; use level, edge or oneshot"#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseNameError {
    what: &'static str,
    given: Box<str>,
    known: &'static str,
}

impl ParseNameError {
    pub(crate) fn new(what: &'static str, given: &str, known: &'static str) -> Self {
        Self {
            what,
            given: given.into(),
            known,
        }
    }
}

impl fmt::Display for ParseNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, given, known } = self;
        write!(f, "unknown {what} {given:?}; use {known}")
    }
}

impl Error for ParseNameError {}

impl From<ParseNameError> for io::Error {
    fn from(error: ParseNameError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}
