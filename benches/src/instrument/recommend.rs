//! From a run to a mechanism: what it would cost for so many descriptors, what is left out
//! and why, and what would change the answer.

use std::collections::BTreeMap;

use super::cell::{Cell, median};
use super::run::Run;

/// What a program needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Need {
    /// Descriptors it watches.
    pub fds: usize,
    /// Those of them that are ready at a time.
    pub active: usize,
    /// How late an answer may be, in nanoseconds, in 99 of 100 cases.
    pub latency_ns: Option<f64>,
    /// How much of a processor it may use while nothing happens, from 0 to 1.
    pub cpu: f64,
}

/// What a mechanism would cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Its name.
    pub name: String,
    /// Nanoseconds an event.
    pub cost_ns: f64,
    /// How far the cost can be trusted, as a part of it.
    pub noise: f64,
    /// Nanoseconds until the last of a batch is told, in 99 of 100 cases, if measured.
    pub latency_ns: Option<f64>,
    /// Part of a processor while nothing happens, if measured.
    pub waiting_cpu: Option<f64>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Those that meet the need, the cheapest first.
    pub ranked: Vec<Estimate>,
    /// How many of them can't be told from the first, itself included.
    pub tied: usize,
    /// Those that do not, with the reason, the cheapest first.
    pub left_out: Vec<(Estimate, Objection)>,
    /// Whether the need lies outside of what was measured, so that the nearest stands for it.
    pub is_outside: bool,
}

/// Why a mechanism does not meet the need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objection {
    /// It takes more of a processor while nothing happens.
    Cpu,
    /// It answers later.
    Latency,
}

/// The floor and the layers are no mechanisms to choose.
const MECHANISMS: [&str; 7] = [
    "select", "poll", "epoll", "uring", "sweep", "busy", "adaptive",
];

impl Answer {
    /// The answer of `run` to `need`; `None` if the run has no cell that says anything.
    #[must_use]
    pub fn of(run: &Run, need: Need) -> Option<Self> {
        let surface = Surface::of(run);
        let mut ranked = Vec::new();
        let mut left_out = Vec::new();
        for name in MECHANISMS {
            let Some(estimate) = surface.estimate(run, name, need) else {
                continue;
            };
            match objection(&estimate, need) {
                None => ranked.push(estimate),
                Some(reason) => left_out.push((estimate, reason)),
            }
        }
        if ranked.is_empty() && left_out.is_empty() {
            return None;
        }
        ranked.sort_by(|one, other| one.cost_ns.total_cmp(&other.cost_ns));
        left_out.sort_by(|(one, _), (other, _)| one.cost_ns.total_cmp(&other.cost_ns));
        let is_tied = |estimate: &&Estimate| {
            let lowest = &ranked[0];
            estimate.cost_ns <= lowest.cost_ns * (1.0 + lowest.noise.max(estimate.noise))
        };
        let tied = ranked.iter().take_while(is_tied).count();
        Some(Self {
            tied,
            is_outside: surface.is_outside(need),
            ranked,
            left_out,
        })
    }

    /// The names of those that can't be told from the cheapest.
    #[must_use]
    pub fn winners(&self) -> Vec<&str> {
        self.ranked[..self.tied]
            .iter()
            .map(|one| one.name.as_str())
            .collect()
    }

    /// How many times as much the next one costs.
    #[must_use]
    pub fn margin(&self) -> Option<(f64, &Estimate)> {
        let next = self.ranked.get(self.tied)?;
        Some((next.cost_ns / self.ranked[0].cost_ns, next))
    }
}

fn objection(estimate: &Estimate, need: Need) -> Option<Objection> {
    if estimate.waiting_cpu.is_some_and(|cpu| cpu > need.cpu) {
        return Some(Objection::Cpu);
    }
    let (latency, limit) = estimate.latency_ns.zip(need.latency_ns)?;
    (latency > limit).then_some(Objection::Latency)
}

/// Costs an event over N and A, as far as they were measured: a row an N, in each row the
/// cells by A.
struct Surface<'a> {
    rows: BTreeMap<usize, BTreeMap<usize, &'a Cell>>,
}

impl<'a> Surface<'a> {
    fn of(run: &'a Run) -> Self {
        let mut rows: BTreeMap<usize, BTreeMap<usize, &Cell>> = BTreeMap::new();
        // Where both asked the same, the cell of active_share stays.
        for group in ["one_ready", "active_share"] {
            for cell in run.group(group) {
                rows.entry(cell.n())
                    .or_default()
                    .insert(cell.a().unwrap_or(1), cell);
            }
        }
        Self { rows }
    }

    fn is_outside(&self, need: Need) -> bool {
        let ends = self.rows.keys().next().zip(self.rows.keys().next_back());
        ends.is_none_or(|(least, most)| need.fds < *least || need.fds > *most)
    }

    fn estimate(&self, run: &Run, name: &str, need: Need) -> Option<Estimate> {
        // A row says something if it has a cell at this share of activity or on both sides.
        let share = need.active as f64 / need.fds as f64;
        let points = self.rows.iter().filter_map(|(n, row)| {
            let is_one_only = row.keys().all(|a| *a == 1);
            if is_one_only && need.active > 1 {
                return None;
            }
            let a = if need.active == 1 {
                1.0
            } else {
                (share * *n as f64).max(1.0)
            };
            let costs = row
                .iter()
                .filter_map(|(a, cell)| Some((*a as f64, median(cell.of(name)?))));
            let noise = row.values().map(|cell| cell.noise()).fold(0.0, f64::max);
            Some((*n as f64, (between(&costs.collect::<Vec<_>>(), a)?, noise)))
        });
        let points: Vec<(f64, (f64, f64))> = points.collect();
        let costs: Vec<(f64, f64)> = points.iter().map(|(n, (cost, _))| (*n, *cost)).collect();
        let cost_ns = between(&costs, need.fds as f64)?;
        let nearest = |point: &&(f64, (f64, f64))| {
            let distance = (point.0.ln() - (need.fds as f64).ln()).abs();
            (distance * 1e6) as u64
        };
        let noise = points
            .iter()
            .min_by_key(nearest)
            .map_or(0.0, |point| point.1.1);
        let trip = run.group("round_trip").find_map(|cell| cell.of(name));
        let told = trip.and_then(|samples| samples.latency);
        let waiting = run.group("waiting").find_map(|cell| cell.of(name));
        Some(Estimate {
            name: name.to_owned(),
            cost_ns,
            noise,
            // Half a round trip, and those of the batch that are told before.
            latency_ns: told.map(|told| told.p99 as f64 / 2.0 + cost_ns * need.active as f64),
            // Nanoseconds a millisecond.
            waiting_cpu: waiting.map(|samples| median(samples) / 1e6),
        })
    }
}

/// The value at `x` between points in growing order, straight on logarithmic paper; outside
/// of them that of the nearest.
fn between(points: &[(f64, f64)], x: f64) -> Option<f64> {
    let after = points.partition_point(|(at, _)| *at < x);
    let (Some(low), Some(high)) = (points.get(after.wrapping_sub(1)), points.get(after)) else {
        return points.get(after).or(points.last()).map(|(_, value)| *value);
    };
    let part = (x.ln() - low.0.ln()) / (high.0.ln() - low.0.ln());
    Some((low.1.ln() + part * (high.1.ln() - low.1.ln())).exp())
}

/// What would change the answer: sentences.
#[must_use]
pub fn changes(run: &Run, need: Need, answer: &Answer) -> Vec<String> {
    let mut told = Vec::new();
    let winners = answer.winners();
    let other = |need: Need| {
        let answer = Answer::of(run, need)?;
        let names: Vec<String> = answer.winners().iter().map(ToString::to_string).collect();
        let is_other = !names.iter().any(|name| winners.contains(&name.as_str()));
        (is_other && !names.is_empty()).then(|| names.join(" or "))
    };
    let sizes = (0..14).map(|power| 1 << power);
    let (fewer, more): (Vec<usize>, Vec<usize>) = sizes.partition(|n| *n < need.fds);
    let with = |fds: usize| Need {
        fds,
        active: need.active.min(fds),
        ..need
    };
    let first = |sizes: Vec<usize>| sizes.into_iter().find_map(|n| Some((n, other(with(n))?)));
    if let Some((n, names)) = first(fewer.into_iter().rev().collect()) {
        told.push(match n {
            1 => format!("with a single descriptor: {names}"),
            _ => format!("with {n} descriptors or fewer: {names}"),
        });
    }
    if let Some((n, names)) = first(more) {
        told.push(format!("with {n} descriptors or more: {names}"));
    }
    let shares = (0..14)
        .map(|power| 1 << power)
        .filter(|a| *a <= need.fds && *a != need.active);
    let busier = shares.clone().filter(|a| *a > need.active);
    let quieter = shares.filter(|a| *a < need.active).collect::<Vec<_>>();
    let active = |active: usize| Need { active, ..need };
    if let Some((a, names)) = busier
        .map(|a| (a, other(active(a))))
        .find_map(|(a, it)| Some((a, it?)))
    {
        told.push(format!("with {a} of them active: {names}"));
    }
    if let Some((a, names)) = quieter
        .iter()
        .rev()
        .find_map(|a| Some((*a, other(active(*a))?)))
    {
        told.push(format!("with {a} of them active: {names}"));
    }
    if let Some(names) = other(Need { cpu: 1.1, ..need }) {
        told.push(format!("with a processor to spare (--cpu 100%): {names}"));
    }
    if let Some(names) = other(Need {
        latency_ns: None,
        ..need
    }) {
        told.push(format!("if answers may be later: {names}"));
    }
    told
}

/// Cells without which an answer has a gap, and the sentence that says so.
#[must_use]
pub fn gaps(run: &Run, need: Need) -> Vec<&'static str> {
    let mut told = Vec::new();
    let lacks = |group: &str| run.group(group).next().is_none();
    if lacks("waiting") {
        told.push("the run has no `waiting`: what spins is not told from what sleeps");
    }
    if need.latency_ns.is_some() && lacks("round_trip") {
        told.push("the run has no `round_trip`: latency is not looked at");
    }
    told
}

#[cfg(test)]
mod tests {
    use super::super::data::{Line, Measure, Percentiles, Samples};
    use super::*;

    fn samples(scenario: &str, n: usize, a: usize, who: &str, figure: f64) -> Samples {
        Samples {
            scenario: scenario.to_owned(),
            number: format!("{n}x{a}"),
            n,
            a: Some(a),
            contestant: who.to_owned(),
            figures: vec![figure; 15],
            ..Samples::default()
        }
    }

    /// poll is cheaper below 100 descriptors, epoll above; busy is as cheap as epoll.
    fn run() -> Run {
        let mut lines = Vec::new();
        for (n, poll, epoll) in [
            (10, 100.0, 200.0),
            (100, 200.0, 200.0),
            (1000, 2000.0, 220.0),
        ] {
            for a in [1, n] {
                lines.push(samples("active_share", n, a, "poll", poll));
                lines.push(samples("active_share", n, a, "epoll", epoll));
                lines.push(samples("active_share", n, a, "busy", epoll * 0.5));
            }
        }
        for (who, share, p99) in [
            ("poll", 0.01, 40_000),
            ("epoll", 0.01, 30_000),
            ("busy", 1.0, 2_000),
        ] {
            lines.push(Samples {
                measure: Measure::WaitingCpu,
                ..samples("waiting", 16, 1, who, share * 1e6)
            });
            let latency = Some(Percentiles {
                p99,
                ..Percentiles::default()
            });
            lines.push(Samples {
                latency,
                ..samples("round_trip", 1, 1, who, 1.0)
            });
        }
        Run::of(lines.into_iter().map(Line::Samples))
    }

    const NEED: Need = Need {
        fds: 1000,
        active: 1,
        latency_ns: None,
        cpu: 0.5,
    };

    #[test]
    fn the_cheapest_that_may_sleep_is_named_with_its_margin() {
        let answer = Answer::of(&run(), NEED).unwrap();
        assert_eq!(answer.winners(), ["epoll"]);
        let (margin, next) = answer.margin().unwrap();
        assert_eq!((next.name.as_str(), margin.round()), ("poll", 9.0));
        let left_out = &answer.left_out[0];
        assert_eq!(
            (left_out.0.name.as_str(), left_out.1),
            ("busy", Objection::Cpu)
        );
    }

    #[test]
    fn what_is_inside_the_noise_is_a_tie() {
        let answer = Answer::of(&run(), Need { fds: 100, ..NEED }).unwrap();
        assert_eq!(answer.tied, 2);
        assert!(answer.margin().is_none());
    }

    #[test]
    fn it_says_what_would_change_the_answer() {
        let run = run();
        let answer = Answer::of(&run, NEED).unwrap();
        let told = changes(&run, NEED, &answer).join("\n");
        assert!(
            told.contains("with 64 descriptors or fewer: poll"),
            "{told}"
        );
        assert!(told.contains("--cpu 100%): busy"), "{told}");
    }

    #[test]
    fn where_none_meets_the_need_it_says_what_would_have_to_change() {
        let need = Need {
            latency_ns: Some(10_000.0),
            ..NEED
        };
        let run = run();
        let answer = Answer::of(&run, need).unwrap();
        assert!(answer.winners().is_empty());
        let told = changes(&run, need, &answer).join("\n");
        assert!(told.contains("--cpu 100%): busy"), "{told}");
        assert!(told.contains("if answers may be later: epoll"), "{told}");
    }

    #[test]
    fn a_row_with_one_active_says_nothing_of_more() {
        let lines = [1, 9].map(|n| Line::Samples(samples("one_ready", n, 1, "poll", 100.0)));
        let run = Run::of(lines);
        assert!(Answer::of(&run, Need { fds: 9, ..NEED }).is_some());
        let busier = Need {
            fds: 9,
            active: 2,
            ..NEED
        };
        assert_eq!(Answer::of(&run, busier), None);
    }

    #[test]
    fn fewer_than_two_descriptors_are_one() {
        let mut lines = Vec::new();
        for (n, poll, epoll) in [(1, 100.0, 200.0), (2, 300.0, 200.0), (9, 400.0, 200.0)] {
            lines.push(samples("active_share", n, 1, "poll", poll));
            lines.push(samples("active_share", n, 1, "epoll", epoll));
        }
        let run = Run::of(lines.into_iter().map(Line::Samples));
        let need = Need { fds: 9, ..NEED };
        let answer = Answer::of(&run, need).unwrap();
        let told = changes(&run, need, &answer);
        assert_eq!(told[0], "with a single descriptor: poll");
    }

    #[test]
    fn a_latency_that_only_a_spin_meets_leaves_the_sleepers_out() {
        let need = Need {
            latency_ns: Some(10_000.0),
            cpu: 1.1,
            ..NEED
        };
        let answer = Answer::of(&run(), need).unwrap();
        assert_eq!(answer.winners(), ["busy"]);
        let reasons = answer.left_out.iter().map(|(_, reason)| *reason);
        assert_eq!(reasons.collect::<Vec<_>>(), [Objection::Latency; 2]);
    }

    #[test]
    fn a_run_without_the_cells_has_no_answer() {
        assert_eq!(Answer::of(&Run::default(), NEED), None);
    }
}
