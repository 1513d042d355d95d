//! A bound and the figures that are held to it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::spread::Spread;
use crate::tables::{duration, ratio};

/// What is allowed for noise where time is measured: a median this far beyond its bound
/// meets it. Counts have no noise.
const ALLOWANCE: f64 = 0.03;

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A time over another.
    Ratio,
    /// Another time over this one: how many times faster.
    Times,
    /// Time.
    Nanoseconds,
    /// User-space instructions, exact.
    Instructions,
    /// Something whole, exact: system calls, descriptors.
    Count,
}

/// What a claim says of its figures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// Whether figures have to be at least the limit, and not at most.
    pub is_least: bool,
    /// Where they end.
    pub limit: f64,
    /// What is counted.
    pub unit: Unit,
}

impl Bound {
    /// At most so much.
    #[must_use]
    pub const fn at_most(limit: f64, unit: Unit) -> Self {
        Self {
            is_least: false,
            limit,
            unit,
        }
    }

    /// At least so much.
    #[must_use]
    pub const fn at_least(limit: f64, unit: Unit) -> Self {
        Self {
            is_least: true,
            limit,
            unit,
        }
    }

    /// How far beyond the limit a value is; negative within it. Comparable among the
    /// values of one bound.
    fn excess(&self, value: f64) -> f64 {
        match (self.is_least, self.limit == 0.0) {
            (false, true) => value,
            (false, false) => value / self.limit - 1.0,
            (true, _) => self.limit / value - 1.0,
        }
    }

    fn verdict(&self, value: f64) -> Verdict {
        let is_exact = matches!(self.unit, Unit::Instructions | Unit::Count);
        match self.excess(value) {
            ..=0.0 => Verdict::Met,
            ..=ALLOWANCE if !is_exact => Verdict::WithinNoise,
            _ => Verdict::Missed,
        }
    }

    /// A value as it stands in tables.
    #[must_use]
    pub fn show(&self, value: f64) -> String {
        match self.unit {
            Unit::Ratio => ratio(value),
            Unit::Times => format!("{}x", ratio(value)),
            Unit::Nanoseconds => duration(value),
            Unit::Instructions => format!("{value:.1}"),
            Unit::Count if value.fract() == 0.0 => format!("{value:.0}"),
            Unit::Count => format!("{value:.3}"),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_least { "≥" } else { "≤" };
        let text = match self.unit {
            Unit::Times => format!("{sign} {}x", self.limit),
            Unit::Ratio => format!("{sign} {:.2}", self.limit),
            Unit::Nanoseconds if self.limit >= 1e6 => format!("{sign} {} ms", self.limit / 1e6),
            Unit::Nanoseconds if self.limit >= 1e3 => format!("{sign} {} us", self.limit / 1e3),
            Unit::Nanoseconds => format!("{sign} {} ns", self.limit),
            Unit::Count if self.limit == 0.0 => "none".to_owned(),
            Unit::Instructions | Unit::Count => format!("{sign} {}", self.limit),
        };
        f.pad(&text)
    }
}

/// What came out, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Within the bound.
    Met,
    /// Beyond it by no more than is allowed for noise.
    WithinNoise,
    /// Nothing was measured.
    NotMeasured,
    /// Beyond it, and so is the floor: the fewest calls that do the same.
    OutOfReach,
    /// Beyond it.
    Missed,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Met => "met",
            Self::WithinNoise => "met ≈",
            Self::NotMeasured => "open",
            Self::OutOfReach => "out of reach",
            Self::Missed => "MISSED",
        })
    }
}

/// What was measured in one place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figure {
    /// Where: a cell of the chain, a mechanism.
    pub at: String,
    /// The median, or the count.
    pub value: f64,
    /// In which the median lies with 95 % confidence; none for counts.
    pub range: Option<(f64, f64)>,
    /// How far the raw loop seems to be from itself in the same place; for a time, what was
    /// measured.
    pub noise: Option<f64>,
}

impl Figure {
    /// Something exact.
    #[must_use]
    pub fn exact(at: impl Into<String>, value: f64) -> Self {
        Self {
            at: at.into(),
            value,
            range: None,
            noise: None,
        }
    }

    /// A median.
    #[must_use]
    pub fn median(at: impl Into<String>, spread: Spread) -> Self {
        Self {
            at: at.into(),
            value: spread.median,
            range: Some((spread.low, spread.high)),
            noise: None,
        }
    }
}

/// A place where nothing was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Left {
    /// Where.
    pub at: String,
    /// Why.
    pub reason: String,
}

/// What stands where a claim misses its bound: nothing that does the same can be faster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Floor {
    /// Who does it with the fewest calls.
    pub name: String,
    /// What it reached.
    pub figures: Vec<Figure>,
}

/// One thing that a goal says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claim {
    /// What is held to the bound.
    pub what: String,
    /// The bound.
    pub bound: Bound,
    /// What was measured.
    pub figures: Vec<Figure>,
    /// What was not.
    pub left_out: Vec<Left>,
    /// What could be reached, measured where the bound is missed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<Floor>,
}

impl Claim {
    /// Nothing measured so far.
    #[must_use]
    pub fn new(what: impl Into<String>, bound: Bound) -> Self {
        Self {
            what: what.into(),
            bound,
            figures: Vec::new(),
            left_out: Vec::new(),
            floor: None,
        }
    }

    /// Measures the floor where the bound is missed. Nothing is measured where it is not.
    #[must_use]
    pub fn with_floor(mut self, name: &str, measure: impl FnMut(&str) -> Option<Figure>) -> Self {
        let figures: Vec<_> = self.misses().filter_map(measure).collect();
        self.floor = (!figures.is_empty()).then(|| Floor {
            name: name.to_owned(),
            figures,
        });
        self
    }

    /// Where the bound is missed.
    fn misses(&self) -> impl Iterator<Item = &str> {
        let is_missed = |figure: &&Figure| self.bound.verdict(figure.value) == Verdict::Missed;
        let missed = self.figures.iter().filter(is_missed);
        missed.map(|figure| figure.at.as_str())
    }

    /// Whether the floor misses the bound as well.
    fn is_out_of_reach(&self, at: &str) -> bool {
        let figures = self.floor.iter().flat_map(|floor| &floor.figures);
        let mut here = figures.filter(|figure| figure.at == at);
        here.any(|figure| self.bound.verdict(figure.value) == Verdict::Missed)
    }

    /// Takes a figure, or the reason why there is none.
    pub fn add(&mut self, at: &str, measured: Result<Figure, String>) {
        match measured {
            Ok(figure) => self.figures.push(figure),
            Err(reason) => self.left_out.push(Left {
                at: at.to_owned(),
                reason,
            }),
        }
    }

    /// The figure that decides: the one furthest beyond the bound, or the closest to it.
    #[must_use]
    pub fn worst(&self) -> Option<&Figure> {
        let excess = |figure: &&Figure| self.bound.excess(figure.value);
        let figures = self.figures.iter();
        figures.max_by(|one, other| excess(one).total_cmp(&excess(other)))
    }

    /// The one furthest within it.
    #[must_use]
    pub fn best(&self) -> Option<&Figure> {
        let excess = |figure: &&Figure| self.bound.excess(figure.value);
        let figures = self.figures.iter();
        figures.min_by(|one, other| excess(one).total_cmp(&excess(other)))
    }

    /// The largest noise of its figures.
    #[must_use]
    pub fn noise(&self) -> Option<f64> {
        let noises = self.figures.iter().filter_map(|figure| figure.noise);
        noises.max_by(f64::total_cmp)
    }

    /// What came out, by the worst of its figures.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let Some(worst) = self.worst() else {
            return Verdict::NotMeasured;
        };
        match self.bound.verdict(worst.value) {
            Verdict::Missed if self.misses().all(|at| self.is_out_of_reach(at)) => {
                Verdict::OutOfReach
            }
            verdict => verdict,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(bound: Bound, values: &[f64]) -> Claim {
        let mut claim = Claim::new("", bound);
        let figures = values.iter().map(|value| Figure::exact("", *value));
        claim.figures.extend(figures);
        claim
    }

    #[test]
    fn the_worst_figure_decides_and_time_has_an_allowance() {
        let most = Bound::at_most(0.9, Unit::Ratio);
        assert_eq!(claim(most, &[0.5, 0.9]).verdict(), Verdict::Met);
        assert_eq!(claim(most, &[0.5, 0.92]).verdict(), Verdict::WithinNoise);
        assert_eq!(claim(most, &[0.5, 0.93, 0.92]).verdict(), Verdict::Missed);
        assert_eq!(claim(most, &[]).verdict(), Verdict::NotMeasured);
        let least = Bound::at_least(2.0, Unit::Times);
        assert_eq!(claim(least, &[2.0, 9.0]).verdict(), Verdict::Met);
        assert_eq!(claim(least, &[1.95, 9.0]).verdict(), Verdict::WithinNoise);
        assert_eq!(claim(least, &[1.9, 9.0]).verdict(), Verdict::Missed);
    }

    #[test]
    fn counts_have_no_allowance() {
        let most = Bound::at_most(100.0, Unit::Instructions);
        assert_eq!(claim(most, &[100.1]).verdict(), Verdict::Missed);
        let none = Bound::at_most(0.0, Unit::Count);
        assert_eq!(claim(none, &[0.0]).verdict(), Verdict::Met);
        assert_eq!(claim(none, &[0.001]).verdict(), Verdict::Missed);
    }

    #[test]
    fn what_the_floor_misses_is_out_of_reach() {
        let bound = Bound::at_least(1.3, Unit::Times);
        let reached = |floor: [(&'static str, f64); 2]| {
            let mut claim = Claim::new("", bound);
            for (at, value) in [("met", 1.4), ("one", 1.1), ("two", 1.2)] {
                claim.add(at, Ok(Figure::exact(at, value)));
            }
            claim.with_floor("raw", move |at| {
                let (at, value) = *floor.iter().find(|(here, _)| *here == at)?;
                Some(Figure::exact(at, value))
            })
        };
        let verdict = |floor| reached(floor).verdict();
        assert_eq!(verdict([("one", 1.2), ("two", 1.2)]), Verdict::OutOfReach);
        assert_eq!(verdict([("one", 1.2), ("two", 1.4)]), Verdict::Missed);
        assert_eq!(verdict([("one", 1.2), ("met", 1.2)]), Verdict::Missed);
        let floor = reached([("one", 1.2), ("met", 1.2)]).floor.unwrap();
        assert_eq!(floor.figures.len(), 1, "a floor is measured for nothing");
    }
}
