//! Medians, and how far they can be trusted.

use serde::{Deserialize, Serialize};

/// The median of a sample, and the range in which the median of what it was drawn from
/// lies with at least 95 % confidence.
///
/// The range is between two order statistics (the binomial interval for the median), so it
/// assumes nothing about the distribution; outliers, which on a machine with other work
/// are many, move neither of the three.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Spread {
    /// The spread of `sample`.
    ///
    /// # Panics
    ///
    /// If the sample is empty.
    #[must_use]
    pub fn of(sample: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = sample.into_iter().collect();
        assert!(!sorted.is_empty(), "a sample of nothing has no median");
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len();
        let rank = low_rank(count);
        Self {
            median: f64::midpoint(sorted[(count - 1) / 2], sorted[count / 2]),
            low: sorted[rank],
            high: sorted[count - 1 - rank],
        }
    }

    /// The largest distance of the range from one: for the ratios of something to itself,
    /// the noise.
    #[must_use]
    pub fn distance_from_one(&self) -> f64 {
        (1.0 - self.low).max(self.high - 1.0)
    }
}

/// The index, from zero, of the order statistic that bounds the median from below with
/// 97.5 % confidence (normal approximation of the binomial, rounded to the safe side).
fn low_rank(count: usize) -> usize {
    let count = count as f64;
    let rank = (count - 1.96 * count.sqrt()) / 2.0;
    (rank.floor() as usize).saturating_sub(1) // negative becomes zero
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_21_lies_between_the_6th_and_the_16th() {
        let spread = Spread::of((1..=21).rev().map(f64::from));
        assert_eq!((spread.median, spread.low, spread.high), (11.0, 6.0, 16.0));
    }

    #[test]
    fn outliers_move_nothing_and_small_samples_are_all_range() {
        let spread = Spread::of([1.0, 1.1, 0.9, 1000.0, 1.0]);
        assert_eq!((spread.median, spread.low), (1.0, 0.9));
        assert_eq!(spread.high, 1000.0);
        assert_eq!(Spread::of([2.0, 4.0]).median, 3.0);
        assert_eq!(Spread::of([7.0]).distance_from_one(), 6.0);
    }
}
