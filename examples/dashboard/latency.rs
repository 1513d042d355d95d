//! How long answers took, over the last two seconds.

use std::collections::VecDeque;
use std::time::Duration;

use hdrhistogram::Histogram;

/// How many windows count; one is as long as the time between two
/// [turns](Latencies::turn).
const WINDOWS: usize = 4;

/// Microseconds up to ten seconds, to two digits.
const LONGEST_US: u64 = 10_000_000;
const DIGITS: u8 = 2;

/// Latencies by windows, the newest last.
pub(crate) struct Latencies(VecDeque<Histogram<u64>>);

/// What they come to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) answers: u64,
    pub(crate) median_us: u64,
    pub(crate) p99_us: u64,
}

fn window() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_US, DIGITS).expect("the bounds are in order")
}

impl Latencies {
    pub(crate) fn new() -> Self {
        Self(VecDeque::from([window()]))
    }

    pub(crate) fn record(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(newest) = self.0.back_mut() {
            newest.saturating_record(us.max(1));
        }
    }

    /// Sums up, and begins a window.
    pub(crate) fn turn(&mut self) -> Summary {
        let mut all = window();
        for one in &self.0 {
            // They have the same bounds.
            let _ = all.add(one);
        }
        self.0.push_back(window());
        if self.0.len() > WINDOWS {
            self.0.pop_front();
        }
        Summary {
            answers: all.len(),
            median_us: all.value_at_quantile(0.5),
            p99_us: all.value_at_quantile(0.99),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_windows_is_forgotten() {
        let mut latencies = Latencies::new();
        assert_eq!(latencies.turn().answers, 0);
        latencies.record(Duration::from_micros(50));
        latencies.record(Duration::from_secs(100));
        let first = latencies.turn();
        assert_eq!((first.answers, first.median_us), (2, 50));
        assert!(first.p99_us >= LONGEST_US * 99 / 100);
        for _ in 1..WINDOWS {
            assert_eq!(latencies.turn().answers, 2);
        }
        assert_eq!(latencies.turn().answers, 0);
    }
}
