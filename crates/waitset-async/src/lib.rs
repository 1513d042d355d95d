#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg(unix)]

mod budget;
mod child;
mod context;
mod executor;
#[cfg(feature = "hyper")]
mod hyper;
mod inbox;
mod interval;
mod join;
mod net;
mod panics;
mod process;
mod shared;
mod source;
mod split;
mod stream;
mod sys;
mod task;
mod timer;
#[cfg(feature = "blocking")]
mod unblock;
mod waiters;

pub use budget::consume_budget;
pub use child::Child;
pub use executor::{Executor, block_on};
#[cfg(feature = "hyper")]
pub use hyper::Hyper;
pub use interval::{Interval, Tick, interval, interval_at};
pub use join::{JoinError, JoinHandle, spawn};
#[cfg(feature = "blocking")]
pub use net::resolve;
pub use net::{Address, Incoming};
pub use source::{Async, Ready};
pub use split::{ReadHalf, ReuniteError, WriteHalf};
pub use task::{YieldNow, yield_now};
pub use timer::{Elapsed, Sleep, sleep, sleep_until, timeout};
#[cfg(feature = "blocking")]
pub use unblock::unblock;
