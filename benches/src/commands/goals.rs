//! `goals`: what waitset was built to reach.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use waitset_bench::goals::{GOALS, Goal, Lab, print, summary};
use waitset_bench::machine::Machine;
use waitset_bench::note;
use waitset_bench::output::Output;
use waitset_bench::record::Report;
use waitset_bench::{foreign, limits};

/// Pairs for a figure; 15 are the fewest that a goal accepts.
const PAIRS: usize = 51;
const QUICK_PAIRS: usize = 15;

/// Measures the fourteen goals of the project, and says which are met
///
/// Takes about two minutes. Each goal is measured against its rival in pairs of short slices
/// that take turns; instructions and system calls are counted with valgrind, if it is
/// installed.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Measure goal N only; may be given several times
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=14))]
    only: Vec<u8>,
    /// Measure 15 pairs for each figure instead of 51
    #[arg(long)]
    quick: bool,
    /// Measure the loops of libevent and libev for goal 7; needs cc and their headers
    #[arg(long)]
    rivals: bool,
    /// Write all figures to FILE as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments, out: &mut Output) -> io::Result<ExitCode> {
    limits::raise();
    writeln!(out, "{}", Machine::here())?;
    let pairs = if arguments.quick { QUICK_PAIRS } else { PAIRS };
    let mut lab = Lab::new(pairs, rivals(arguments.rivals));
    let mut goals: Vec<Goal> = Vec::new();
    for aim in GOALS {
        if !arguments.only.is_empty() && !arguments.only.contains(&aim.number) {
            continue;
        }
        note!("measuring goal {} ...", aim.number);
        let goal = aim.measure(&mut lab)?;
        print(&goal, out)?;
        goals.push(goal);
    }
    summary(&goals, pairs, out)?;
    if let Some(path) = &arguments.json {
        Report::new(goals).write(path)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn rivals(are_asked: bool) -> Result<Vec<foreign::Foreign>, String> {
    if !are_asked {
        return Err("libevent and libev take part with --rivals, which needs cc".to_owned());
    }
    let (built, missing) = foreign::build();
    missing.iter().for_each(|missing| note!("{missing}"));
    Ok(built)
}
