//! A of N are ready at once: what share of activity a mechanism likes.

use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset_core::Stats;

use super::burst::burst;
use super::question::{Question, among};
use crate::pipes::Pipes;
use crate::{Contestant, Workload};

/// `a` of `n` become ready at once. A unit is an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Sources.
    pub n: usize,
    /// Those that are active.
    pub a: usize,
}

impl Question for Asked {
    const GROUP: &'static str = "active_share";

    type Shared = Pipes;

    fn number(self) -> String {
        format!("{}x{}", self.n, self.a)
    }

    fn sources(self) -> usize {
        self.n
    }

    fn active(self) -> Option<usize> {
        Some(self.a)
    }

    fn units_a_step(self) -> usize {
        self.a
    }

    fn open(self) -> io::Result<Self::Shared> {
        Pipes::open(self.sources())
    }

    fn enter<C: Contestant>(
        self,
        shared: &Rc<Self::Shared>,
        capacity: usize,
    ) -> io::Result<Box<dyn Workload>> {
        Ok(Box::new(ActiveShare::new(
            among::<C>(shared, capacity)?,
            shared.clone(),
            self.a,
        )))
    }
}

/// A unit is an event. A byte is written to each of the next A pipes of the random cycle,
/// and then all are waited for and read.
///
/// The cost is told by the event and not by the wait: a faster wait returns fewer events
/// each time (Banga, Mogul and Druschel, USENIX 1999), so that by the wait it would look
/// better than it is.
#[derive(Debug)]
pub struct ActiveShare<C> {
    contestant: C,
    pipes: Rc<Pipes>,
    active: usize,
    at: usize,
}

impl<C: Contestant> ActiveShare<C> {
    /// The contestant among these pipes, with `active` of them ready at a time.
    #[must_use]
    pub fn new(contestant: C, pipes: Rc<Pipes>, active: usize) -> Self {
        Self {
            contestant,
            pipes,
            active,
            at: 0,
        }
    }

    #[inline(never)]
    fn bursts(&mut self, events: u64, mut seen: impl FnMut(usize)) {
        let Self {
            contestant,
            pipes,
            active,
            at,
        } = self;
        let mut left = events;
        while left > 0 {
            let count = left.min(*active as u64);
            burst(contestant, pipes, at, count, &mut seen);
            left -= count;
        }
    }
}

impl<C: Contestant> Workload for ActiveShare<C> {
    fn attach(&mut self) -> io::Result<()> {
        self.contestant.add_all(self.pipes.len())
    }

    fn detach(&mut self) -> io::Result<()> {
        self.contestant.delete_all(self.pipes.len())
    }

    fn run(&mut self, units: u64) -> io::Result<Duration> {
        let start = Instant::now();
        self.bursts(units, |_| {});
        Ok(start.elapsed())
    }

    /// As many events as there are pipes come from each pipe once.
    fn verify(&mut self) -> io::Result<()> {
        let count = self.pipes.len();
        let mut seen = vec![0; count];
        self.bursts(count as u64, |index| seen[index] += 1);
        assert!(seen.iter().all(|times| *times == 1), "lost or told twice");
        assert_eq!(self.contestant.look()?, 0, "an event is left over");
        Ok(())
    }

    fn stats(&self) -> Option<Stats> {
        self.contestant.stats()
    }
}
