//! io_uring(7) as a [`Reactor`](waitset_core::Reactor): level-triggered, edge-triggered and
//! one-shot, Linux 5.17 or later.
//!
//! ```
//! use std::io::{ErrorKind, Write};
//! use std::os::fd::AsFd;
//! use waitset_core::{Events, Interest, Mode, Reactor, Token};
//! use waitset_uring::UringReactor;
//!
//! let mut uring = match UringReactor::new() {
//!     Err(error) if error.kind() == ErrorKind::Unsupported => {
//!         return Ok(());
//!     }
//!     opened => opened?,
//! };
//! let (mut near, far) = std::os::unix::net::UnixStream::pair()?;
//! // SAFETY: `far` stays open until it is deregistered.
//! unsafe { uring.register(far.as_fd(), Token(7), Interest::READABLE, Mode::Edge)? };
//! near.write_all(b"!")?;
//! let mut events = Events::with_capacity(256);
//! uring.wait(&mut events, None)?;
//! assert_eq!(events.as_slice()[0].token(), Token(7));
//! uring.deregister(far.as_fd())?;
//! # Ok::<(), std::io::Error>(())
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg(target_os = "linux")]

mod absence;
mod arm;
mod cancel;
mod lend;
#[cfg(test)]
mod older_kernels;
mod reactor;
mod reap;
mod ring;
mod source;
mod sys;
#[cfg(test)]
mod tests;
mod uring;
mod wait;

pub use uring::UringReactor;
