//! What a mechanism took for what it has done, between two samples.

use std::time::{Duration, Instant};

use serde::Serialize;
use waitset::Stats;

use super::latency::Summary;

/// What a mechanism had done when it was asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) at: Instant,
    /// On a processor.
    pub(crate) cpu: Duration,
    /// Of the mechanism: its waits and what it takes to change interests. Reads and
    /// writes are the same for all.
    pub(crate) system_calls: u64,
    pub(crate) served: u64,
}

impl Sample {
    /// What has been done by now.
    pub(crate) fn now(cpu: Duration, stats: &Stats, served: u64) -> Self {
        Self {
            at: Instant::now(),
            cpu,
            system_calls: stats.wait_calls + stats.control_calls,
            served,
        }
    }
}

/// What the page shows of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Figures {
    /// Of one processor.
    pub(crate) cpu: f64,
    /// None while there is no event.
    pub(crate) calls_an_event: Option<f64>,
    pub(crate) events_a_second: f64,
    pub(crate) median_us: u64,
    pub(crate) p99_us: u64,
}

impl Figures {
    /// None if there is nothing to tell so far.
    pub(crate) fn between(last: &Sample, now: &Sample, summary: Summary) -> Option<Self> {
        let seconds = now.at.checked_duration_since(last.at)?.as_secs_f64();
        // The same sample twice: it was too busy to take another.
        if seconds <= 0.0 {
            return None;
        }
        let events = now.served.saturating_sub(last.served) as f64;
        let calls = now.system_calls.saturating_sub(last.system_calls) as f64;
        // The answers to the first messages are still to be read.
        if summary.answers == 0 && events > 0.0 {
            return None;
        }
        Some(Self {
            cpu: now.cpu.saturating_sub(last.cpu).as_secs_f64() / seconds,
            calls_an_event: (events > 0.0).then(|| calls / events),
            events_a_second: events / seconds,
            median_us: summary.median_us,
            p99_us: summary.p99_us,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(start: Instant, ms: u64, cpu_ms: u64, system_calls: u64, served: u64) -> Sample {
        Sample {
            at: start + Duration::from_millis(ms),
            cpu: Duration::from_millis(cpu_ms),
            system_calls,
            served,
        }
    }

    const SUMMARY: Summary = Summary {
        answers: 50,
        median_us: 20,
        p99_us: 900,
    };

    #[test]
    fn waits_and_changes_are_its_system_calls() {
        let stats = Stats {
            waits: 90,
            wait_calls: 100,
            control_calls: 20,
            wake_calls: 3,
            ..Stats::default()
        };
        let sample = Sample::now(Duration::ZERO, &stats, 0);
        assert_eq!(sample.system_calls, 120);
    }

    #[test]
    fn they_are_of_what_was_done_between_the_samples() {
        let start = Instant::now();
        let last = sample(start, 1000, 250, 1000, 3000);
        let now = sample(start, 1500, 375, 1025, 3050);
        let figures = Figures {
            cpu: 0.25,
            calls_an_event: Some(0.5),
            events_a_second: 100.0,
            median_us: 20,
            p99_us: 900,
        };
        assert_eq!(Figures::between(&last, &now, SUMMARY), Some(figures));
    }

    #[test]
    fn without_events_there_are_no_calls_an_event() {
        let start = Instant::now();
        let (last, now) = (sample(start, 0, 0, 0, 9), sample(start, 500, 0, 2, 9));
        let figures = Figures::between(&last, &now, Summary::default()).unwrap();
        assert_eq!(
            (figures.calls_an_event, figures.events_a_second),
            (None, 0.0)
        );
    }

    #[test]
    fn there_are_none_of_one_sample_or_before_the_first_answer() {
        let start = Instant::now();
        let (last, now) = (sample(start, 0, 0, 0, 0), sample(start, 500, 1, 2, 3));
        assert_eq!(Figures::between(&last, &last, SUMMARY), None);
        assert_eq!(Figures::between(&last, &now, Summary::default()), None);
    }
}
