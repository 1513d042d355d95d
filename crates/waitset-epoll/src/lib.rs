//! epoll(7) as a [`Reactor`](waitset_core::Reactor): level-triggered, edge-triggered and one-shot,
//! Linux only.
//!
//! ```
//! use std::io::Write;
//! use std::os::fd::AsFd;
//! use waitset_core::{Events, Interest, Mode, Reactor, Token};
//! use waitset_epoll::EpollReactor;
//!
//! let (mut near, far) = std::os::unix::net::UnixStream::pair()?;
//! let mut epoll = EpollReactor::new()?;
//! // SAFETY: `far` stays open until it is deregistered.
//! unsafe { epoll.register(far.as_fd(), Token(7), Interest::READABLE, Mode::Edge)? };
//! near.write_all(b"!")?;
//! let mut events = Events::with_capacity(256);
//! epoll.wait(&mut events, None)?;
//! assert_eq!(events.as_slice()[0].token(), Token(7));
//! epoll.deregister(far.as_fd())?;
//! # Ok::<(), std::io::Error>(())
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg(any(target_os = "linux", target_os = "android"))]

mod epoll;
mod ghosts;
mod held;
mod reactor;
mod sys;
mod table;
mod wait;

pub use epoll::EpollReactor;
