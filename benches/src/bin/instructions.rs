//! Counts the user-space instructions that each contestant needs for one event.
//!
//! ```text
//! cargo run --release -p waitset-bench --bin instructions
//! ```
//!
//! It needs valgrind and exits with 77 where there is none.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use serde::Serialize;
use waitset_bench::callgrind::{Counted, Failure, PIPES, TOKENS, instructions_an_event};
use waitset_bench::note;
use waitset_bench::output::{self, Output};
use waitset_bench::record::Report;
use waitset_bench::{Entrant, foreign, limits, tables};

/// What test harnesses take for "skipped".
const SKIPPED: u8 = 77;

/// The most instructions that an event may need, by tokens.
const MOST: &[(&str, [f64; 2])] = &[("epoll", [92.0, 58.0]), ("event-loop", [125.0, 85.0])];

/// Counts the user-space instructions that each contestant needs for one event of the
/// pipe chain, with 100 pipes and 1 or 10 of them active. Exact: the same in every run of
/// one build.
#[derive(Parser)]
#[command(max_term_width = 80)]
struct Arguments {
    /// Exit with 1 if epoll or the event loop over it needs more than it may
    #[arg(long)]
    check: bool,
    /// Build the loops of libevent, libev and libuv with cc and count them too
    #[arg(long)]
    rivals: bool,
    /// Write the counts to FILE as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Contestants to count; all if none is given
    contestants: Vec<Entrant>,
    #[command(subcommand)]
    run: Option<Counted>,
}

#[derive(Serialize)]
struct Count {
    contestant: String,
    n: usize,
    a: usize,
    instructions_an_event: f64,
}

/// Those that block: what spins executes as many instructions as it has time for.
const COUNTED: &[Entrant] = &[
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Entrant::Raw,
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Entrant::RawEdge,
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Entrant::Epoll,
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Entrant::EpollEdge,
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Entrant::EpollOneshot,
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Entrant::EpollBoxed,
    #[cfg(target_os = "linux")]
    Entrant::RawRing,
    #[cfg(target_os = "linux")]
    Entrant::UringEdge,
    #[cfg(target_os = "linux")]
    Entrant::RawRingLevel,
    #[cfg(target_os = "linux")]
    Entrant::Uring,
    #[cfg(target_os = "linux")]
    Entrant::UringOneshot,
    Entrant::WaitSet,
    Entrant::EventLoop,
    Entrant::Poll,
    Entrant::Select,
    Entrant::Mio,
    Entrant::Polling,
    Entrant::PollingOneshot,
    Entrant::Calloop,
];

fn main() -> ExitCode {
    limits::raise();
    let arguments = Arguments::parse();
    output::run("instructions", |out| {
        match &arguments.run {
            Some(counted) => counted.run()?,
            None => return count_all(&arguments, out),
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn count_all(arguments: &Arguments, out: &mut Output) -> io::Result<ExitCode> {
    let contestants = contestants(arguments);
    let is_missing = |(name, _): &&(&str, _)| !contestants.iter().any(|one| one == name);
    if let (true, Some((missing, _))) = (arguments.check, MOST.iter().find(is_missing)) {
        let text = format!("--check needs {missing} among the contestants; add it, or name none");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    let mut counts = Vec::new();
    let mut table = tables::table(["instructions per event", "A = 1", "A = 10"]);
    for contestant in contestants {
        note!("counting {contestant} ...");
        let mut row = vec![contestant.to_string()];
        for a in TOKENS {
            let count = match count(&contestant, a) {
                Ok(count) => count,
                Err(missing @ Failure::NotInstalled) => {
                    note!("skipped: {missing}");
                    return Ok(ExitCode::from(SKIPPED));
                }
                Err(Failure::Said(reason)) => return Err(io::Error::other(reason)),
            };
            row.push(format!("{:.1}", count.instructions_an_event));
            counts.push(count);
        }
        table.add_row(row);
    }
    let verdict = match arguments.check {
        true => check(&counts),
        false => Ok(()),
    };
    if let Some(path) = &arguments.json {
        Report::new(counts).write(path)?;
    }
    writeln!(out, "{table}")?;
    writeln!(
        out,
        "N = {PIPES} pipes, A of them active; about 50 are the workload's own."
    )?;
    verdict.map_err(io::Error::other)?;
    if arguments.check {
        for (contestant, [one, ten]) in MOST {
            writeln!(out, "{contestant} is within {one} and {ten} instructions.")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The names of those to count.
fn contestants(arguments: &Arguments) -> Vec<String> {
    let chosen: Vec<_> = match arguments.contestants.as_slice() {
        [] => COUNTED.iter().filter(|one| one.is_here()).collect(),
        chosen => chosen.iter().collect(),
    };
    let mut names: Vec<_> = chosen.iter().map(ToString::to_string).collect();
    if arguments.rivals {
        let (built, missing) = foreign::build();
        missing.iter().for_each(|missing| note!("{missing}"));
        names.extend(built.iter().map(|rival| rival.name().to_owned()));
    }
    names
}

fn count(contestant: &str, a: usize) -> Result<Count, Failure> {
    Ok(Count {
        contestant: contestant.to_owned(),
        n: PIPES,
        a,
        instructions_an_event: instructions_an_event(contestant, a)?,
    })
}

/// Counts do not vary, so what is above the limit by any is above it.
fn check(counts: &[Count]) -> Result<(), String> {
    for (contestant, limits) in MOST {
        let counted = counts
            .iter()
            .filter(|count| count.contestant == *contestant);
        for (count, most) in counted.zip(limits) {
            if count.instructions_an_event > *most {
                return Err(format!(
                    "{contestant} needs {:.1} instructions an event with A = {}, {most} are allowed",
                    count.instructions_an_event, count.a
                ));
            }
        }
    }
    Ok(())
}
