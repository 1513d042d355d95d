//! A timer that ticks, and a watchdog that each tick puts off: it bites when they end.
//!
//! `cargo run --release --example timers`

use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use waitset_examples::program::{LoopFlags, finish, parse};
use waitset_examples::{output, say};

/// Ticks, and bites when nobody ticks any more.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    common: LoopFlags,
    /// Between two ticks, in milliseconds.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    period_ms: u64,
    /// How often it ticks.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    ticks: u64,
}

fn main() -> ExitCode {
    let flags: Flags = parse();
    output::end_with_output();
    finish(run(&flags))
}

fn run(flags: &Flags) -> io::Result<()> {
    let mut event_loop = flags.common.event_loop::<u64>()?;
    let handle = event_loop.handle();
    let period = Duration::from_millis(flags.period_ms);
    let patience = period * 3;
    let start = Instant::now();
    let since = move |moment: Instant| millis(moment.saturating_duration_since(start));

    let watchdog = handle.arm_after(patience, move |_, tick, handle| {
        say!(
            "at {:.3} ms the watchdog bites: no tick for {:.3} ms, until {:.3} ms",
            since(Instant::now()),
            millis(patience),
            since(tick.due),
        );
        handle.stop();
    });
    let most = flags.ticks;
    handle.arm_every(period, move |ticks, tick, handle| {
        // Who comes too late for several ticks gets one, which says how many it stands for:
        // to run them all at once would make who is late still later.
        *ticks += 1 + tick.missed;
        say!(
            "at {:.3} ms tick {ticks}, due at {:.3} ms, {} missed",
            since(Instant::now()),
            since(tick.due),
            tick.missed
        );
        handle.reset_after(watchdog, patience);
        if *ticks >= most {
            handle.cancel(tick.timer);
        }
    });
    let mut ticks = 0;
    flags.common.run(event_loop, &mut ticks)?;
    say!("{ticks} ticks");
    Ok(())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
