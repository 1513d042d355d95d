//! All of N are ready: what telling them costs.

use std::hint::black_box;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset_core::Stats;

use crate::pipes::Pipes;
use crate::{Contestant, Workload};

/// A unit is one wait that tells all N sources. Every pipe has a byte in it that nobody
/// reads, so the figure is the wait alone; contestants that tell only once can't take part.
#[derive(Debug)]
pub struct AllReady<C> {
    contestant: C,
    pipes: Rc<Pipes>,
}

impl<C: Contestant> AllReady<C> {
    /// The contestant among these pipes, each of which must have a byte in it.
    #[must_use]
    pub fn new(contestant: C, pipes: Rc<Pipes>) -> Self {
        Self { contestant, pipes }
    }

    #[inline(never)]
    fn tell(&mut self, units: u64) -> usize {
        let mut told = 0;
        for _ in 0..units {
            self.contestant.turn(|index| {
                black_box(index);
                told += 1;
            });
        }
        told
    }
}

impl<C: Contestant> Workload for AllReady<C> {
    fn attach(&mut self) -> io::Result<()> {
        self.contestant.add_all(self.pipes.len())
    }

    fn detach(&mut self) -> io::Result<()> {
        self.contestant.delete_all(self.pipes.len())
    }

    fn run(&mut self, units: u64) -> io::Result<Duration> {
        let start = Instant::now();
        let told = self.tell(units);
        let taken = start.elapsed();
        assert_eq!(told as u64, units * self.pipes.len() as u64, "not all told");
        Ok(taken)
    }

    fn verify(&mut self) -> io::Result<()> {
        for _ in 0..3 {
            let mut seen = vec![0; self.pipes.len()];
            self.contestant.turn(|index| seen[index] += 1);
            assert!(seen.iter().all(|times| *times == 1), "not each told once");
        }
        Ok(())
    }

    fn stats(&self) -> Option<Stats> {
        self.contestant.stats()
    }
}
