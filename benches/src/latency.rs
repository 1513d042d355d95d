//! Latencies in a histogram: a median says nothing of the one in a thousand.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::instrument::data::Percentiles;

/// Durations up to a minute, to three digits.
#[derive(Debug)]
pub struct Latencies {
    histogram: Histogram<u64>,
    /// Whether they count: those of a warm-up do not.
    pub is_recording: bool,
}

const LONGEST_NS: u64 = 60_000_000_000;
const DIGITS: u8 = 3;

impl Latencies {
    /// None yet.
    ///
    /// # Panics
    ///
    /// Never: the bounds are right.
    #[must_use]
    pub fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_NS, DIGITS);
        Self {
            histogram: histogram.expect("the bounds are in order and the digits at most five"),
            is_recording: true,
        }
    }

    /// Records one. What is longer than a minute counts as a minute.
    #[inline]
    pub fn record(&mut self, latency: Duration) {
        if self.is_recording {
            let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
            self.histogram.saturating_record(nanoseconds);
        }
    }

    /// What was recorded, if anything was.
    #[must_use]
    pub fn percentiles(&self) -> Option<Percentiles> {
        let at = |quantile| self.histogram.value_at_quantile(quantile);
        (!self.histogram.is_empty()).then(|| Percentiles {
            count: self.histogram.len(),
            min: self.histogram.min(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: self.histogram.max(),
        })
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_exact_to_three_digits_and_a_warm_up_does_not_count() {
        let mut latencies = Latencies::new();
        latencies.is_recording = false;
        latencies.record(Duration::from_secs(1));
        assert_eq!(latencies.percentiles(), None);
        latencies.is_recording = true;
        (1..=1000).for_each(|us| latencies.record(Duration::from_micros(us)));
        let told = latencies.percentiles().unwrap();
        assert_eq!(told.count, 1000);
        let is_about = |told: u64, us: u64| told.abs_diff(us * 1000) <= us;
        assert!(
            is_about(told.p50, 500) && is_about(told.p99, 990),
            "{told:?}"
        );
        assert!(is_about(told.max, 1000), "{told:?}");
    }
}
