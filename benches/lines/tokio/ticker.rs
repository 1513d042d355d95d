//! Ticks so many times over tokio.

use std::env;
use std::time::Duration;

use tokio::time::{Instant, interval_at};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (period, count) = arguments();
    let mut ticks = interval_at(Instant::now() + period, period);
    for tick in 1..=count {
        ticks.tick().await;
        println!("tick {tick}");
    }
}

fn arguments() -> (Duration, u32) {
    let mut words = env::args().skip(1);
    let mut number = |default| words.next().map_or(default, |word| word.parse().unwrap());
    (Duration::from_millis(number(1000)), number(5) as u32)
}
