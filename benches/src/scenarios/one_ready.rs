//! One of N is ready: what the idle ones cost.

use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset_core::Stats;

use super::question::{Question, among};
use crate::pipes::Pipes;
use crate::{Contestant, Workload};

/// One of `n` is ready. A unit is a write, a wait and a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Sources.
    pub n: usize,
}

impl Question for Asked {
    const GROUP: &'static str = "one_ready";

    type Shared = Pipes;

    fn number(self) -> String {
        self.n.to_string()
    }

    fn sources(self) -> usize {
        self.n
    }

    fn open(self) -> io::Result<Self::Shared> {
        Pipes::open(self.sources())
    }

    fn enter<C: Contestant>(
        self,
        shared: &Rc<Self::Shared>,
        capacity: usize,
    ) -> io::Result<Box<dyn Workload>> {
        Ok(Box::new(OneReady::new(
            among::<C>(shared, capacity)?,
            shared.clone(),
        )))
    }
}

/// A unit is a byte written to one pipe, the wait that finds it and its read. The next
/// pipe is the one that follows in a random cycle.
#[derive(Debug)]
pub struct OneReady<C> {
    contestant: C,
    pipes: Rc<Pipes>,
    at: usize,
}

/// Steps of the cycle that are checked; a sweep over thousands would take seconds for all.
const MOST_VERIFIED: usize = 256;

impl<C: Contestant> OneReady<C> {
    /// The contestant among these pipes.
    #[must_use]
    pub fn new(contestant: C, pipes: Rc<Pipes>) -> Self {
        Self {
            contestant,
            pipes,
            at: 0,
        }
    }

    #[inline(never)]
    fn visit(&mut self, units: u64) {
        for _ in 0..units {
            self.step();
        }
    }

    #[inline]
    fn step(&mut self) {
        let Self {
            contestant,
            pipes,
            at,
        } = self;
        pipes.write(*at);
        let mut is_found = false;
        while !is_found {
            contestant.turn(|index| {
                assert_eq!(index, *at, "an event of a pipe that is empty");
                pipes.read(index);
                is_found = true;
            });
        }
        *at = pipes.next(*at);
    }
}

impl<C: Contestant> Workload for OneReady<C> {
    fn attach(&mut self) -> io::Result<()> {
        self.contestant.add_all(self.pipes.len())
    }

    fn detach(&mut self) -> io::Result<()> {
        self.contestant.delete_all(self.pipes.len())
    }

    fn run(&mut self, units: u64) -> io::Result<Duration> {
        let start = Instant::now();
        self.visit(units);
        Ok(start.elapsed())
    }

    /// Each step asserts that what was found is what was written; a second event would
    /// find nothing to read.
    fn verify(&mut self) -> io::Result<()> {
        for _ in 0..self.pipes.len().min(MOST_VERIFIED) {
            self.step();
        }
        assert_eq!(self.contestant.look()?, 0, "an event is left over");
        Ok(())
    }

    fn stats(&self) -> Option<Stats> {
        self.contestant.stats()
    }
}
