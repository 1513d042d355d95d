//! What it costs to wake, and to be woken.

use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset_core::Stats;

use super::question::{Question, among, with_rivals};
use super::wake_across::WakeAcross;
use crate::contestant::Wake;
use crate::pipes::Pipes;
use crate::{Contestant, Entrant, Workload};

/// A waker wakes. A unit is a wake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Which half is timed.
    pub part: Part,
}

impl Question for Asked {
    const GROUP: &'static str = "wake";

    type Shared = Pipes;

    fn number(self) -> String {
        match self.part {
            Part::Coalesced => "coalesced",
            Part::WakeAndWait => "wake+wait",
            Part::OtherThread => "thread",
        }
        .to_owned()
    }

    fn sources(self) -> usize {
        0
    }

    fn contestants(self) -> Vec<Entrant> {
        with_rivals()
    }

    /// Wakers are not sources: there is nothing to re-arm.
    fn takes(self, entrant: Entrant) -> bool {
        !entrant.rearms()
    }

    fn units_a_slice(self) -> Option<u64> {
        (self.part == Part::OtherThread).then_some(200)
    }

    fn open(self) -> io::Result<Self::Shared> {
        Pipes::open(0)
    }

    fn enter<C: Contestant>(
        self,
        shared: &Rc<Self::Shared>,
        capacity: usize,
    ) -> io::Result<Box<dyn Workload>> {
        let contestant = among::<C>(shared, capacity)?;
        Ok(match self.part {
            Part::OtherThread => Box::new(WakeAcross::open(contestant)?),
            part => Box::new(Wakes::new(contestant, part)),
        })
    }
}

/// Which half is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A wake while another is pending.
    Coalesced,
    /// A wake and the wait that it ends, on one thread.
    WakeAndWait,
    /// Another thread is asked to wake this one, which waits; the asking is a byte through
    /// a pipe that the other thread sleeps on.
    OtherThread,
}

/// A unit is one wake, and in [`Part::WakeAndWait`] the wait that it ends.
#[derive(Debug)]
pub struct Wakes<C: Contestant> {
    contestant: C,
    waker: C::Waker,
    part: Part,
}

impl<C: Contestant> Wakes<C> {
    /// The contestant, watching nothing but its waker.
    #[must_use]
    pub fn new(contestant: C, part: Part) -> Self {
        Self {
            waker: contestant.waker(),
            contestant,
            part,
        }
    }

    #[inline(never)]
    fn wake_times(&self, units: u64) {
        for _ in 0..units {
            self.waker.wake();
        }
    }

    #[inline(never)]
    fn wake_and_wait_times(&mut self, units: u64) {
        for _ in 0..units {
            self.waker.wake();
            self.contestant.turn(|_| {});
        }
    }
}

impl<C: Contestant> Workload for Wakes<C> {
    fn attach(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn detach(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn run(&mut self, units: u64) -> io::Result<Duration> {
        match self.part {
            Part::WakeAndWait => {
                let start = Instant::now();
                self.wake_and_wait_times(units);
                Ok(start.elapsed())
            }
            Part::OtherThread => unreachable!("it has a workload of its own"),
            Part::Coalesced => {
                self.waker.wake();
                let start = Instant::now();
                self.wake_times(units);
                let taken = start.elapsed();
                self.contestant.turn(|_| {});
                Ok(taken)
            }
        }
    }

    /// A wake before the wait ends it, and several are one.
    fn verify(&mut self) -> io::Result<()> {
        for wakes in 1..4 {
            self.wake_times(wakes);
            self.contestant.turn(|_| {});
            assert_eq!(self.contestant.look()?, 0, "a wake is left over");
        }
        Ok(())
    }

    fn stats(&self) -> Option<Stats> {
        self.contestant.stats()
    }
}
