//! Ticks so many times over waitset.

use std::env;
use std::io;
use std::time::Duration;

use waitset::EventLoop;

fn main() -> io::Result<()> {
    let (period, count) = arguments();
    let mut event_loop = EventLoop::<u32>::new()?;
    event_loop
        .handle()
        .arm_every(period, move |tick, _, handle| {
            *tick += 1;
            println!("tick {tick}");
            if *tick == count {
                handle.stop();
            }
        });
    event_loop.run(&mut 0)
}

fn arguments() -> (Duration, u32) {
    let mut words = env::args().skip(1);
    let mut number = |default| words.next().map_or(default, |word| word.parse().unwrap());
    (Duration::from_millis(number(1000)), number(5) as u32)
}
