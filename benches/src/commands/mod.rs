//! The subcommands, one a file.

mod compare;
mod diff;
mod footprint;
#[cfg(target_os = "linux")]
mod goals;
mod instructions;
#[cfg(target_os = "linux")]
mod lines;
mod ratios;
mod recommend;
mod record;
mod report;
mod runs;
mod timers;

use std::io;
use std::process::ExitCode;

use clap::Subcommand;
use waitset_bench::callgrind::Counted;
use waitset_bench::limits;
use waitset_bench::output::Output;

/// What there is to do; the documentation of each stands with its arguments.
#[derive(Subcommand)]
pub(crate) enum Command {
    Compare(compare::Arguments),
    Recommend(recommend::Arguments),
    Diff(diff::Arguments),
    Report(report::Arguments),
    Record(record::Arguments),
    Ratios(ratios::Arguments),
    #[cfg(target_os = "linux")]
    Goals(goals::Arguments),
    Instructions(instructions::Arguments),
    Timers(timers::Arguments),
    #[cfg(target_os = "linux")]
    Lines(lines::Arguments),
    Footprint(footprint::Arguments),
    #[command(hide = true)]
    Run(Counted),
}

impl Command {
    /// Ends the program if its arguments contradict each other.
    pub(crate) fn check(&self) {
        if let Self::Recommend(arguments) = self {
            arguments.check();
        }
    }

    pub(crate) fn run(&self, out: &mut Output) -> io::Result<ExitCode> {
        match self {
            Self::Compare(arguments) => compare::run(arguments, out),
            Self::Recommend(arguments) => recommend::run(arguments, out),
            Self::Diff(arguments) => diff::run(arguments, out),
            Self::Report(arguments) => report::run(arguments, out),
            Self::Record(arguments) => record::run(arguments, out),
            Self::Ratios(arguments) => ratios::run(arguments, out),
            #[cfg(target_os = "linux")]
            Self::Goals(arguments) => goals::run(arguments, out),
            Self::Instructions(arguments) => instructions::run(arguments, out),
            Self::Timers(arguments) => timers::run(arguments, out),
            #[cfg(target_os = "linux")]
            Self::Lines(arguments) => lines::run(arguments, out),
            Self::Footprint(arguments) => footprint::run(arguments, out),
            Self::Run(counted) => {
                limits::raise();
                counted.run().map(|()| ExitCode::SUCCESS)
            }
        }
    }
}
