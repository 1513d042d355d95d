//! The scenarios, one a file.

pub mod accept;
pub mod active_share;
pub mod all_ready;
pub mod arrivals;
mod burst;
pub mod chain;
pub mod connections;
pub mod datagrams;
pub mod echo;
pub mod libevent;
pub mod memory;
pub mod one_ready;
pub mod register;
pub mod round_trip;
pub mod timeouts;
pub mod toggle;
pub mod waiting;
pub mod wake;
pub mod wake_across;
