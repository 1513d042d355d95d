//! `ratios`: every contestant against a raw epoll loop, slice by slice.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use waitset_bench::foreign::{self, Foreign};
use waitset_bench::instrument::plan::CHAINS;
use waitset_bench::machine::Machine;
use waitset_bench::note;
use waitset_bench::output::Output;
use waitset_bench::pairs::compare;
use waitset_bench::record::{Record, Report};
use waitset_bench::scenario::CHANGED;
use waitset_bench::scenarios::register::Change;
use waitset_bench::scenarios::wake::Part;
use waitset_bench::tables::{duration, ratio, table};
use waitset_bench::{Entrant, Fixture, Scenario, limits};

/// Measures every contestant against a raw epoll loop, in pairs of short slices
///
/// Takes a few minutes, or less with --scenario or contestants. Figures are ratios to the raw
/// loop's time: below 1, the contestant is faster. The loop is measured against itself as well:
/// that is the noise.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Pairs of slices for each figure
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u16).range(15..))]
    pairs: u16,
    /// Measure only scenarios whose name, such as chain/100x10, contains TEXT
    #[arg(long, value_name = "TEXT", default_value = "")]
    scenario: String,
    /// Measure the loops of libevent, libev and libuv too, in chains; needs cc and their headers
    #[arg(long)]
    rivals: bool,
    /// Write the figures to FILE as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Contestants to measure; all if none is given
    contestants: Vec<Entrant>,
}

/// Sweep and busy are no rivals of a loop that sleeps; `cargo bench` has them.
fn is_measured(entrant: Entrant) -> bool {
    !matches!(entrant, Entrant::Sweep | Entrant::Busy)
}

fn scenarios() -> Vec<Scenario> {
    let chain = CHAINS.map(|(n, a)| Scenario::Chain { n, a });
    let register = Change::ALL.map(|change| Scenario::Register { n: CHANGED, change });
    let wake = [Part::Coalesced, Part::WakeAndWait].map(|part| Scenario::Wake { part });
    let toggle = [Scenario::Toggle { n: CHANGED }];
    chain
        .into_iter()
        .chain(register)
        .chain(toggle)
        .chain(wake)
        .collect()
}

pub(crate) fn run(arguments: &Arguments, out: &mut Output) -> io::Result<ExitCode> {
    limits::raise();
    writeln!(out, "{}", Machine::here())?;
    let (foreign, missing) = match arguments.rivals {
        true => foreign::build(),
        false => Default::default(),
    };
    missing.iter().for_each(|missing| note!("{missing}"));
    let is_chosen = |one: &Scenario| one.to_string().contains(&arguments.scenario);
    let chosen: Vec<_> = scenarios().into_iter().filter(is_chosen).collect();
    if chosen.is_empty() {
        let names: Vec<_> = scenarios().iter().map(ToString::to_string).collect();
        let (text, names) = (&arguments.scenario, names.join(", "));
        let text = format!("no scenario's name contains {text:?}; the names are {names}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    let mut records = Vec::new();
    for scenario in chosen {
        match Fixture::open(scenario) {
            Ok(fixture) => records.extend(measure(&fixture, arguments, &foreign, out)?),
            Err(reason) => note!("{scenario} skipped: {reason}"),
        }
    }
    if let Some(path) = &arguments.json {
        Report::new(records).write(path)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(
    fixture: &Fixture,
    arguments: &Arguments,
    foreign: &[Foreign],
    out: &mut Output,
) -> io::Result<Vec<Record>> {
    let scenario = fixture.scenario();
    note!("measuring {scenario} ...");
    let heads = ["", "ratio", "95 % between", "a unit", "ctl calls"];
    let mut table = table(
        [scenario.to_string()]
            .into_iter()
            .chain(heads[1..].iter().map(ToString::to_string)),
    );
    let mut records = Vec::new();
    for entrant in Entrant::all() {
        let is_chosen = arguments.contestants.is_empty()
            || entrant == Entrant::BASELINE
            || arguments.contestants.contains(&entrant);
        if !is_chosen || !is_measured(entrant) || !scenario.takes(entrant) {
            continue;
        }
        let record = compare(fixture, entrant, Entrant::BASELINE, arguments.pairs.into())?;
        table.add_row(row(&record));
        records.push(record);
    }
    for one in foreign
        .iter()
        .filter(|_| matches!(scenario, Scenario::Chain { .. }))
    {
        match compare(fixture, one, Entrant::BASELINE, arguments.pairs.into()) {
            Ok(record) => {
                table.add_row(row(&record));
                records.push(record);
            }
            Err(reason) => note!("{} skipped in {scenario}: {reason}", one.name()),
        }
    }
    writeln!(out, "\n{table}")?;
    Ok(records)
}

fn row(record: &Record) -> [String; 5] {
    let spread = record.ratio;
    let calls = record.control_calls_a_unit;
    [
        record.contestant.clone(),
        ratio(spread.median),
        format!("{} .. {}", ratio(spread.low), ratio(spread.high)),
        duration(record.nanoseconds.median),
        calls.map_or(String::new(), |calls| format!("{calls:.3}")),
    ]
}
