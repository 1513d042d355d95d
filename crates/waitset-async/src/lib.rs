#![doc = include_str!("../README.md")]
#![cfg(unix)]

mod budget;
mod context;
mod executor;
#[cfg(feature = "hyper")]
mod hyper;
mod inbox;
mod join;
mod net;
mod panics;
mod process;
mod shared;
mod source;
mod stream;
mod sys;
mod task;
mod timer;
mod waiters;

pub use budget::consume_budget;
pub use executor::{Executor, block_on};
#[cfg(feature = "hyper")]
pub use hyper::Hyper;
pub use join::{JoinError, JoinHandle, spawn};
pub use net::Incoming;
pub use source::{Async, Ready};
pub use task::{YieldNow, yield_now};
pub use timer::{Elapsed, Sleep, sleep, sleep_until, timeout};
