//! Signals as events: no handler that may call next to nothing, only a callback.
//!
//! `cargo run --release --example signals`, then `kill -USR1` with the number it prints.

use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;

use clap::Parser;
use waitset::{Interest, Mode, Signal, Signals};
use waitset_examples::program::{LoopFlags, finish, parse};
use waitset_examples::{output, say};

/// Tells which signals it is sent, and by whom.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    common: LoopFlags,
}

/// What it tells of.
const SIGNALS: [Signal; 4] = [
    Signal::USER_1,
    Signal::USER_2,
    Signal::HANGUP,
    Signal::WINDOW,
];

fn main() -> ExitCode {
    let flags: Flags = parse();
    output::end_with_output();
    finish(run(&flags))
}

fn run(flags: &Flags) -> io::Result<()> {
    // This loop ends at Ctrl-C and SIGTERM already.
    let mut event_loop = flags.common.event_loop::<BTreeMap<Signal, u64>>()?;
    let handle = event_loop.handle();
    // Who starts it to ignore one, as `nohup` does with SIGHUP, wants that it stays ignored.
    let (ignored, taken): (Vec<_>, Vec<_>) =
        SIGNALS.into_iter().partition(|signal| signal.is_ignored());
    let signals = Signals::new(&taken)?;
    handle.insert(
        signals,
        Interest::READABLE,
        Mode::Level,
        |counts, signals, _, _| {
            // Signals do not queue: a second SIGUSR1 that comes before the first is taken
            // is lost. They say that something happened, not how often.
            while let Ok(info) = signals.next() {
                say!("{} of process {}", info.signal(), info.sender());
                *counts.entry(info.signal()).or_default() += 1;
            }
        },
    )?;
    let name = handle.mechanism();
    say!("process {} backend={name}", std::process::id());
    ignored
        .iter()
        .for_each(|signal| say!("{signal} was ignored at the start, and stays so"));
    let mut counts = BTreeMap::new();
    flags.common.run(event_loop, &mut counts)?;
    for (signal, count) in counts {
        say!("{signal}: {count}");
    }
    Ok(())
}
