//! What it costs to add, change and remove a source.

use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset_core::{Interest, Stats};

use super::question::{Question, among};
use crate::pipes::Pipes;
use crate::{Contestant, Workload};

/// Sources are added, changed or removed. A unit is one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Sources.
    pub n: usize,
    /// Which of the three.
    pub change: Change,
}

impl Question for Asked {
    const GROUP: &'static str = "register";

    type Shared = Pipes;

    fn number(self) -> String {
        self.change.name().to_owned()
    }

    fn sources(self) -> usize {
        self.n
    }

    fn has_cpu(self) -> bool {
        false
    }

    fn open(self) -> io::Result<Self::Shared> {
        Pipes::open(self.sources())
    }

    fn enter<C: Contestant>(
        self,
        shared: &Rc<Self::Shared>,
        capacity: usize,
    ) -> io::Result<Box<dyn Workload>> {
        Ok(Box::new(Register::new(
            among::<C>(shared, capacity)?,
            shared.clone(),
            self.change,
        )))
    }
}

/// Which change is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A source is added.
    Add,
    /// What is asked of a source changes, and stays so until the next wait.
    Modify,
    /// A source is removed.
    Delete,
}

impl Change {
    /// All, in the order of a source's life.
    pub const ALL: [Self; 3] = [Self::Add, Self::Modify, Self::Delete];

    /// The name, as it stands in identifiers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Modify => "modify",
            Self::Delete => "delete",
        }
    }
}

/// A unit is one change. All sources take their turns, so that a clock is read once for
/// many.
///
/// What a contestant puts off until the next wait belongs to the change that it puts off,
/// so that wait is timed with it.
#[derive(Debug)]
pub struct Register<C> {
    contestant: C,
    pipes: Rc<Pipes>,
    change: Change,
    asked: Interest,
    /// System calls made while the clock ran.
    calls: u64,
}

const ONE: Interest = Interest::READABLE;

fn both() -> Interest {
    Interest::READABLE | Interest::WRITABLE
}

impl<C: Contestant> Register<C> {
    /// The contestant among these pipes.
    #[must_use]
    pub fn new(contestant: C, pipes: Rc<Pipes>, change: Change) -> Self {
        Self {
            contestant,
            pipes,
            change,
            asked: ONE,
            calls: 0,
        }
    }

    /// Changes the first `count` sources and undoes what must be undone, untimed.
    fn pass(&mut self, count: usize) -> io::Result<Duration> {
        match self.change {
            Change::Add => {
                let taken = self.timed(|contestant| add_all(contestant, count))?;
                self.contestant.delete_all(count)?;
                Ok(taken)
            }
            Change::Delete => {
                add_all(&mut self.contestant, count)?;
                self.timed(|contestant| delete_all(contestant, count))
            }
            Change::Modify => {
                self.asked = if self.asked == ONE { both() } else { ONE };
                let asked = self.asked;
                self.timed(|contestant| modify_all(contestant, count, asked))
            }
        }
    }

    fn timed(&mut self, work: impl FnOnce(&mut C) -> io::Result<()>) -> io::Result<Duration> {
        let before = self.contestant.control_calls();
        let start = Instant::now();
        work(&mut self.contestant)?;
        let taken = start.elapsed();
        let after = self.contestant.control_calls();
        self.calls += after.unwrap_or(0) - before.unwrap_or(0);
        Ok(taken)
    }
}

#[inline(never)]
fn add_all<C: Contestant>(contestant: &mut C, count: usize) -> io::Result<()> {
    contestant.add_all(count)?;
    contestant.settle()
}

#[inline(never)]
fn delete_all<C: Contestant>(contestant: &mut C, count: usize) -> io::Result<()> {
    contestant.delete_all(count)?;
    contestant.settle()
}

#[inline(never)]
fn modify_all<C: Contestant>(contestant: &mut C, count: usize, asked: Interest) -> io::Result<()> {
    for index in 0..count {
        contestant.modify(index, asked)?;
    }
    contestant.settle()
}

impl<C: Contestant> Workload for Register<C> {
    fn attach(&mut self) -> io::Result<()> {
        match self.change {
            Change::Modify => self.contestant.add_all(self.pipes.len()),
            Change::Add | Change::Delete => Ok(()),
        }
    }

    fn detach(&mut self) -> io::Result<()> {
        match self.change {
            Change::Modify => {
                self.asked = ONE;
                self.contestant.delete_all(self.pipes.len())
            }
            Change::Add | Change::Delete => Ok(()),
        }
    }

    fn run(&mut self, units: u64) -> io::Result<Duration> {
        let mut left = units;
        let mut taken = Duration::ZERO;
        while left > 0 {
            let count = left.min(self.pipes.len() as u64);
            taken += self.pass(count as usize)?;
            left -= count;
        }
        Ok(taken)
    }

    /// After two passes, what is watched and only that is reported.
    fn verify(&mut self) -> io::Result<()> {
        let count = self.pipes.len();
        self.pass(count)?;
        self.pass(count)?;
        let is_attached = self.change == Change::Modify;
        self.pipes.write(0);
        if !is_attached {
            assert_eq!(self.contestant.look()?, 0, "told of what was removed");
            self.contestant.add(0)?;
        }
        let mut seen = Vec::new();
        self.contestant.turn(|index| {
            self.pipes.read(index);
            seen.push(index);
        });
        assert_eq!(seen, [0]);
        if !is_attached {
            self.contestant.delete(0)?;
        }
        Ok(())
    }

    /// Those of the change that is timed, without those that undo it.
    fn control_calls(&self) -> Option<u64> {
        self.contestant.control_calls().map(|_| self.calls)
    }

    fn stats(&self) -> Option<Stats> {
        self.contestant.stats()
    }
}
