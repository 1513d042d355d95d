//! How the figures of the goals come about.

use std::collections::HashMap;
use std::io;

use super::claim::{Bound, Claim, Figure, Unit};
use crate::foreign::Foreign;
use crate::pairs::{Side, compare};
use crate::record::Record;
use crate::{Entrant, Fixture, Scenario};

/// Measures pairs, each once, and with each place its noise.
#[derive(Debug)]
pub struct Lab {
    pairs: usize,
    rivals: Result<Vec<Foreign>, String>,
    fixture: Option<Fixture>,
    records: HashMap<[String; 3], Record>,
}

impl Lab {
    /// A lab that measures `pairs` pairs for each figure. `rivals` are the loops in C, or
    /// the reason why there are none.
    #[must_use]
    pub fn new(pairs: usize, rivals: Result<Vec<Foreign>, String>) -> Self {
        Self {
            pairs,
            rivals,
            fixture: None,
            records: HashMap::new(),
        }
    }

    /// How many pairs are measured.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.pairs
    }

    /// Closes the descriptors that are kept.
    pub(super) fn close(&mut self) {
        self.fixture = None;
    }

    /// A loop in C by name.
    pub(super) fn rival(&self, name: &str) -> Result<Foreign, String> {
        let rivals = self.rivals.as_ref().map_err(String::clone)?;
        let named = rivals.iter().find(|rival| rival.name() == name);
        let missing = || format!("{name} could not be built");
        named.cloned().ok_or_else(missing)
    }

    /// Measures one against another in a scenario; the same again costs nothing.
    pub(super) fn compare<'a>(
        &mut self,
        scenario: Scenario,
        side: impl Into<Side<'a>>,
        baseline: impl Into<Side<'a>>,
    ) -> Result<Record, String> {
        let (side, baseline) = (side.into(), baseline.into());
        let key = [
            scenario.to_string(),
            side.name().to_owned(),
            baseline.name().to_owned(),
        ];
        if let Some(record) = self.records.get(&key) {
            return Ok(record.clone());
        }
        let pairs = self.pairs;
        let measured = self
            .fixture(scenario)
            .and_then(|fixture| compare(fixture, side, baseline, pairs));
        let record = measured.map_err(|error| error.to_string())?;
        self.records.insert(key, record.clone());
        Ok(record)
    }

    /// The descriptors of a scenario. Those of the last one are kept: many are measured in
    /// turns on the same.
    fn fixture(&mut self, scenario: Scenario) -> io::Result<&Fixture> {
        let fixture = match self.fixture.take() {
            Some(fixture) if fixture.scenario() == scenario => fixture,
            last => {
                drop(last);
                Fixture::open(scenario)?
            }
        };
        Ok(self.fixture.insert(fixture))
    }

    /// How far the raw loop seems to be from itself in a scenario.
    fn noise(&mut self, scenario: Scenario) -> Option<f64> {
        let same = self
            .compare(scenario, Entrant::BASELINE, Entrant::BASELINE)
            .ok()?;
        Some(same.ratio.distance_from_one())
    }

    /// The claim that in each of these scenarios one side's time over the other's keeps to
    /// the bound.
    pub(super) fn times<'a>(
        &mut self,
        what: &str,
        bound: Bound,
        scenarios: impl IntoIterator<Item = Scenario>,
        side: impl Into<Side<'a>>,
        baseline: impl Into<Side<'a>>,
    ) -> Claim {
        let (side, baseline) = (side.into(), baseline.into());
        let mut claim = Claim::new(what, bound);
        for scenario in scenarios {
            let at = scenario.number();
            let measured = self.compare(scenario, side, baseline).map(|record| Figure {
                noise: self.noise(scenario),
                ..figure(&at, &record, bound.unit)
            });
            claim.add(&at, measured);
        }
        claim
    }

    /// The same claim, and where it is missed what `floor` reaches there, which does the
    /// fewest calls that anyone can do.
    pub(super) fn times_above<'a>(
        &mut self,
        floor: Entrant,
        what: &str,
        bound: Bound,
        scenarios: &[Scenario],
        side: impl Into<Side<'a>>,
        baseline: impl Into<Side<'a>>,
    ) -> Claim {
        let baseline = baseline.into();
        let claim = self.times(what, bound, scenarios.iter().copied(), side, baseline);
        claim.with_floor(floor.name(), |at| {
            let scenario = *scenarios.iter().find(|scenario| scenario.number() == at)?;
            let record = self.compare(scenario, floor, baseline).ok()?;
            Some(figure(at, &record, bound.unit))
        })
    }

    /// The claim that in one scenario each of these takes no more than so long.
    ///
    /// Each is measured beside itself, in slices as long as all the others. Beside a raw
    /// loop, which makes a system call where they make none, their slices would be a
    /// hundredth of its own: time to warm up, and no more.
    pub(super) fn across(
        &mut self,
        what: &str,
        limit: f64,
        scenario: Scenario,
        entrants: &[Entrant],
    ) -> Claim {
        let bound = Bound::at_most(limit, Unit::Nanoseconds);
        let mut claim = Claim::new(what, bound);
        for &entrant in entrants {
            let at = entrant.name();
            let record = self.compare(scenario, entrant, entrant);
            let measured = record.map(|record| Figure {
                noise: Some(record.ratio.distance_from_one()),
                ..figure(at, &record, bound.unit)
            });
            claim.add(at, measured);
        }
        claim
    }
}

/// What a record says, in a unit.
fn figure(at: &str, record: &Record, unit: Unit) -> Figure {
    match unit {
        Unit::Times => Figure {
            at: at.to_owned(),
            value: 1.0 / record.ratio.median,
            range: Some((1.0 / record.ratio.high, 1.0 / record.ratio.low)),
            noise: None,
        },
        Unit::Nanoseconds => Figure::median(at, record.nanoseconds),
        Unit::Ratio | Unit::Instructions | Unit::Count => Figure::median(at, record.ratio),
    }
}

/// How many system calls a unit makes to change what is watched.
pub(super) fn control_calls(at: &str, record: &Record) -> Result<Figure, String> {
    let calls = record.control_calls_a_unit;
    calls
        .map(|calls| Figure::exact(at, calls))
        .ok_or_else(|| format!("{} does not count its system calls", record.contestant))
}
