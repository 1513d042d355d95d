//! The tables that end `cargo bench`: every mechanism against the best, with the noise.
//!
//! Criterion measures one benchmark after another, minutes apart; on a machine that drifts,
//! its absolute times can't be compared across benchmarks. Here the mechanisms take turns
//! within milliseconds, and one of them takes part twice under two names: what it seems to
//! differ from itself by is the noise.

use std::io;

use comfy_table::Table;

use crate::machine::Machine;
use crate::rounds::{SLICE, interleave};
use crate::spread::Spread;
use crate::tables::{ratio, table};
use crate::{Entrant, Fixture, Scenario};

/// How many sources the tables have in their columns.
pub const SIZES: [usize; 7] = [1, 4, 16, 64, 256, 1024, 4096];

/// Sources and tokens of the chain's columns.
pub const CELLS: [(usize, usize); 7] = [
    (10, 1),
    (100, 1),
    (100, 10),
    (100, 100),
    (1000, 1),
    (1000, 100),
    (1000, 1000),
];

const ROUNDS: usize = 31;

/// More than an idle machine has.
const MUCH_NOISE: f64 = 0.1;

/// What was measured in one column.
struct Column {
    scenario: Scenario,
    /// Nanoseconds a unit, by mechanism and round.
    times: Vec<Vec<f64>>,
    /// The same, of the default mechanism under its second name.
    control: Vec<f64>,
}

/// Measures and prints all tables.
///
/// # Errors
///
/// As the mechanisms' calls; what needs more descriptors than there may be is skipped.
pub fn print() -> io::Result<()> {
    println!("\nThe mechanisms in turns, each time as a ratio to the best of its column.");
    println!("{}\n", Machine::here());
    let one_ready = SIZES.map(|n| Scenario::OneReady { n });
    let columns = print_table("one of N is ready (write, wait, read)", &one_ready)?;
    print_crossover(&columns);
    let all_ready = SIZES.map(|n| Scenario::AllReady { n });
    let columns = print_table("all of N are ready (wait)", &all_ready)?;
    print_crossover(&columns);
    let chain = CELLS.map(|(n, a)| Scenario::Chain { n, a });
    print_table(
        "chain: A tokens round N pipes, NxA (wait, read, write)",
        &chain,
    )?;
    Ok(())
}

fn print_table(title: &str, scenarios: &[Scenario]) -> io::Result<Vec<Column>> {
    let mut columns = Vec::new();
    for scenario in scenarios {
        eprintln!("measuring {scenario} ...");
        match Fixture::open(*scenario) {
            Ok(fixture) => columns.push(measure(&fixture)?),
            Err(reason) => eprintln!("{scenario} skipped: {reason}"),
        }
    }
    println!("{title}\n{}", as_table(&columns));
    print_noise(&columns);
    Ok(columns)
}

fn measure(fixture: &Fixture) -> io::Result<Column> {
    let mut workloads = Vec::new();
    for mechanism in Entrant::mechanisms().chain([Entrant::DEFAULT]) {
        workloads.push(fixture.enter(mechanism)?);
    }
    let mut times = interleave(&mut workloads, SLICE, ROUNDS)?;
    let control = times.pop().unwrap_or_default();
    Ok(Column {
        scenario: fixture.scenario(),
        times,
        control,
    })
}

impl Column {
    /// The times of one mechanism over another's, round by round.
    fn ratio(&self, mechanism: usize, to: usize) -> Spread {
        let pairs = self.times[mechanism].iter().zip(&self.times[to]);
        Spread::of(pairs.map(|(ours, theirs)| ours / theirs))
    }

    /// How far the default mechanism seems to be from itself.
    fn noise(&self) -> f64 {
        let pairs = self
            .control
            .iter()
            .zip(&self.times[place_of(Entrant::DEFAULT)]);
        Spread::of(pairs.map(|(control, same)| control / same)).distance_from_one()
    }

    /// The mechanism with the lowest median.
    fn best(&self) -> usize {
        let median = |place: &usize| Spread::of(self.times[*place].iter().copied()).median;
        let places = 0..self.times.len();
        let best = places.min_by(|one, other| median(one).total_cmp(&median(other)));
        best.unwrap_or(0)
    }

    fn cell(&self, mechanism: usize) -> String {
        let spread = self.ratio(mechanism, self.best());
        let is_noise = spread.median - 1.0 <= self.noise();
        format!(
            "{}{}",
            if is_noise { "≈" } else { "" },
            ratio(spread.median)
        )
    }

    /// Whether a mechanism is slower than the default one beyond the noise.
    fn is_clearly_slower(&self, mechanism: Entrant) -> bool {
        let spread = self.ratio(place_of(mechanism), place_of(Entrant::DEFAULT));
        spread.low > 1.0 + self.noise()
    }
}

fn place_of(mechanism: Entrant) -> usize {
    let mut all = Entrant::mechanisms();
    all.position(|one| one == mechanism).unwrap_or(0)
}

fn as_table(columns: &[Column]) -> Table {
    let numbers = columns.iter().map(|column| column.scenario.number());
    let mut table = table([String::new()].into_iter().chain(numbers));
    for (place, mechanism) in Entrant::mechanisms().enumerate() {
        let cells = columns.iter().map(|column| column.cell(place));
        table.add_row([mechanism.to_string()].into_iter().chain(cells));
    }
    let noise = columns
        .iter()
        .map(|column| format!("±{:.0}%", column.noise() * 100.0));
    table.add_row(["noise".to_owned()].into_iter().chain(noise));
    table
}

fn print_noise(columns: &[Column]) {
    let noise = columns.iter().map(Column::noise).fold(0.0, f64::max);
    println!(
        "≈ inside the noise: {} measured twice seems to differ from itself by up to {:.1} %.",
        Entrant::DEFAULT,
        noise * 100.0
    );
    if noise > MUCH_NOISE {
        println!("That is much: something else is running on this machine.");
    }
}

/// Between which sizes poll begins to cost more than the default mechanism.
fn print_crossover(columns: &[Column]) {
    if Entrant::DEFAULT == Entrant::Poll {
        return println!();
    }
    let is_slower = |column: &Column| column.is_clearly_slower(Entrant::Poll);
    // From the right: the first column from which on poll is slower in every one.
    let slower = columns
        .iter()
        .rev()
        .take_while(|column| is_slower(column))
        .count();
    let (before, after) = columns.split_at(columns.len() - slower);
    let size = |column: &Column| column.scenario.sources();
    match (before.last().map(size), after.first().map(size)) {
        (Some(last), Some(first)) => println!(
            "Crossover: poll is not clearly slower than epoll at N = {last}, and is from N = {first} on.\n"
        ),
        (None, Some(first)) => {
            println!("Crossover: poll is slower than epoll from N = {first} on.\n")
        }
        _ => {
            println!("Crossover: none, poll is not clearly slower than epoll at any of these N.\n")
        }
    }
}
