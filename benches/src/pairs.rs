//! Two contestants, slice against slice.

use std::io;
use std::time::Duration;

use crate::foreign::Foreign;
use crate::record::Record;
use crate::rounds::{SLICE, slice, units_in};
use crate::spread::Spread;
use crate::{Entrant, Fixture, Workload};

/// Who takes part in a pair: one of Rust's, or a loop in C.
#[derive(Clone, Copy, Debug)]
pub enum Side<'a> {
    /// One of [`Entrant`].
    Rust(Entrant),
    /// One of those that were [built](crate::foreign::build).
    C(&'a Foreign),
}

impl From<Entrant> for Side<'_> {
    fn from(entrant: Entrant) -> Self {
        Self::Rust(entrant)
    }
}

impl<'a> From<&'a Foreign> for Side<'a> {
    fn from(foreign: &'a Foreign) -> Self {
        Self::C(foreign)
    }
}

impl Side<'_> {
    /// The name, as it stands in tables.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Rust(entrant) => entrant.name(),
            Self::C(foreign) => foreign.name(),
        }
    }

    fn enter(&self, fixture: &Fixture) -> io::Result<Box<dyn Workload>> {
        match self {
            Self::Rust(entrant) => fixture.enter(*entrant),
            Self::C(foreign) => fixture.enter_foreign(foreign),
        }
    }
}

/// No slice is longer than this, also where a contestant is tens of times slower than the
/// one it is measured against.
const LONGEST_SLICE: Duration = Duration::from_millis(20);

/// Measures one side against the other in `pairs` pairs of slices with equally many
/// units, taking turns in who goes first.
///
/// # Errors
///
/// As the contestants'.
pub fn compare<'a>(
    fixture: &Fixture,
    side: impl Into<Side<'a>>,
    baseline: impl Into<Side<'a>>,
    pairs: usize,
) -> io::Result<Record> {
    let (side, baseline) = (side.into(), baseline.into());
    let mut ours = side.enter(fixture)?;
    let mut theirs = baseline.enter(fixture)?;
    let units = common_units(ours.as_mut(), theirs.as_mut())?;
    let mut times = Vec::with_capacity(pairs);
    for pair in 0..pairs {
        times.push(if pair % 2 == 0 {
            let first = slice(ours.as_mut(), units)?;
            (first, slice(theirs.as_mut(), units)?)
        } else {
            let first = slice(theirs.as_mut(), units)?;
            (slice(ours.as_mut(), units)?, first)
        });
    }
    let scenario = fixture.scenario();
    Ok(Record {
        scenario: scenario.group().to_owned(),
        what: scenario.number(),
        contestant: side.name().to_owned(),
        baseline: baseline.name().to_owned(),
        n: scenario.sources(),
        a: scenario.active(),
        ratio: Spread::of(times.iter().map(|(ours, theirs)| ours / theirs)),
        nanoseconds: Spread::of(times.iter().map(|(ours, _)| *ours)),
        control_calls_a_unit: control_calls(ours.as_mut(), units)?,
        pairs,
    })
}

/// As many units as fill a slice of the baseline, unless that takes the other too long.
fn common_units(ours: &mut dyn Workload, theirs: &mut dyn Workload) -> io::Result<u64> {
    let most = units_in(ours, LONGEST_SLICE)?;
    Ok(units_in(theirs, SLICE)?.min(most))
}

/// How many system calls a unit makes to change what is watched, attaching apart.
fn control_calls(workload: &mut dyn Workload, units: u64) -> io::Result<Option<f64>> {
    workload.attach()?;
    let before = workload.control_calls();
    workload.run(units)?;
    let after = workload.control_calls();
    workload.detach()?;
    let calls = after.zip(before).map(|(after, before)| after - before);
    Ok(calls.map(|calls| calls as f64 / units as f64))
}
