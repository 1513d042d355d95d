//! `diff`: two runs against each other.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use waitset_bench::instrument::diff::Comparison;
use waitset_bench::instrument::run::Run;
use waitset_bench::output::Output;
use waitset_bench::tables::{ratio, table};

#[derive(Args)]
pub(crate) struct Arguments {
    /// A run
    before: PathBuf,
    /// Another run
    after: PathBuf,
    /// Compare them though they are of other machines or kernels
    #[arg(long)]
    across_machines: bool,
}

pub(crate) fn run(arguments: &Arguments, out: &mut Output) -> io::Result<ExitCode> {
    let (before, after) = (Run::read(&arguments.before)?, Run::read(&arguments.after)?);
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
    print(&Comparison::of(&before, &after), out)?;
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
        return writeln!(
            out,
            "Nobody's ratio to the raw loop has changed beyond the noise."
        );
    }
    let mut table = table(["changed", "who", "was", "is", "noise"]);
    for change in &comparison.changes {
        table.add_row([
            change.cell.clone(),
            change.contestant.clone(),
            ratio(change.before),
            ratio(change.after),
            format!("±{:.0}%", (change.allowed - 1.0) * 100.0),
        ]);
    }
    writeln!(out, "\n{table}\nRatios to the raw loop of their own run.")
}
