//! A run as tables of 80 columns.

use std::fmt::Write;

use super::cell::{Cell, Standing, cpu, median, spread};
use super::data::{Measure, Samples};
use super::literature::beside;
use super::run::Run;
use crate::Entrant;
use crate::tables::{duration, ratio, table};

/// Columns of numbers that fit 80 characters beside a name.
const COLUMNS: usize = 7;

/// All groups, each as ratios to the best of its column.
#[must_use]
pub fn tables(run: &Run) -> String {
    let mut text = String::new();
    for group in run.groups() {
        let cells: Vec<&Cell> = run.group(group).collect();
        let _ = writeln!(text, "{}", super::groups::title(group));
        for columns in cells.chunks(COLUMNS) {
            let _ = writeln!(text, "{}\n", ratios(columns));
        }
        let besides = [beside_literature(&cells), batches(&cells)];
        for table in besides.into_iter().flatten() {
            let _ = writeln!(text, "{table}\n");
        }
        if let Some(sentence) = crossover(&cells) {
            let _ = writeln!(text, "{sentence}\n");
        }
    }
    let _ = writeln!(
        text,
        "Each figure is a ratio to the lowest of its column; ≈ is inside the noise: less\n\
         than one measured twice seems to differ from itself, or than {:.0} %.",
        super::cell::LEAST_NOISE * 100.0
    );
    text
}

fn beside_literature(cells: &[&Cell]) -> Option<String> {
    let rows = beside(cells);
    let numbers = cells.iter().map(|cell| cell.number().to_owned());
    let mut table = table([String::new()].into_iter().chain(numbers));
    for row in &rows {
        table.add_row([row.head.clone()].into_iter().chain(row.figures.clone()));
    }
    (!rows.is_empty()).then(|| table.to_string())
}

/// How many events a wait finds, where that follows from how long it takes.
fn batches(cells: &[&Cell]) -> Option<String> {
    let is_paced = cells.first().is_some_and(|cell| cell.scenario() == "banga");
    let numbers = cells.iter().map(|cell| cell.number().to_owned());
    let mut table = table(["events a wait".to_owned()].into_iter().chain(numbers));
    for name in contestants(cells) {
        let row = cells.iter().map(|cell| batch(cell, &name));
        table.add_row([name.clone()].into_iter().chain(row));
    }
    is_paced.then(|| table.to_string())
}

/// Events a wait, and what the wait takes with them.
#[must_use]
pub fn batch(cell: &Cell, contestant: &str) -> String {
    let samples = cell.of(contestant);
    let told = samples.and_then(|samples| {
        let events = samples.counts.events_a_wait?;
        Some(format!(
            "{} in {}",
            ratio(events),
            duration(events * median(samples))
        ))
    });
    told.unwrap_or_default()
}

fn ratios(cells: &[&Cell]) -> String {
    let numbers = cells.iter().map(|cell| cell.number().to_owned());
    let mut table = table([String::new()].into_iter().chain(numbers));
    for name in contestants(cells) {
        let row = cells
            .iter()
            .map(|cell| cell.of(&name).map_or(String::new(), |it| mark(cell, it)));
        table.add_row([name.clone()].into_iter().chain(row));
    }
    if cells.iter().all(|cell| cell.measure() == Measure::Bytes) {
        return table.to_string();
    }
    let lowest = cells
        .iter()
        .map(|cell| figure(cell.measure(), median(cell.lowest())));
    table.add_row(["lowest".to_owned()].into_iter().chain(lowest));
    let noise = cells
        .iter()
        .map(|cell| format!("±{:.0}%", cell.noise() * 100.0));
    table.add_row(["noise".to_owned()].into_iter().chain(noise));
    table.to_string()
}

/// Those who took part in any of the cells, in the order of their first.
#[must_use]
pub fn contestants(cells: &[&Cell]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for samples in cells.iter().flat_map(|cell| cell.entered()) {
        if !names.contains(&samples.contestant) {
            names.push(samples.contestant.clone());
        }
    }
    names
}

/// `1.00`, `≈1.02`, `3.4`.
#[must_use]
pub fn mark(cell: &Cell, samples: &Samples) -> String {
    if samples.measure == Measure::Bytes {
        // Some hold nothing in this process, of which there is no ratio.
        let kernel = samples.kernel_bytes.map(|bytes| format!(" + {bytes:.0}"));
        let user = median(samples);
        return format!("{user:.0}{} B", kernel.unwrap_or_default());
    }
    match cell.standing(samples) {
        Standing::Best => ratio(1.0),
        Standing::Tied(spread) => format!("≈{}", ratio(spread.median)),
        Standing::Slower(spread) => ratio(spread.median),
    }
}

/// A figure with its unit.
#[must_use]
pub fn figure(measure: Measure, value: f64) -> String {
    match measure {
        Measure::Time | Measure::Lateness => duration(value),
        // Nanoseconds a millisecond are microseconds a second.
        Measure::WaitingCpu => format!("{:.2}%", value / 1e4),
        Measure::Bytes => format!("{value:.0} B"),
    }
}

/// Everything of each cell: for a look at few.
#[must_use]
pub fn details(run: &Run) -> String {
    let mut text = String::new();
    // Of bytes, which are counted, the tables tell everything.
    let timed = run
        .cells
        .iter()
        .filter(|cell| cell.measure() != Measure::Bytes);
    for cell in timed {
        let heads = ["", "ratio", "median", "95 %", "cpu", "calls", "sleeps"];
        let mut table = table(heads);
        for samples in cell.entered() {
            table.add_row(detail(cell, samples));
        }
        let (name, noise) = (cell.name(), cell.noise() * 100.0);
        let _ = writeln!(text, "{name}, noise ±{noise:.1} %\n{table}\n");
    }
    if !text.is_empty() {
        text.push_str(
            "A unit's: 95 % the range of the median; calls the system calls; sleeps the\n",
        );
        text.push_str("context switches that were no one else's doing.\n");
    }
    text
}

fn detail(cell: &Cell, samples: &Samples) -> [String; 7] {
    let figures = spread(samples);
    let percent = |value: f64| (value / figures.median.max(f64::MIN_POSITIVE) - 1.0) * 100.0;
    let counts = samples.counts;
    let calls = counts.wait_calls.zip(counts.control_calls);
    [
        samples.contestant.clone(),
        mark(cell, samples),
        figure(samples.measure, figures.median),
        format!(
            "{:.0}..+{:.0}%",
            percent(figures.low),
            percent(figures.high)
        ),
        cpu(samples).map_or(String::new(), |cpu| duration(cpu.median)),
        calls.map_or(String::new(), |(asking, changing)| ratio(asking + changing)),
        ratio(counts.voluntary_switches),
    ]
}

/// From which N on poll costs more than the platform's default, as a range.
fn crossover(cells: &[&Cell]) -> Option<String> {
    let default = Entrant::DEFAULT.name();
    let range = crossing(cells, "poll", default)?;
    Some(match range {
        (Some(last), Some(first)) => format!(
            "Crossover: poll is not clearly slower than {default} at N = {last},\nand is from N = {first} on."
        ),
        (None, Some(first)) => {
            format!("Crossover: poll is slower than {default} from N = {first} on.")
        }
        _ => {
            format!("Crossover: none, poll is not clearly slower than {default} at any N.")
        }
    })
}

/// The largest N at which `one` is not clearly slower than `other`, and the smallest from
/// which on it is at every N. `None` where N does not grow over the cells.
#[must_use]
pub fn crossing(cells: &[&Cell], one: &str, other: &str) -> Option<(Option<usize>, Option<usize>)> {
    let grows = cells.len() > 2 && cells.windows(2).all(|pair| pair[0].n() < pair[1].n());
    let verdicts: Option<Vec<bool>> = cells
        .iter()
        .map(|cell| cell.is_clearly_slower(one, other))
        .collect();
    let verdicts = verdicts.filter(|_| grows && one != other)?;
    let slower = verdicts
        .iter()
        .rev()
        .take_while(|is_slower| **is_slower)
        .count();
    let (before, after) = cells.split_at(cells.len() - slower);
    Some((
        before.last().map(|cell| cell.n()),
        after.first().map(|cell| cell.n()),
    ))
}
