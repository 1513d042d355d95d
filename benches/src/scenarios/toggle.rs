//! Interest that goes off and on again between two waits.

use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset_core::{Interest, Stats};

use super::question::{Question, among};
use crate::pipes::Pipes;
use crate::{Contestant, Workload};

/// An interest goes off and on between two waits. A unit is both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Sources.
    pub n: usize,
}

impl Question for Asked {
    const GROUP: &'static str = "toggle";

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
        Ok(Box::new(Toggle::new(
            among::<C>(shared, capacity)?,
            shared.clone(),
        )))
    }
}

/// A unit is two changes of one source: writability asked for, and not any more. That is
/// what a server does whose write did not fit and then did.
///
/// All sources take their turns, then what was put off until the next wait is done and
/// timed with them.
#[derive(Debug)]
pub struct Toggle<C> {
    contestant: C,
    pipes: Rc<Pipes>,
}

impl<C: Contestant> Toggle<C> {
    /// The contestant among these pipes.
    #[must_use]
    pub fn new(contestant: C, pipes: Rc<Pipes>) -> Self {
        Self { contestant, pipes }
    }

    #[inline(never)]
    fn toggle(&mut self, units: u64) -> io::Result<()> {
        let mut left = units;
        while left > 0 {
            let count = left.min(self.pipes.len() as u64);
            for index in 0..count as usize {
                let both = Interest::READABLE | Interest::WRITABLE;
                self.contestant.modify(index, both)?;
                self.contestant.modify(index, Interest::READABLE)?;
            }
            self.contestant.settle()?;
            left -= count;
        }
        Ok(())
    }
}

impl<C: Contestant> Workload for Toggle<C> {
    fn attach(&mut self) -> io::Result<()> {
        self.contestant.add_all(self.pipes.len())
    }

    fn detach(&mut self) -> io::Result<()> {
        self.contestant.delete_all(self.pipes.len())
    }

    fn run(&mut self, units: u64) -> io::Result<Duration> {
        let start = Instant::now();
        self.toggle(units)?;
        Ok(start.elapsed())
    }

    /// After toggling, each source is still watched for reading.
    fn verify(&mut self) -> io::Result<()> {
        self.toggle(2 * self.pipes.len() as u64)?;
        assert_eq!(self.contestant.look()?, 0, "an event of an empty pipe");
        for index in 0..self.pipes.len() {
            self.pipes.write(index);
        }
        let mut seen = vec![0; self.pipes.len()];
        while seen.contains(&0) {
            self.contestant.turn(|index| {
                self.pipes.read(index);
                seen[index] += 1;
            });
        }
        assert!(seen.iter().all(|times| *times == 1), "told twice");
        Ok(())
    }

    fn stats(&self) -> Option<Stats> {
        self.contestant.stats()
    }
}
