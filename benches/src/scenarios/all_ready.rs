//! All of N are ready: what telling them costs.

use std::hint::black_box;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset_core::Stats;

use super::question::{Question, among};
use crate::pipes::Pipes;
use crate::{Contestant, Entrant, Workload};

/// All of `n` are ready. A unit is a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Sources.
    pub n: usize,
}

impl Question for Asked {
    const GROUP: &'static str = "all_ready";

    type Shared = Pipes;

    fn number(self) -> String {
        self.n.to_string()
    }

    fn sources(self) -> usize {
        self.n
    }

    fn events_a_unit(self) -> usize {
        self.n
    }

    /// What is ready stays unread until it is told again.
    fn takes(self, entrant: Entrant) -> bool {
        entrant.tells_again()
    }

    fn open(self) -> io::Result<Self::Shared> {
        let pipes = Pipes::open(self.n)?;
        (0..pipes.len()).for_each(|index| pipes.write(index));
        Ok(pipes)
    }

    fn enter<C: Contestant>(
        self,
        shared: &Rc<Self::Shared>,
        capacity: usize,
    ) -> io::Result<Box<dyn Workload>> {
        Ok(Box::new(AllReady::new(
            among::<C>(shared, capacity)?,
            shared.clone(),
        )))
    }
}

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
