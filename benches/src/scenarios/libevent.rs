//! The benchmark that libevent ships, as it is.

use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset_core::Stats;

use super::question::{Question, among};
use crate::pipes::Pipes;
use crate::{Contestant, Workload};

/// libevent's own benchmark. A unit is an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Socket pairs.
    pub n: usize,
    /// Those that are active.
    pub a: usize,
    /// What is timed with it.
    pub variant: Variant,
}

impl Question for Asked {
    const GROUP: &'static str = "libevent";

    type Shared = Pipes;

    fn number(self) -> String {
        format!("{}x{}{}", self.n, self.a, self.variant.suffix())
    }

    fn sources(self) -> usize {
        self.n
    }

    fn active(self) -> Option<usize> {
        Some(self.a)
    }

    fn units_a_step(self) -> usize {
        self.n + self.a
    }

    fn open(self) -> io::Result<Self::Shared> {
        Pipes::open_pairs(self.n)
    }

    fn enter<C: Contestant>(
        self,
        shared: &Rc<Self::Shared>,
        capacity: usize,
    ) -> io::Result<Box<dyn Workload>> {
        Ok(Box::new(Libevent::new(
            among::<C>(shared, capacity)?,
            shared.clone(),
            self.a,
            self.variant,
        )))
    }
}

/// What is timed besides the loop, and how the loop waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// `test/bench.c` of libevent 2.1: the loop alone, with waits that do not sleep.
    Plain,
    /// All sources are removed and added again before each pass and timed with it, as in
    /// the version that libev publishes.
    Registering,
    /// The loop alone, with waits that may sleep.
    Blocking,
}

impl Variant {
    /// All.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Registering, Self::Blocking];

    /// What it adds to the name.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Registering => "+register",
            Self::Blocking => "+block",
        }
    }
}

/// A unit is an event: one byte read from a socket pair and one written to the pair that
/// follows in the order of opening, as long as writes are left.
///
/// As in bench.c, A bytes start a pass at every N/A-th pair, and N more are written on the
/// way. The order favours poll, which finds the next ready descriptor early in its array:
/// [`chain`](super::chain) does not.
#[derive(Debug)]
pub struct Libevent<C> {
    contestant: C,
    pairs: Rc<Pipes>,
    active: usize,
    variant: Variant,
}

impl<C: Contestant> Libevent<C> {
    /// The contestant among these socket pairs.
    #[must_use]
    pub fn new(contestant: C, pairs: Rc<Pipes>, active: usize, variant: Variant) -> Self {
        Self {
            contestant,
            pairs,
            active,
            variant,
        }
    }

    /// One pass, and how long it took.
    #[inline(never)]
    fn pass(&mut self, events: u64, mut seen: impl FnMut(usize)) -> io::Result<Duration> {
        let count = self.pairs.len();
        let mut start = Instant::now();
        if self.variant == Variant::Registering {
            self.contestant.delete_all(count)?;
            self.contestant.add_all(count)?;
        }
        let spacing = count / self.active;
        let starts = events.min(self.active as u64);
        for token in 0..starts as usize {
            self.pairs.write(token * spacing);
        }
        if self.variant != Variant::Registering {
            start = Instant::now(); // bench.c writes before it looks at the clock
        }
        let timeout = match self.variant {
            Variant::Plain | Variant::Registering => Some(Duration::ZERO),
            Variant::Blocking => None,
        };
        let pairs = &self.pairs;
        let mut to_write = events - starts;
        let mut to_read = events;
        while to_read > 0 {
            self.contestant.turn_within(timeout, |index| {
                pairs.read(index);
                to_read -= 1;
                if to_write > 0 {
                    to_write -= 1;
                    pairs.write(if index + 1 == count { 0 } else { index + 1 });
                }
                seen(index);
            });
        }
        Ok(start.elapsed())
    }
}

impl<C: Contestant> Workload for Libevent<C> {
    fn attach(&mut self) -> io::Result<()> {
        self.contestant.add_all(self.pairs.len())
    }

    fn detach(&mut self) -> io::Result<()> {
        self.contestant.delete_all(self.pairs.len())
    }

    fn run(&mut self, units: u64) -> io::Result<Duration> {
        let a_pass = (self.pairs.len() + self.active) as u64;
        let mut taken = Duration::ZERO;
        let mut left = units;
        while left > 0 {
            let events = left.min(a_pass);
            taken += self.pass(events, |_| {})?;
            left -= events;
        }
        Ok(taken)
    }

    /// N events a token bring each token once through all pairs.
    fn verify(&mut self) -> io::Result<()> {
        let count = self.pairs.len();
        let mut seen = vec![0; count];
        self.pass((count * self.active) as u64, |index| seen[index] += 1)?;
        assert!(seen.iter().all(|times| *times == self.active), "{seen:?}");
        assert_eq!(self.contestant.look()?, 0, "an event is left over");
        Ok(())
    }

    fn stats(&self) -> Option<Stats> {
        self.contestant.stats()
    }
}
