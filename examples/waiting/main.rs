//! What waiting costs: the same wait in many ways, beside a neighbour that has work to do.
//!
//! `cargo run --release --example waiting`

mod stage;
mod ways;

use std::io;
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use nix::poll::{PollFd, PollFlags, ppoll};
use stage::{Outcome, measure};
use waitset::{Backend, Signals};
use waitset_examples::program::{LoopFlags, ends, finish, parse};
use waitset_examples::{output, say};
use ways::Way;

/// Waits for messages in every way there is, and says what each costs.
#[derive(Parser)]
struct Flags {
    /// How long each of the waits is.
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    seconds: f64,
    /// Of the mechanisms only this one: auto, select, poll, epoll, uring, sweep, busy or
    /// adaptive.
    #[arg(long, env = Backend::VARIABLE)]
    backend: Option<Backend>,
    /// Say at the end what each mechanism counted.
    #[arg(long)]
    stats: bool,
    /// Tell on standard error what each mechanism does, which costs time itself.
    #[arg(long)]
    explain: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.05..=60.0).contains(&seconds) => Ok(seconds),
        _ => Err("a number of seconds from 0.05 to 60".to_owned()),
    }
}

const HEADER: &str =
    "way                     CPU %     calls  gave up  taken   late us  neighbour %";

const LEGEND: &str = "\
A read that blocks does not stop the machine. It stops its own thread, and hands
the processor to the neighbour, a thread that computes on the same one. Who asks
in a loop takes half of it, and is late: the message comes in the other's turn.

CPU %: the waiter's share of the processor. calls: its system calls. gave up,
taken: how often it lost the processor by its own will, and against it. late:
from sending to noticing, the median. neighbour %: the neighbour's share.";

fn main() -> ExitCode {
    let flags: Flags = parse();
    output::end_with_output();
    finish(run(&flags))
}

fn run(flags: &Flags) -> io::Result<()> {
    if let Some(backend) = flags.backend {
        backend.open()?;
    }
    // Before there are other threads, which are to inherit that these are blocked.
    let signals = ends()?;
    let ends = |patience| ends_within(patience, &signals);
    let duration = Duration::from_secs_f64(flags.seconds);
    let mut counted = Vec::new();
    say!("{HEADER}");
    for way in Way::all(flags.mechanisms()) {
        match measure(way, duration, ends) {
            Ok(None) => break, // Ctrl-C
            Ok(Some(outcome)) => {
                print_row(way, &outcome);
                counted.extend(outcome.cost.stats.map(|stats| (way, stats)));
            }
            // The others can be compared all the same.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                say!("{way:<20} cannot be had here");
            }
            Err(error) => return Err(error),
        }
    }
    say!("\n{LEGEND}");
    if flags.stats {
        counted
            .iter()
            .for_each(|(way, stats)| say!("{way}: {stats:?}"));
    }
    Ok(())
}

/// Waits for so long, or until a signal asks this program to end.
fn ends_within(patience: Duration, signals: &Signals) -> bool {
    let signal = &mut [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
    let is_pending = ppoll(signal, Some(patience.into()), None) == Ok(1);
    is_pending && signals.next().is_ok()
}

impl Flags {
    /// All, or the one that was named.
    fn mechanisms(&self) -> impl Iterator<Item = LoopFlags> {
        let Self { stats, explain, .. } = *self;
        let asked_for = |one: &Backend| self.backend.is_none_or(|only| only == *one);
        Backend::all()
            .filter(asked_for)
            .map(move |backend| LoopFlags {
                backend,
                stats,
                explain,
            })
    }
}

fn print_row(way: Way, outcome: &Outcome) {
    let cost = &outcome.cost;
    let percent = |time: Duration| 100.0 * time.as_secs_f64() / outcome.duration.as_secs_f64();
    say!(
        "{:<20} {:>8.1} {:>9} {:>8} {:>6} {:>9.0} {:>12.0}",
        way,
        percent(cost.cpu),
        cost.calls,
        cost.gave_up,
        cost.taken,
        cost.median_delay().as_secs_f64() * 1e6,
        percent(outcome.neighbour),
    );
}
