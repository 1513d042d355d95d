//! `timers`: waitset's beside an ordered map and tokio's wheel.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use waitset_bench::machine::Machine;
use waitset_bench::note;
use waitset_bench::output::Output;
use waitset_bench::spread::Spread;
use waitset_bench::tables::{ratio, table};
use waitset_bench::timers::course::{self, NAMES, QUESTIONS};
use waitset_bench::timers::queues::{BTree, Sleeps, Waitset, Wheel};
use waitset_bench::timers::verify;

/// Compares timers: waitset's, a BTreeMap's and tokio's wheel
///
/// Takes a minute or two. Timers are armed, cancelled, reset and fired in each, in turns.
/// Figures are the others' times divided by waitset's: above 1, waitset is faster. waitset is
/// measured against itself as well: that is the noise.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Rounds for each figure
    #[arg(long, default_value_t = 31, value_parser = clap::value_parser!(u16).range(15..))]
    rounds: u16,
    /// How many timers are live: 1000,100000
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 100_000, 1_000_000],
          value_parser = clap::value_parser!(u32).range(10..=10_000_000))]
    live: Vec<u32>,
}

pub(crate) fn run(arguments: &Arguments, out: &mut Output) -> io::Result<ExitCode> {
    writeln!(out, "{}", Machine::here())?;
    verify::<Waitset>(10_000);
    verify::<BTree>(10_000);
    verify::<Wheel>(10_000);
    verify::<Sleeps>(10_000);
    let heads = ["live", "", "noise"].into_iter().chain(NAMES[2..].to_vec());
    let mut table = table(heads);
    for live in &arguments.live {
        note!("measuring {live} timers ...");
        let rounds = course::run(*live as usize, arguments.rounds.into());
        for (question, name) in QUESTIONS.into_iter().enumerate() {
            let of = |who: usize| {
                let over = |times: &[[f64; 4]]| times[who][question] / times[0][question];
                Spread::of(rounds.iter().map(|times| over(times)))
            };
            let noise = format!("±{:.0} %", of(1).distance_from_one() * 100.0);
            let mut row = vec![live.to_string(), name.to_owned(), noise];
            row.extend((2..NAMES.len()).map(|who| cell(of(who))));
            table.add_row(row);
        }
    }
    writeln!(out, "\n{table}")?;
    Ok(ExitCode::SUCCESS)
}

/// The median, and how far the range around it reaches, in shares of it.
fn cell(spread: Spread) -> String {
    let reach = (spread.high - spread.median).max(spread.median - spread.low);
    let percent = reach / spread.median * 100.0;
    format!("{} ±{percent:.0} %", ratio(spread.median))
}
