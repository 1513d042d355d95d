//! Ticks so many times over polling, which has no timers.

use std::env;
use std::io;
use std::time::{Duration, Instant};

use polling::{Events, Poller};

fn main() -> io::Result<()> {
    let (period, count) = arguments();
    let poller = Poller::new()?;
    let mut events = Events::new();
    let mut due = Instant::now() + period;
    let mut tick = 0;
    while tick < count {
        let timeout = due.saturating_duration_since(Instant::now());
        poller.wait(&mut events, Some(timeout))?;
        if Instant::now() >= due {
            tick += 1;
            println!("tick {tick}");
            due += period;
        }
    }
    Ok(())
}

fn arguments() -> (Duration, u32) {
    let mut words = env::args().skip(1);
    let mut number = |default| words.next().map_or(default, |word| word.parse().unwrap());
    (Duration::from_millis(number(1000)), number(5) as u32)
}
