use std::error::Error;
use std::fmt;
use std::io;

/// The reason why a source could not be inserted, and the source itself.
///
/// `?` converts it to an [`io::Error`] and drops the source.
pub struct InsertError<S> {
    source: S,
    error: io::Error,
}

impl<S> InsertError<S> {
    pub(crate) const fn new(source: S, error: io::Error) -> Self {
        Self { source, error }
    }

    /// The same error with what `change` makes of the source.
    pub(crate) fn map<T>(self, change: impl FnOnce(S) -> T) -> InsertError<T> {
        InsertError::new(change(self.source), self.error)
    }

    /// Returns the reason.
    pub const fn error(&self) -> &io::Error {
        &self.error
    }

    /// Returns the source, unchanged; with its data if it was inserted with data.
    pub fn into_source(self) -> S {
        self.source
    }

    /// Returns the source and the reason.
    pub fn into_parts(self) -> (S, io::Error) {
        (self.source, self.error)
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
