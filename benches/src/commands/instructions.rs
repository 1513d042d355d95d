//! `instructions`: what each contestant needs for one event or message, in user space.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use waitset_bench::callgrind::{
    Failure, PIPES, TOKENS, instructions_an_event, instructions_per_message,
};
use waitset_bench::messages::{Exchange, MESSAGE};
use waitset_bench::note;
use waitset_bench::output::Output;
use waitset_bench::record::Report;
use waitset_bench::{Entrant, allowed, foreign, limits, tables};

/// What test harnesses take for "skipped".
const SKIPPED: u8 = 77;

/// Counts user-space instructions per event and per message
///
/// Takes about half a minute; needs valgrind, and exits with 77 if it is not installed. Events
/// are those of a chain of 100 pipes with 1 or 10 of them active; messages go there and back
/// through a layer. Exact: the same in every run of one build, but for a few instructions if a
/// layer reads the clock.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Exit with 1 if any of those with a limit needs more than that
    #[arg(long)]
    check: bool,
    /// Count the loops of libevent, libev and libuv too; needs cc and their headers
    #[arg(long)]
    rivals: bool,
    /// Write the counts to FILE as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Contestants to count, or layers: connection, async-echo, async-http; all if none is
    /// given
    #[arg(value_name = "CONTESTANTS", value_parser = named)]
    contestants: Vec<Subject>,
}

/// Who is counted.
#[derive(Clone, Debug)]
enum Subject {
    /// A contestant or a loop in C, in the chain.
    Chain(String),
    Messages(Exchange),
}

fn named(name: &str) -> Result<Subject, String> {
    match name.parse() {
        Ok(exchange) => Ok(Subject::Messages(exchange)),
        Err(()) => Ok(Subject::Chain(name.parse::<Entrant>()?.to_string())),
    }
}

impl Subject {
    fn name(&self) -> &str {
        match self {
            Self::Chain(name) => name,
            Self::Messages(exchange) => exchange.name(),
        }
    }

    fn counts(&self) -> Result<Vec<Count>, Failure> {
        let count = |a: Option<usize>, instructions| Count {
            contestant: self.name().to_owned(),
            n: a.map(|_| PIPES),
            a,
            instructions,
        };
        match self {
            Self::Chain(name) => TOKENS
                .into_iter()
                .map(|a| Ok(count(Some(a), instructions_an_event(name, a)?)))
                .collect(),
            Self::Messages(exchange) => Ok(vec![count(None, instructions_per_message(*exchange)?)]),
        }
    }
}

/// Instructions for one event of a chain of `n` pipes with `a` active, or for one message.
#[derive(Serialize)]
struct Count {
    contestant: String,
    n: Option<usize>,
    a: Option<usize>,
    instructions: f64,
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

pub(crate) fn run(arguments: &Arguments, out: &mut Output) -> io::Result<ExitCode> {
    limits::raise();
    let mut counts = Vec::new();
    for subject in subjects(arguments) {
        note!("counting {} ...", subject.name());
        match subject.counts() {
            Ok(counted) => counts.extend(counted),
            Err(missing @ Failure::NotInstalled) => {
                note!("skipped: {missing}");
                return Ok(ExitCode::from(SKIPPED));
            }
            Err(Failure::Said(reason)) => return Err(io::Error::other(reason)),
        }
    }
    print(&counts, out)?;
    let verdict = match arguments.check {
        true => check(&counts),
        false => Ok(Vec::new()),
    };
    if let Some(path) = &arguments.json {
        Report::new(counts).write(path)?;
    }
    for line in verdict.map_err(io::Error::other)? {
        writeln!(out, "{line}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Who is to be counted.
fn subjects(arguments: &Arguments) -> Vec<Subject> {
    let chain = |name: &str| Subject::Chain(name.to_owned());
    let mut subjects = arguments.contestants.clone();
    if subjects.is_empty() {
        let counted = COUNTED.iter().filter(|one| one.is_here());
        subjects.extend(counted.map(|one| chain(one.name())));
        subjects.extend(Exchange::ALL.iter().map(|one| Subject::Messages(*one)));
    }
    if arguments.rivals {
        let (built, missing) = foreign::build();
        missing.iter().for_each(|missing| note!("{missing}"));
        subjects.extend(built.iter().map(|rival| chain(rival.name())));
    }
    subjects
}

fn print(counts: &[Count], out: &mut Output) -> io::Result<()> {
    let of_one = |one: &Count, other: &Count| one.contestant == other.contestant;
    let [mut events, mut messages] = [
        tables::table(["instructions per event", "A = 1", "A = 10"]),
        tables::table(["instructions per message", ""]),
    ];
    for counted in counts.chunk_by(of_one) {
        let mut row = vec![counted[0].contestant.clone()];
        row.extend(
            counted
                .iter()
                .map(|count| format!("{:.1}", count.instructions)),
        );
        match counted[0].a {
            Some(_) => events.add_row(row),
            None => messages.add_row(row),
        };
    }
    if events.row_count() > 0 {
        let note = format!("N = {PIPES} pipes, A of them active; about 50 are the workload's own.");
        writeln!(out, "{events}\n{note}")?;
    }
    if messages.row_count() > 0 {
        let note = format!("A message of {MESSAGE} bytes there and back, both ends included.");
        writeln!(out, "{messages}\n{note}")?;
    }
    Ok(())
}

/// Counts hardly vary, so what is above the limit by any is above it. Returns a line for each
/// that is within, or all that are not.
fn check(counts: &[Count]) -> Result<Vec<String>, String> {
    let (mut within, mut beyond) = (Vec::new(), Vec::new());
    let of_one = |one: &Count, other: &Count| one.contestant == other.contestant;
    for counted in counts.chunk_by(of_one) {
        let name = &counted[0].contestant;
        let Some(limits) = allowed::limits(name) else {
            continue;
        };
        for (count, limit) in counted.iter().zip(limits) {
            // As printed: the difference of two runs has a remainder of its own.
            let needed = (count.instructions * 10.0).round() / 10.0;
            let what = match count.a {
                Some(a) => format!("an event with A = {a}"),
                None => "a message".to_owned(),
            };
            match needed <= *limit {
                true => within.push(format!(
                    "{name} needs {needed:.1} instructions for {what}, within {limit}."
                )),
                false => beyond.push(format!(
                    "{name} needs {needed:.1} instructions for {what}; {limit} are allowed"
                )),
            }
        }
    }
    match (beyond.is_empty(), within.is_empty()) {
        (false, _) => Err(beyond.join("\n")),
        (true, true) => Err("--check needs a contestant with a limit; name none".to_owned()),
        (true, false) => Ok(within),
    }
}
