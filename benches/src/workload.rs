//! What is timed: a scenario with one contestant in it.

use std::io;
use std::time::Duration;

use waitset_core::Stats;

use crate::instrument::data::Percentiles;

/// A scenario with one contestant in it, ready to be repeated.
pub trait Workload {
    /// Starts watching the scenario's descriptors.
    ///
    /// Several contestants share them, so only one may be attached at a time: a second
    /// registration would make each write wake both.
    ///
    /// # Errors
    ///
    /// As the contestant's registration.
    fn attach(&mut self) -> io::Result<()>;

    /// Stops watching them.
    ///
    /// # Errors
    ///
    /// As the contestant's registration.
    fn detach(&mut self) -> io::Result<()>;

    /// Does `units` units of work and returns how long they took, less what had to be put
    /// right in between.
    ///
    /// # Errors
    ///
    /// As the contestant's calls.
    ///
    /// # Panics
    ///
    /// If the contestant reports something that is not there.
    fn run(&mut self, units: u64) -> io::Result<Duration>;

    /// Does the work once, untimed, and checks the answers: every token seen as often as
    /// it must be, every byte counted, nothing left over.
    ///
    /// # Errors
    ///
    /// As the contestant's calls.
    ///
    /// # Panics
    ///
    /// If an answer is wrong.
    fn verify(&mut self) -> io::Result<()>;

    /// How many system calls the contestant has made to change what is watched, if it
    /// counts them.
    fn control_calls(&self) -> Option<u64> {
        self.stats().map(|stats| stats.control_calls)
    }

    /// Latencies that were recorded, where a unit has one.
    fn latency(&self) -> Option<Percentiles> {
        None
    }

    /// Whether latencies are recorded from now on; those of a warm-up are not.
    fn record_latency(&mut self, _is_recorded: bool) {}

    /// What the contestant has done since it was opened, if it counts that.
    fn stats(&self) -> Option<Stats>;
}
