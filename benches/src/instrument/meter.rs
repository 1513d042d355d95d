//! What a slice took besides time: processor time, context switches, exact counts.

use nix::sys::resource::{UsageWho, getrusage};
use nix::time::{ClockId, clock_gettime};
use waitset_core::Stats;

use super::data::Counts;
use crate::Workload;

/// A reading before or after a slice.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    cpu_ns: f64,
    voluntary: f64,
    involuntary: f64,
    stats: Option<Stats>,
    control_calls: Option<u64>,
}

impl Reading {
    /// The reading of now.
    #[must_use]
    pub fn now(workload: &dyn Workload) -> Self {
        let usage = getrusage(UsageWho::RUSAGE_SELF).ok();
        let (voluntary, involuntary) = usage.map_or((0, 0), |usage| {
            let switches = usage.voluntary_context_switches();
            (switches, usage.involuntary_context_switches())
        });
        Self {
            cpu_ns: cpu_ns(),
            voluntary: voluntary as f64,
            involuntary: involuntary as f64,
            stats: workload.stats(),
            control_calls: workload.control_calls(),
        }
    }

    /// Processor time a unit since `earlier`.
    #[must_use]
    pub fn cpu_since(&self, earlier: &Self, units: u64) -> f64 {
        (self.cpu_ns - earlier.cpu_ns) / units as f64
    }

    /// Counts a unit since `earlier`.
    #[must_use]
    pub fn counts_since(&self, earlier: &Self, units: u64) -> Counts {
        let units = units as f64;
        let stats = self
            .stats
            .zip(earlier.stats)
            .map(|(now, then)| now.since(&then));
        let calls = self.control_calls.zip(earlier.control_calls);
        Counts {
            wait_calls: stats.map(|stats| stats.wait_calls as f64 / units),
            control_calls: calls.map(|(now, then)| (now - then) as f64 / units),
            events_a_wait: stats.and_then(|stats| {
                (stats.waits > 0).then(|| stats.events as f64 / stats.waits as f64)
            }),
            voluntary_switches: (self.voluntary - earlier.voluntary) / units,
            involuntary_switches: (self.involuntary - earlier.involuntary) / units,
        }
    }
}

/// Processor time of all threads of this process.
#[must_use]
pub fn cpu_ns() -> f64 {
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID);
    time.map_or(0.0, |time| {
        time.tv_sec() as f64 * 1e9 + time.tv_nsec() as f64
    })
}
