//! Ticks so many times over calloop.

use std::env;
use std::time::Duration;

use calloop::EventLoop;
use calloop::timer::{TimeoutAction, Timer};

fn main() -> calloop::Result<()> {
    let (period, count) = arguments();
    let mut event_loop = EventLoop::<u32>::try_new()?;
    let signal = event_loop.get_signal();
    let timer = Timer::from_duration(period);
    let inserted = event_loop
        .handle()
        .insert_source(timer, move |due, _, tick| {
            *tick += 1;
            println!("tick {tick}");
            if *tick == count {
                signal.stop();
            }
            TimeoutAction::ToInstant(due + period)
        });
    inserted.map_err(|error| error.error)?;
    event_loop.run(None, &mut 0, |_| {})
}

fn arguments() -> (Duration, u32) {
    let mut words = env::args().skip(1);
    let mut number = |default| words.next().map_or(default, |word| word.parse().unwrap());
    (Duration::from_millis(number(1000)), number(5) as u32)
}
