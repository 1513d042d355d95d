//! Nothing happens until a timeout: how late it is noticed.

use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset_core::Stats;

use super::question::{Question, among, span, with_rivals};
use super::waiting::FEW;
use crate::instrument::data::{Measure, Percentiles};
use crate::latency::Latencies;
use crate::pipes::Pipes;
use crate::{Contestant, Entrant, Workload};

/// A wait times out. A unit is one, the figure by how much it is late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The timeout.
    pub timeout_us: u64,
}

impl Question for Asked {
    const GROUP: &'static str = "timeouts";

    type Shared = Pipes;

    fn number(self) -> String {
        span(self.timeout_us)
    }

    fn sources(self) -> usize {
        FEW
    }

    fn contestants(self) -> Vec<Entrant> {
        with_rivals()
    }

    fn measure(self) -> Measure {
        Measure::Lateness
    }

    fn units_a_slice(self) -> Option<u64> {
        Some(if self.timeout_us < 2_000 { 8 } else { 1 })
    }

    fn open(self) -> io::Result<Self::Shared> {
        Pipes::open(self.sources())
    }

    fn enter<C: Contestant>(
        self,
        shared: &Rc<Self::Shared>,
        capacity: usize,
    ) -> io::Result<Box<dyn Workload>> {
        let timeout = Duration::from_micros(self.timeout_us);
        Ok(Box::new(Timeouts::new(
            among::<C>(shared, capacity)?,
            shared.clone(),
            timeout,
        )))
    }
}

/// A unit is one wait with a timeout. What is told is by how much it was late.
#[derive(Debug)]
pub struct Timeouts<C> {
    contestant: C,
    pipes: Rc<Pipes>,
    timeout: Duration,
    latencies: Latencies,
    /// Waits that ended before their time, for no signal could be seen.
    early: u64,
}

impl<C: Contestant> Timeouts<C> {
    /// The contestant among these pipes, which stay empty.
    #[must_use]
    pub fn new(contestant: C, pipes: Rc<Pipes>, timeout: Duration) -> Self {
        Self {
            contestant,
            pipes,
            timeout,
            latencies: Latencies::new(),
            early: 0,
        }
    }

    /// By how much one wait is late. One that is early goes on.
    fn lateness(&mut self) -> Duration {
        let start = Instant::now();
        let mut left = self.timeout;
        loop {
            self.contestant
                .turn_within(Some(left), |index| panic!("{index} is not ready"));
            let taken = start.elapsed();
            match self.timeout.checked_sub(taken) {
                None | Some(Duration::ZERO) => return taken - self.timeout,
                Some(rest) => left = rest,
            }
            self.early += 1;
        }
    }
}

impl<C: Contestant> Workload for Timeouts<C> {
    fn attach(&mut self) -> io::Result<()> {
        self.contestant.add_all(self.pipes.len())
    }

    fn detach(&mut self) -> io::Result<()> {
        self.contestant.delete_all(self.pipes.len())
    }

    fn run(&mut self, units: u64) -> io::Result<Duration> {
        let mut late = Duration::ZERO;
        for _ in 0..units {
            let by = self.lateness();
            self.latencies.record(by);
            late += by;
        }
        Ok(late)
    }

    /// Never early. The user's interrupt may end one of the waits, and no more.
    fn verify(&mut self) -> io::Result<()> {
        for _ in 0..3 {
            self.lateness();
        }
        assert!(self.early <= 1, "{} of 3 waits ended early", self.early);
        Ok(())
    }

    fn stats(&self) -> Option<Stats> {
        self.contestant.stats()
    }

    fn latency(&self) -> Option<Percentiles> {
        self.latencies.percentiles()
    }

    fn record_latency(&mut self, is_recorded: bool) {
        self.latencies.is_recording = is_recorded;
    }
}
