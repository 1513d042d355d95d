//! Ticks so many times over smol.

use std::env;
use std::time::Duration;

use smol::Timer;
use smol::stream::StreamExt;

fn main() {
    let (period, count) = arguments();
    smol::block_on(async {
        let mut ticks = Timer::interval(period);
        for tick in 1..=count {
            ticks.next().await;
            println!("tick {tick}");
        }
    });
}

fn arguments() -> (Duration, u32) {
    let mut words = env::args().skip(1);
    let mut number = |default| words.next().map_or(default, |word| word.parse().unwrap());
    (Duration::from_millis(number(1000)), number(5) as u32)
}
