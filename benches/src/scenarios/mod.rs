//! The scenarios, one a file, each with the [`Question`](question::Question) that describes it.
//! A new one is a file here, and a line in [`crate::scenario`].

pub mod accept;
pub mod active_share;
pub mod all_ready;
pub mod arrivals;
mod burst;
pub mod chain;
pub mod connections;
pub mod datagrams;
pub mod echo;
pub mod gammo;
pub mod kerrisk;
pub mod libevent;
pub mod memory;
pub mod one_ready;
pub mod question;
pub mod rearm;
pub mod register;
pub mod round_trip;
pub mod sparse;
pub mod tax;
pub mod timeouts;
pub mod toggle;
pub mod waiting;
pub mod wake;
pub mod wake_across;
