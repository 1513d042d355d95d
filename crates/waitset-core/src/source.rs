//! The one place that says what a source is on this platform.
//!
//! On Unix it is a borrowed descriptor. A Windows mechanism would name a borrowed socket here,
//! and no other file of this crate would change.

/// A borrowed source, as a [`Reactor`](crate::Reactor) registers it: on Unix, a descriptor.
#[cfg(unix)]
pub use std::os::fd::BorrowedFd as BorrowedSource;

/// A type that lends its source: on Unix, its descriptor. A [`WaitSet`] can own any of them.
///
/// [`WaitSet`]: https://docs.rs/waitset/latest/waitset/struct.WaitSet.html
#[cfg(unix)]
pub use std::os::fd::AsFd as AsSource;
