//! The descriptors that contestants watch.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

/// Descriptors that stay open as long as anyone holds a clone of this.
///
/// Each contestant holds one, which is what makes its registrations sound; and all
/// contestants of a scenario hold the same, so that they differ in nothing else.
#[derive(Clone, Debug)]
pub struct Sources(Arc<[File]>);

impl Sources {
    /// The descriptor whose token is `index`.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> BorrowedFd<'_> {
        self.0[index].as_fd()
    }

    /// The same, to read and write through: `&File` is `Read` and `Write`, whatever kind of
    /// descriptor it has.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    #[inline]
    #[must_use]
    pub fn file(&self, index: usize) -> &File {
        &self.0[index]
    }

    /// How many there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<OwnedFd> for Sources {
    fn from_iter<I: IntoIterator<Item = OwnedFd>>(descriptors: I) -> Self {
        Self(descriptors.into_iter().map(File::from).collect())
    }
}
