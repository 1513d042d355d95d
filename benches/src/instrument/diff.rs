//! Two runs against each other: which cells call another winner, and who has changed.

use super::cell::{Cell, ratio, spread};
use super::data::Measure;
use super::run::Run;
use crate::Entrant;

/// A contestant whose ratio to the baseline differs between two runs beyond both noises.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The cell, `group/number`.
    pub cell: String,
    /// Who.
    pub contestant: String,
    /// What the figures are.
    pub measure: Measure,
    /// Its ratio to the baseline in the first run, or its bytes.
    pub before: f64,
    /// And in the second.
    pub after: f64,
    /// What both noises allow, as a factor above one.
    pub allowed: f64,
}

/// A cell in which nobody who is best in one run is best in the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The cell, `group/number`.
    pub cell: String,
    /// Those that could not be told from the lowest in the first run.
    pub before: Vec<String>,
    /// And in the second.
    pub after: Vec<String>,
}

/// What two runs say of each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Cells that both have.
    pub cells: usize,
    /// Those whose winners contradict each other.
    pub contradictions: Vec<Contradiction>,
    /// Contestants that have changed, the largest change first.
    pub changes: Vec<Change>,
}

impl Comparison {
    /// Compares two runs. Times drift, so ratios within a run are compared and not times.
    #[must_use]
    pub fn of(before: &Run, after: &Run) -> Self {
        let mut comparison = Self::default();
        for one in &before.cells {
            let Some(other) = after.cell(&one.name()) else {
                continue;
            };
            comparison.cells += 1;
            comparison.contradictions.extend(contradiction(one, other));
            comparison.changes.extend(changes(one, other));
        }
        let size = |change: &Change| (change.after / change.before).ln().abs();
        comparison
            .changes
            .sort_by(|one, other| size(other).total_cmp(&size(one)));
        comparison
    }
}

fn winners(cell: &Cell) -> Vec<String> {
    cell.tied()
        .iter()
        .map(|one| one.contestant.clone())
        .collect()
}

fn contradiction(one: &Cell, other: &Cell) -> Option<Contradiction> {
    let (before, after) = (winners(one), winners(other));
    let is_shared = before.iter().any(|name| after.contains(name));
    (!is_shared).then(|| Contradiction {
        cell: one.name(),
        before,
        after,
    })
}

/// Against the raw loop where both have it, and else against whom both have first.
fn baseline<'a>(one: &'a Cell, other: &Cell) -> Option<&'a str> {
    let shared = || {
        one.entered()
            .map(|it| it.contestant.as_str())
            .filter(|name| other.of(name).is_some())
    };
    shared()
        .find(|name| *name == Entrant::BASELINE.name())
        .or_else(|| shared().next())
}

fn changes(one: &Cell, other: &Cell) -> Vec<Change> {
    let Some(baseline) = baseline(one, other) else {
        return Vec::new();
    };
    let both = one.entered().filter_map(|before| {
        let after = other.of(&before.contestant)?;
        let (was, is) = match one.measure() {
            // Some hold nothing, of which there is no ratio.
            Measure::Bytes => (spread(before), spread(after)),
            _ => (
                ratio(before, one.of(baseline)?),
                ratio(after, other.of(baseline)?),
            ),
        };
        let allowed = (1.0 + one.noise()) * (1.0 + other.noise());
        // The ranges of the medians must lie apart, and by more than the noise.
        let is_apart = is.low > was.high * allowed || was.low > is.high * allowed;
        is_apart.then(|| Change {
            cell: one.name(),
            contestant: before.contestant.clone(),
            measure: one.measure(),
            before: was.median,
            after: is.median,
            allowed,
        })
    });
    both.collect()
}

#[cfg(test)]
mod tests {
    use super::super::data::{Line, Measure, Samples};
    use super::*;

    fn run(figures: &[(&str, f64)]) -> Run {
        Run::of(figures.iter().map(|(who, figure)| {
            Line::Samples(Samples {
                scenario: "chain".to_owned(),
                number: "10x1".to_owned(),
                contestant: (*who).to_owned(),
                figures: (0..15)
                    .map(|round| figure * (1.0 + 0.001 * f64::from(round)))
                    .collect(),
                ..Samples::default()
            })
        }))
    }

    #[test]
    fn two_runs_that_agree_have_neither_contradictions_nor_changes_though_times_drift() {
        let one = run(&[("raw", 100.0), ("epoll", 101.0), ("poll", 150.0)]);
        let other = run(&[("raw", 202.0), ("epoll", 200.0), ("poll", 300.0)]);
        let told = Comparison::of(&one, &other);
        assert_eq!(
            (told.cells, told.contradictions.len(), told.changes.len()),
            (1, 0, 0)
        );
    }

    #[test]
    fn bytes_are_compared_as_they_are_since_some_hold_none() {
        let of = |bytes: f64| {
            Run::of([("select", 0.0), ("poll", bytes)].map(|(who, figure)| {
                Line::Samples(Samples {
                    contestant: who.to_owned(),
                    measure: Measure::Bytes,
                    figures: vec![figure],
                    ..Samples::default()
                })
            }))
        };
        assert_eq!(Comparison::of(&of(16.0), &of(16.0)).changes, []);
        let told = Comparison::of(&of(16.0), &of(24.0)).changes;
        assert_eq!((told[0].before, told[0].after), (16.0, 24.0));
    }

    #[test]
    fn another_winner_and_a_slower_contestant_are_told() {
        let one = run(&[("raw", 100.0), ("epoll", 90.0), ("poll", 150.0)]);
        let other = run(&[("raw", 100.0), ("epoll", 120.0), ("poll", 80.0)]);
        let told = Comparison::of(&one, &other);
        assert_eq!(told.contradictions[0].before, ["epoll"]);
        assert_eq!(told.contradictions[0].after, ["poll"]);
        assert_eq!(told.changes.len(), 2);
        assert_eq!(told.changes[0].contestant, "poll");
    }
}
