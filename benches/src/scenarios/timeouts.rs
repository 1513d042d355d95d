//! Nothing happens until a timeout: how late it is noticed.

use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset_core::Stats;

use crate::instrument::data::Percentiles;
use crate::latency::Latencies;
use crate::pipes::Pipes;
use crate::{Contestant, Workload};

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
