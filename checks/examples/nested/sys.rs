//! Registration with tokio.
#![allow(unsafe_code, reason = "registration with tokio")]

use std::io;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use waitset::{NestedLoop, Reactor};

/// Has tokio watch a nested loop, which its caller replaces by no other.
pub(crate) fn watch<State, R: Reactor>(
    nested: NestedLoop<State, R>,
) -> io::Result<AsyncFd<NestedLoop<State, R>>> {
    // SAFETY: a nested loop lends the same descriptor for as long as it lives, and the caller
    // leaves it where it is.
    let watched = unsafe { AsyncFd::register_with_interest(nested, Interest::READABLE) };
    watched.map_err(|error| error.into_parts().1)
}
