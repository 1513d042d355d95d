//! Nothing happens: what waiting for it costs.

use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset_core::Stats;

use super::question::{Question, among, span, with_adaptive};
use crate::instrument::data::Measure;
use crate::instrument::meter::cpu_ns;
use crate::pipes::Pipes;
use crate::{Contestant, Entrant, Workload};

/// Nothing happens. A unit is a millisecond, the figure its processor time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// How long each wait lasts.
    pub period_us: u64,
}

impl Question for Asked {
    const GROUP: &'static str = "waiting";

    type Shared = Pipes;

    fn number(self) -> String {
        span(self.period_us)
    }

    fn sources(self) -> usize {
        FEW
    }

    fn contestants(self) -> Vec<Entrant> {
        with_adaptive()
    }

    fn measure(self) -> Measure {
        Measure::WaitingCpu
    }

    fn has_cpu(self) -> bool {
        false
    }

    fn units_a_slice(self) -> Option<u64> {
        Some(12)
    }

    fn open(self) -> io::Result<Self::Shared> {
        Pipes::open(self.sources())
    }

    fn enter<C: Contestant>(
        self,
        shared: &Rc<Self::Shared>,
        capacity: usize,
    ) -> io::Result<Box<dyn Workload>> {
        let period = Duration::from_micros(self.period_us);
        Ok(Box::new(Waiting::new(
            among::<C>(shared, capacity)?,
            shared.clone(),
            period,
        )))
    }
}

/// Sources that are waited for in vain.
pub(super) const FEW: usize = 16;

/// A unit is a millisecond in which no source becomes ready, spent in waits that last
/// `period` each. What is told is the processor time it took, not the millisecond.
#[derive(Debug)]
pub struct Waiting<C> {
    contestant: C,
    pipes: Rc<Pipes>,
    period: Duration,
}

impl<C: Contestant> Waiting<C> {
    /// The contestant among these pipes, which stay empty.
    #[must_use]
    pub fn new(contestant: C, pipes: Rc<Pipes>, period: Duration) -> Self {
        Self {
            contestant,
            pipes,
            period,
        }
    }
}

impl<C: Contestant> Workload for Waiting<C> {
    fn attach(&mut self) -> io::Result<()> {
        self.contestant.add_all(self.pipes.len())
    }

    fn detach(&mut self) -> io::Result<()> {
        self.contestant.delete_all(self.pipes.len())
    }

    fn run(&mut self, units: u64) -> io::Result<Duration> {
        let span = Duration::from_millis(units);
        let (start, before) = (Instant::now(), cpu_ns());
        while start.elapsed() < span {
            self.contestant
                .turn_within(Some(self.period), |index| panic!("{index} is not ready"));
        }
        // The last wait goes beyond the span.
        let part = span.as_secs_f64() / start.elapsed().as_secs_f64();
        let cpu = (cpu_ns() - before).max(0.0) * part;
        Ok(Duration::from_nanos(cpu as u64))
    }

    /// Nothing is told, and what then comes is.
    fn verify(&mut self) -> io::Result<()> {
        self.run(1)?;
        self.pipes.write(0);
        let mut told = Vec::new();
        self.contestant
            .turn_within(Some(Duration::from_secs(10)), |index| {
                self.pipes.read(index);
                told.push(index);
            });
        assert_eq!(told, [0]);
        Ok(())
    }

    fn stats(&self) -> Option<Stats> {
        self.contestant.stats()
    }
}
