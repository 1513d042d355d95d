//! What is timed, and in which turns.

use std::hint::black_box;
use std::mem;
use std::thread;
use std::time::{Duration, Instant};

use super::Timers;
use super::queues::{BTree, Sleeps, Waitset, Wheel};

/// What is asked, in the order of a [`Times`].
pub const QUESTIONS: [&str; 4] = ["arm", "cancel", "reset", "fire"];

/// Nanoseconds a timer, by question.
pub type Times = [f64; 4];

/// Timers armed, cancelled and reset in a round.
const CHANGES: usize = 50_000;

/// How many of them are armed beside the live ones at a time: a tenth of those at most,
/// since with more the number of live timers would be another than the one that is asked
/// about.
fn at_a_time(live: usize) -> usize {
    (live / 10).clamp(1, 10_000)
}

/// The live ones are due in 10 to 70 seconds, as the timeouts of connections are.
const FAR: Duration = Duration::from_secs(10);
const FAR_SPREAD: Duration = Duration::from_secs(60);

/// Those that fire are due within this time, a millisecond being tokio's tick.
const NEAR_SPREAD: Duration = Duration::from_millis(100);

/// A contestant, with so many live timers to change and as many to fire.
struct Stand<T: Timers> {
    live: T,
    keys: Vec<T::Key>,
    due: T,
    due_keys: Vec<T::Key>,
    fired: Vec<u32>,
}

/// What a round asks of everybody alike.
struct Round {
    /// Of those that are armed and cancelled again.
    armed: Vec<Instant>,
    /// Which of the live ones is reset, and to when.
    reset: Vec<(usize, Instant)>,
    /// Of those that fire.
    due: Vec<Instant>,
    seed: u64,
}

impl Round {
    fn new(live: usize, random: &mut fastrand::Rng) -> Self {
        let now = Instant::now();
        let reset = (0..CHANGES).map(|_| (random.usize(..live), far(now, random)));
        Self {
            reset: reset.collect(),
            armed: (0..CHANGES).map(|_| far(now, random)).collect(),
            due: (0..live)
                .map(|_| now + within(NEAR_SPREAD, random))
                .collect(),
            seed: random.u64(..),
        }
    }
}

fn within(spread: Duration, random: &mut fastrand::Rng) -> Duration {
    Duration::from_nanos(random.u64(..spread.as_nanos() as u64))
}

fn far(now: Instant, random: &mut fastrand::Rng) -> Instant {
    now + FAR + within(FAR_SPREAD, random)
}

/// A [`Stand`], whichever its timers.
trait Runner {
    fn change(&mut self, round: &Round) -> [f64; 3];
    fn arm_due(&mut self, round: &Round);
    fn fire(&mut self) -> f64;
}

impl<T: Timers> Stand<T> {
    fn open(live: usize, random: &mut fastrand::Rng) -> Box<Self> {
        let most = live.max(CHANGES) as u32;
        let now = Instant::now();
        let mut timers = T::new(most);
        let numbers = 0..live as u32;
        let keys = timers.inside(|timers| {
            let arm = |number| timers.arm(far(now, random), number);
            numbers.map(arm).collect()
        });
        Box::new(Self {
            live: timers,
            keys,
            due: T::new(most),
            due_keys: Vec::with_capacity(live),
            fired: Vec::with_capacity(live),
        })
    }
}

impl<T: Timers> Runner for Stand<T> {
    fn change(&mut self, round: &Round) -> [f64; 3] {
        let keys = &mut self.keys;
        self.live.inside(|live| change(live, keys, round))
    }

    fn arm_due(&mut self, round: &Round) {
        let keys = &mut self.due_keys;
        let arm = |due: &mut T| keys.extend((0..).zip(&round.due).map(|(n, at)| due.arm(*at, n)));
        self.due.inside(arm);
    }

    fn fire(&mut self) -> f64 {
        let count = self.due_keys.len();
        let start = Instant::now();
        self.due.fire(count, &mut self.fired);
        // What a key holds is a part of its timer.
        self.due_keys.clear();
        let taken = start.elapsed();
        let told = black_box(mem::take(&mut self.fired));
        assert_eq!(told.len(), count);
        taken.as_nanos() as f64 / count as f64
    }
}

fn change<T: Timers>(live: &mut T, keys: &mut [T::Key], round: &Round) -> [f64; 3] {
    let mut random = fastrand::Rng::with_seed(round.seed);
    let at_a_time = at_a_time(keys.len());
    let mut added = Vec::with_capacity(at_a_time);
    let [mut arming, mut cancelling] = [Duration::ZERO; 2];
    for deadlines in round.armed.chunks(at_a_time) {
        let start = Instant::now();
        added.extend((0..).zip(deadlines).map(|(n, at)| live.arm(*at, n)));
        arming += start.elapsed();
        random.shuffle(&mut added);
        let start = Instant::now();
        added.drain(..).for_each(|key| live.cancel(key));
        cancelling += start.elapsed();
    }
    let start = Instant::now();
    for (which, deadline) in &round.reset {
        live.reset(&mut keys[*which], *deadline);
    }
    let resetting = start.elapsed();
    [arming, cancelling, resetting].map(|taken| taken.as_nanos() as f64 / CHANGES as f64)
}

/// Who takes part; the first is what the others are divided by, and the second the same
/// again, whose ratio is the noise.
pub const NAMES: [&str; 5] = [
    "waitset",
    "waitset again",
    "BTreeMap",
    "DelayQueue",
    "tokio Sleep",
];

/// Times everybody with so many live timers: for each round, in the order of [`NAMES`].
///
/// Each round is the same for all, and all go through it in an order that is shuffled
/// anew. All timers that fire are due before the first of them is asked to fire.
#[must_use]
pub fn run(live: usize, rounds: usize) -> Vec<[Times; NAMES.len()]> {
    let mut random = fastrand::Rng::new();
    let mut runners: [Box<dyn Runner>; NAMES.len()] = [
        Stand::<Waitset>::open(live, &mut random),
        Stand::<Waitset>::open(live, &mut random),
        Stand::<BTree>::open(live, &mut random),
        Stand::<Wheel>::open(live, &mut random),
        Stand::<Sleeps>::open(live, &mut random),
    ];
    let mut order: Vec<usize> = (0..runners.len()).collect();
    let mut taken = Vec::with_capacity(rounds);
    // The first round warms up.
    for round in 0..=rounds {
        let asked = Round::new(live, &mut random);
        let mut times = [[0.0; 4]; NAMES.len()];
        random.shuffle(&mut order);
        for &who in &order {
            let [arm, cancel, reset] = runners[who].change(&asked);
            times[who] = [arm, cancel, reset, 0.0];
        }
        runners.iter_mut().for_each(|runner| runner.arm_due(&asked));
        if let Some(last) = asked.due.iter().max() {
            // tokio's ticks are rounded up.
            let over = *last + Duration::from_millis(2);
            thread::sleep(over.saturating_duration_since(Instant::now()));
        }
        for &who in &order {
            times[who][3] = runners[who].fire();
        }
        if round > 0 {
            taken.push(times);
        }
    }
    taken
}
