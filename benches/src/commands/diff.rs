//! `diff`: two runs against each other.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use waitset_bench::instrument::data::Measure;
use waitset_bench::instrument::diff::{Change, Comparison};
use waitset_bench::output::Output;
use waitset_bench::tables::{ratio, table};

use super::runs::read;

/// Compares two runs of one machine
///
/// Immediate; needs two runs of `compare`. Lists the cells with another winner and the ratios
/// that changed, beyond the noise of both runs.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The earlier run
    before: PathBuf,
    /// The later run
    after: PathBuf,
    /// Compare runs of different machines or kernels
    #[arg(long)]
    across_machines: bool,
}

pub(crate) fn run(arguments: &Arguments, out: &mut Output) -> io::Result<ExitCode> {
    let (before, after) = (read(&arguments.before)?, read(&arguments.after)?);
    let differences = before.environment.differences(&after.environment);
    if !differences.is_empty() {
        if !arguments.across_machines {
            let text = format!(
                "these runs cannot be compared ({}); say --across-machines if you want to",
                differences.join("; ")
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        writeln!(out, "Not of one machine: {}.\n", differences.join("; "))?;
    }
    let comparison = Comparison::of(&before, &after);
    if comparison.cells == 0 {
        let text = "these runs have no cell in common; make both with the same --scenario";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    print(&comparison, out)?;
    let others = before.cells.len() + after.cells.len() - 2 * comparison.cells;
    if others > 0 {
        writeln!(out, "{others} more cells are in one of the runs only.")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(comparison: &Comparison, out: &mut Output) -> io::Result<()> {
    for one in &comparison.contradictions {
        let (before, after) = (one.before.join(" or "), one.after.join(" or "));
        writeln!(out, "{}: {before} was best, now {after}", one.cell)?;
    }
    writeln!(
        out,
        "{} of {} cells call another winner, beyond their noise.",
        comparison.contradictions.len(),
        comparison.cells
    )?;
    if comparison.changes.is_empty() {
        return writeln!(out, "Nobody has changed beyond the noise.");
    }
    let mut table = table(["changed", "who", "was", "is", "noise"]);
    for change in &comparison.changes {
        table.add_row([
            change.cell.clone(),
            change.contestant.clone(),
            figure(change, change.before),
            figure(change, change.after),
            format!("±{:.0}%", (change.allowed - 1.0) * 100.0),
        ]);
    }
    writeln!(
        out,
        "\n{table}\nRatios to raw, or to the first where it took no part, in each run's own time."
    )
}

/// A ratio, or bytes.
fn figure(change: &Change, value: f64) -> String {
    match change.measure {
        Measure::Bytes => format!("{value:.0} B"),
        _ => ratio(value),
    }
}
