//! Measures cells: all contestants in shuffled rounds, one of them twice.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::data::{Line, Samples, Skipped, rounded};
use super::meter::Reading;
use super::plan::{Choice, Pace};
use super::progress::Progress;
use crate::pipes::Pipes;
use crate::rounds::{WARM_UP, steps_in};
use crate::scenarios::memory;
use crate::{Entrant, Fixture, Scenario, Workload, limits};

/// Rounds without which a cell says nothing: what was cut off before is not kept.
const LEAST_KEPT: usize = 5;

/// A run that is being made.
#[derive(Debug)]
pub struct Runner<'a> {
    /// How long, how finely.
    pub pace: Pace,
    /// Who.
    pub choice: Choice,
    /// Set when the user has seen enough.
    pub stop: &'a AtomicBool,
}

impl Runner<'_> {
    /// Measures `cells` and hands each line to `keep` when it is there. Whether all was
    /// measured.
    ///
    /// # Errors
    ///
    /// As keeping a line. What a contestant cannot do is a line of its own.
    pub fn run(
        &self,
        cells: &[Scenario],
        progress: &Progress,
        keep: &mut dyn FnMut(Line) -> io::Result<()>,
    ) -> io::Result<bool> {
        let end = Instant::now() + self.pace.total;
        for (place, scenario) in cells.iter().enumerate() {
            if self.is_stopped() {
                return Ok(false);
            }
            progress.begin(place, scenario);
            let left = end.saturating_duration_since(Instant::now());
            let until = Instant::now() + left / (cells.len() - place) as u32;
            for line in self.cell(*scenario, until) {
                if let Line::Skipped(skipped) = &line {
                    progress.skipped(skipped);
                }
                keep(line)?;
            }
            progress.done(place);
        }
        Ok(!self.is_stopped())
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Measures a cell. Whatever goes wrong is told and leaves the rest as it is.
    fn cell(&self, scenario: Scenario, until: Instant) -> Vec<Line> {
        let cell = scenario.to_string();
        let skip = |contestant: Option<Entrant>, reason: String| {
            Line::Skipped(Skipped {
                cell: cell.clone(),
                contestant: contestant.map(|entrant| entrant.name().to_owned()),
                reason,
            })
        };
        if let Scenario::Memory { n } = scenario {
            return self.footprints(scenario, n, &skip);
        }
        let mut lines = Vec::new();
        let fixture = match Fixture::open(scenario) {
            Ok(fixture) => fixture,
            Err(reason) => return vec![skip(None, reason.to_string())],
        };
        let mut seats = Vec::new();
        for entrant in self.seated(scenario) {
            match Seat::take(&fixture, entrant, self.pace.slice) {
                Ok(seat) => seats.push(seat),
                Err(reason) => lines.push(skip(Some(entrant), reason.to_string())),
            }
        }
        mark_control(&mut seats);
        match self.rounds(&mut seats, until) {
            Ok(rounds) if rounds >= LEAST_KEPT => {
                lines.extend(seats.into_iter().map(|seat| Line::Samples(seat.samples)));
            }
            Ok(_) => lines.push(skip(None, "cut off before it said anything".to_owned())),
            Err(reason) => lines.push(skip(None, reason.to_string())),
        }
        lines
    }

    /// Counts what registered sources hold. A count has no noise and needs no rounds.
    fn footprints(
        &self,
        scenario: Scenario,
        n: usize,
        skip: &dyn Fn(Option<Entrant>, String) -> Line,
    ) -> Vec<Line> {
        let pipes = match limits::check(scenario.descriptors()) {
            Ok(()) => Pipes::open(n),
            Err(reason) => return vec![skip(None, reason)],
        };
        let pipes = match pipes {
            Ok(pipes) => pipes,
            Err(reason) => return vec![skip(None, reason.to_string())],
        };
        let line = |entrant: Entrant| match entrant.visit(memory::Measure(&pipes)) {
            Ok(footprint) => Line::Samples(Samples {
                figures: vec![rounded(footprint.user)],
                kernel_bytes: footprint.kernel.map(rounded),
                ..blank(scenario, entrant, n as u64)
            }),
            Err(reason) => skip(Some(entrant), reason.to_string()),
        };
        self.choice
            .contestants(scenario)
            .into_iter()
            .map(line)
            .collect()
    }

    /// Who takes part, one of them twice.
    fn seated(&self, scenario: Scenario) -> Vec<Entrant> {
        let mut seated = self.choice.contestants(scenario);
        let is_default = |entrant: &&Entrant| **entrant == Entrant::DEFAULT;
        if let Some(twice) = seated.iter().find(is_default).or(seated.first()).copied() {
            seated.push(twice);
        }
        seated
    }

    /// Makes rounds until the time is up, and returns how many.
    fn rounds(&self, seats: &mut [Seat], until: Instant) -> io::Result<usize> {
        let mut random = fastrand::Rng::new();
        let mut order: Vec<usize> = (0..seats.len()).collect();
        for round in 0..self.pace.most_rounds {
            let is_late = round >= self.pace.least_rounds && Instant::now() >= until;
            if is_late || self.is_stopped() {
                return Ok(round);
            }
            random.shuffle(&mut order);
            for &turn in &order {
                seats[turn].slice()?;
            }
        }
        Ok(self.pace.most_rounds)
    }
}

/// Samples of nothing yet.
fn blank(scenario: Scenario, entrant: Entrant, units: u64) -> Samples {
    Samples {
        scenario: scenario.group().to_owned(),
        number: scenario.number(),
        n: scenario.sources(),
        a: scenario.active(),
        contestant: entrant.name().to_owned(),
        measure: scenario.measure(),
        units,
        ..Samples::default()
    }
}

/// The last one is there for the second time.
fn mark_control(seats: &mut [Seat]) {
    if let Some((last, others)) = seats.split_last_mut() {
        let same = |seat: &Seat| seat.samples.contestant == last.samples.contestant;
        last.samples.is_control = others.iter().any(same);
    }
}

/// A contestant in a cell, and what was measured of it.
struct Seat {
    workload: Box<dyn Workload>,
    units: u64,
    step: u64,
    has_cpu: bool,
    samples: Samples,
}

impl Seat {
    /// Opens the contestant and checks its answers.
    fn take(fixture: &Fixture, entrant: Entrant, length: Duration) -> io::Result<Self> {
        let scenario = fixture.scenario();
        let mut workload = fixture.enter(entrant)?;
        let units = match scenario.units_a_slice() {
            Some(units) => units,
            None => steps_in(workload.as_mut(), length, scenario.units_a_step())?,
        };
        Ok(Self {
            workload,
            units,
            step: scenario.units_a_step(),
            has_cpu: scenario.has_cpu(),
            samples: blank(scenario, entrant, units),
        })
    }

    fn slice(&mut self) -> io::Result<()> {
        let workload = self.workload.as_mut();
        workload.attach()?;
        workload.record_latency(false);
        let warm_up = self.units.div_ceil(WARM_UP);
        workload.run(warm_up.next_multiple_of(self.step))?;
        workload.record_latency(true);
        let before = Reading::now(workload);
        let taken = workload.run(self.units)?;
        let after = Reading::now(workload);
        workload.detach()?;
        let events = self.units as f64;
        self.samples
            .figures
            .push(rounded(taken.as_nanos() as f64 / events));
        if self.has_cpu {
            self.samples
                .cpu
                .push(rounded(after.cpu_since(&before, self.units)));
        }
        self.samples.counts = after.counts_since(&before, self.units);
        self.samples.latency = workload.latency();
        Ok(())
    }
}
