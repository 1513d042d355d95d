//! The one place that says what a source is on this platform.
//!
//! On Unix it is a borrowed descriptor. A Windows mechanism would name a
//! borrowed socket here, and no other file of this crate would change.

/// What a [`Reactor`](crate::Reactor) watches: a descriptor, borrowed.
#[cfg(unix)]
pub use std::os::fd::BorrowedFd as BorrowedSource;

/// What a [`WaitSet`] can own: anything that lends its descriptor.
///
/// [`WaitSet`]: https://docs.rs/waitset
#[cfg(unix)]
pub use std::os::fd::AsFd as AsSource;
