//! Events that come at a pace of their own, however long the waits take.

use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset_core::Stats;

use super::burst::burst;
use super::question::{Question, among, span};
use crate::pipes::Pipes;
use crate::{Contestant, Workload};

/// The question of Banga, Mogul and Druschel: events come at their own pace. A unit is an
/// event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Sources.
    pub n: usize,
    /// An event comes each so many microseconds.
    pub pace_us: u64,
}

impl Question for Asked {
    const GROUP: &'static str = "banga";

    type Shared = Pipes;

    fn number(self) -> String {
        format!("{}@{}", self.n, span(self.pace_us))
    }

    fn sources(self) -> usize {
        self.n
    }

    fn units_a_step(self) -> usize {
        PACED
    }

    fn open(self) -> io::Result<Self::Shared> {
        Pipes::open(self.sources())
    }

    fn enter<C: Contestant>(
        self,
        shared: &Rc<Self::Shared>,
        capacity: usize,
    ) -> io::Result<Box<dyn Workload>> {
        Ok(Box::new(Arrivals::new(
            among::<C>(shared, capacity)?,
            shared.clone(),
            self.pace_us * 1_000,
        )))
    }
}

/// Events that belong together: the first wait finds one, and the later ones what came during
/// those before.
const PACED: usize = 256;

/// A unit is an event: a byte written to the next pipe of the random cycle when its time
/// has come, found by a wait, and read.
///
/// What has come while a contestant was busy is found together by its next wait, so the
/// slower one finds more at a time and makes fewer waits (Banga, Mogul and Druschel,
/// USENIX 1999). Where all is done before the next event is due, its time comes at once:
/// nothing sleeps, and what is timed is the work alone, two looks at the clock a batch
/// included.
#[derive(Debug)]
pub struct Arrivals<C> {
    contestant: C,
    pipes: Rc<Pipes>,
    pace_ns: u64,
    at: usize,
}

impl<C: Contestant> Arrivals<C> {
    /// The contestant among these pipes, with an event each `pace_ns` nanoseconds.
    #[must_use]
    pub fn new(contestant: C, pipes: Rc<Pipes>, pace_ns: u64) -> Self {
        Self {
            contestant,
            pipes,
            pace_ns,
            at: 0,
        }
    }

    #[inline(never)]
    fn serve(&mut self, events: u64, mut seen: impl FnMut(usize)) -> Duration {
        let Self {
            contestant,
            pipes,
            pace_ns,
            at,
        } = self;
        let start = Instant::now();
        let (mut skipped_ns, mut due_ns) = (0, 0);
        let mut left = events;
        while left > 0 {
            let mut now_ns = start.elapsed().as_nanos() as u64 + skipped_ns;
            if now_ns < due_ns {
                skipped_ns += due_ns - now_ns;
                now_ns = due_ns;
            }
            // What a pipe holds is one event: a byte.
            let most = left.min(pipes.len() as u64);
            let count = (1 + (now_ns - due_ns) / *pace_ns).min(most);
            due_ns += count * *pace_ns;
            burst(contestant, pipes, at, count, &mut seen);
            left -= count;
        }
        start.elapsed()
    }
}

impl<C: Contestant> Workload for Arrivals<C> {
    fn attach(&mut self) -> io::Result<()> {
        self.contestant.add_all(self.pipes.len())
    }

    fn detach(&mut self) -> io::Result<()> {
        self.contestant.delete_all(self.pipes.len())
    }

    fn run(&mut self, units: u64) -> io::Result<Duration> {
        Ok(self.serve(units, |_| {}))
    }

    /// As many events as there are pipes come from each pipe once.
    fn verify(&mut self) -> io::Result<()> {
        let count = self.pipes.len();
        let mut seen = vec![0; count];
        self.serve(count as u64, |index| seen[index] += 1);
        assert!(seen.iter().all(|times| *times == 1), "lost or told twice");
        assert_eq!(self.contestant.look()?, 0, "an event is left over");
        Ok(())
    }

    fn stats(&self) -> Option<Stats> {
        self.contestant.stats()
    }
}
