//! The instrument's command line.
//!
//! ```text
//! cargo run --release -p waitset-bench -- compare
//! ```
#![cfg(unix)]

mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use waitset_bench::output;
use waitset_conformance::CountingAllocator;

/// Counts, so that `memory` can tell what a source holds. Nothing that is timed allocates.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Measures the ways to wait for many descriptors against each other on this machine.
#[derive(Parser)]
#[command(max_term_width = 80)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures mechanisms in shuffled rounds, with the noise beside every figure
    Compare(commands::compare::Arguments),
    /// Writes a run as a page
    Report(commands::report::Arguments),
    /// Keeps a run in benches/record, with the tables and the page made from it
    Record(commands::record::Arguments),
    /// Names a mechanism for a load, from a run on this machine
    Recommend(commands::recommend::Arguments),
    /// Compares two runs of one machine
    Diff(commands::diff::Arguments),
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    if let Command::Recommend(arguments) = &command {
        arguments.check();
    }
    output::run("waitset-bench", |out| match command {
        Command::Compare(arguments) => commands::compare::run(&arguments, out),
        Command::Report(arguments) => commands::report::run(&arguments, out),
        Command::Record(arguments) => commands::record::run(&arguments, out),
        Command::Recommend(arguments) => commands::recommend::run(&arguments, out),
        Command::Diff(arguments) => commands::diff::run(&arguments, out),
    })
}
