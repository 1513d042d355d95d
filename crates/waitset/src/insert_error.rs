use std::error::Error;
use std::fmt;
use std::io;

/// Why a source could not be inserted, and the source itself.
///
/// `?` turns it into an [`io::Error`] and drops the source.
pub struct InsertError<S> {
    source: S,
    error: io::Error,
}

impl<S> InsertError<S> {
    pub(crate) fn new(source: S, error: io::Error) -> Self {
        Self { source, error }
    }

    /// Why.
    pub fn error(&self) -> &io::Error {
        &self.error
    }

    /// The source, as it was.
    pub fn into_source(self) -> S {
        self.source
    }
}

impl<S> fmt::Debug for InsertError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InsertError").field(&self.error).finish()
    }
}

impl<S> fmt::Display for InsertError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<S> Error for InsertError<S> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

impl<S> From<InsertError<S>> for io::Error {
    fn from(error: InsertError<S>) -> Self {
        error.error
    }
}
