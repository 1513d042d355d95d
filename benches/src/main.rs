//! The instrument's command line.
//!
//! ```text
//! cargo run --release -p waitset-bench -- compare
//! ```
#![cfg(unix)]

mod commands;

use std::process::ExitCode;

use clap::Parser;
use waitset_bench::output;
use waitset_conformance::CountingAllocator;

use commands::Command;

/// Counts, so that `memory` can tell what a source holds. Nothing that is timed allocates but
/// timers, and all of them alike.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Measures the ways to wait for many descriptors against each other on this machine.
///
/// Begin with `compare`, and ask `recommend` for a mechanism. Each command has a --help of
/// its own, which says how long it takes and what it needs.
#[derive(Parser)]
#[command(max_term_width = 80)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    command.check();
    output::run("waitset-bench", |out| command.run(out))
}
