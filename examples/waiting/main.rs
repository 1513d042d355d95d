//! What waiting costs: the same wait in many ways, beside a neighbour that has work to do.
//!
//! `cargo run --release --example waiting`

mod stage;
mod ways;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use stage::{Outcome, measure};
use waitset::Backend;
use waitset_examples::program::finish;
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
    reactor: Option<Backend>,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.05..=60.0).contains(&seconds) => Ok(seconds),
        _ => Err("a number of seconds from 0.05 to 60".to_owned()),
    }
}

const LEGEND: &str = "\
Who sleeps hands the processor to others, and is quick to wake. Who asks in a
loop takes half of it, and is late: a message may come in the other's turn.

CPU %: of the waiter. calls: system calls, counted where this program makes
them and, of a mechanism, by its Stats. gave up, taken: context switches,
voluntary and not. late: median, from sending to noticing. neighbour %: of the
work that this thread does where nobody waits. Both are on one processor.";

fn main() -> ExitCode {
    finish(run(&Flags::parse()))
}

fn run(flags: &Flags) -> io::Result<()> {
    if let Some(backend) = flags.reactor {
        backend.open()?;
    }
    let duration = Duration::from_secs_f64(flags.seconds);
    let alone = measure(None, duration)?.work;
    println!("way                     CPU %     calls  gave up  taken   late us  neighbour %");
    for way in Way::all(flags.reactor) {
        match measure(Some(way), duration) {
            Ok(outcome) => print_row(way, &outcome, alone),
            // The others can be compared all the same.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                println!("{way:<20} cannot be had here");
            }
            Err(error) => return Err(error),
        }
    }
    println!("\n{LEGEND}");
    Ok(())
}

fn print_row(way: Way, outcome: &Outcome, alone: f64) {
    let cost = &outcome.cost;
    println!(
        "{:<20} {:>8.1} {:>9} {:>8} {:>6} {:>9.0} {:>12.0}",
        way.to_string(),
        100.0 * cost.cpu.as_secs_f64() / outcome.duration.as_secs_f64(),
        cost.calls,
        cost.gave_up,
        cost.taken,
        cost.median_delay().as_secs_f64() * 1e6,
        100.0 * outcome.work / alone,
    );
}
