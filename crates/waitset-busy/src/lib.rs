//! Waiting without sleeping, or spinning before sleeping: the baselines of [waitset], and a spin that
//! trades CPU time for latency.
//!
//! - [`Sweep`]: uses no multiplexer, but polls one descriptor at a time, round and round.
//! - [`Busy`]: spins any reactor with a zero timeout.
//! - [`Adaptive`]: spins any reactor for as long as that has paid lately, then sleeps.
//!
//! [waitset]: https://docs.rs/waitset
#![cfg_attr(docsrs, feature(doc_cfg))]

mod adaptive;
mod budget;
mod busy;
mod silent;
#[cfg(unix)]
mod sweep;
#[cfg(unix)]
mod sys;

pub use adaptive::Adaptive;
pub use budget::Budget;
pub use busy::Busy;
#[cfg(unix)]
pub use sweep::Sweep;
