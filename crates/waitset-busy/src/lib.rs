//! Waiting without sleeping, and before it: the baselines of [waitset] and the spin that
//! buys latency with processor time.
//!
//! - [`Sweep`]: no multiplexer, asks one descriptor at a time, round and round.
//! - [`Busy`]: spins any reactor with a timeout of zero.
//! - [`Adaptive`]: spins any reactor for a while that follows what pays, then sleeps.
//!
//! [waitset]: https://docs.rs/waitset

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
