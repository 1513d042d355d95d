//! Tokens that go from pipe to pipe: a program with A of N connections active.

use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset_core::Stats;

use super::question::Question;
use crate::contestant::{Task, Tasked};
use crate::pipes::Pipes;
use crate::{Contestant, Workload};

/// `a` tokens go round `n` pipes. A unit is an event. With a contestant that re-arms, this is
/// the rearm scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Sources.
    pub n: usize,
    /// Tokens.
    pub a: usize,
}

impl Question for Asked {
    const GROUP: &'static str = "chain";

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
        if self.n == self.a { self.n } else { 1 }
    }

    fn open(self) -> io::Result<Self::Shared> {
        Pipes::open(self.sources())
    }

    fn enter<C: Contestant>(
        self,
        shared: &Rc<Self::Shared>,
        capacity: usize,
    ) -> io::Result<Box<dyn Workload>> {
        Ok(Box::new(Chain::<C>::open(shared, self.a, capacity)?))
    }
}

/// A unit is an event: one byte read from its pipe and one byte written to the pipe that
/// follows in a random cycle, as long as writes are left.
///
/// A tokens start at every N/A-th pipe. Where A = N there is a burst instead: a byte is
/// written to every pipe, all are read, and again. A chain would merge tokens there, and
/// an edge-triggered contestant that reads one of two bytes would wait for ever.
pub struct Chain<C: Contestant> {
    contestant: C::Tasked<Passing<()>>,
    pipes: Pipes,
    tokens: usize,
    capacity: usize,
}

impl<C: Contestant> Chain<C> {
    /// The contestant among these pipes, with `tokens` of them active and room for
    /// `capacity` events.
    ///
    /// # Errors
    ///
    /// As the contestant's constructor.
    pub fn open(pipes: &Pipes, tokens: usize, capacity: usize) -> io::Result<Self> {
        Ok(Self {
            contestant: C::Tasked::open(pipes.readers().clone(), capacity)?,
            pipes: pipes.clone(),
            tokens,
            capacity,
        })
    }
}

impl<C: Contestant> fmt::Debug for Chain<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain")
            .field("pipes", &self.pipes)
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}

/// Passes a byte on for each event.
#[derive(Debug)]
pub struct Passing<S> {
    pipes: Pipes,
    to_read: u64,
    to_write: u64,
    seen: S,
}

/// What hears of each event: nobody, where it is timed.
pub trait Seen: 'static {
    /// Hears of one.
    fn note(&mut self, index: usize);
}

impl Seen for () {
    #[inline]
    fn note(&mut self, _index: usize) {}
}

/// Counts the events of each source.
impl Seen for Vec<usize> {
    fn note(&mut self, index: usize) {
        self[index] += 1;
    }
}

impl<S: Seen> Task for Passing<S> {
    #[inline]
    fn ready(&mut self, index: usize) {
        self.pass_on(index);
    }

    #[inline(always)]
    fn ready_within_callback(&mut self, index: usize) {
        self.pass_on(index);
    }
}

impl<S: Seen> Passing<S> {
    #[inline(always)]
    fn pass_on(&mut self, index: usize) {
        self.pipes.read(index);
        self.to_read -= 1;
        if self.to_write > 0 {
            self.to_write -= 1;
            self.pipes.write(self.pipes.next(index));
        }
        self.seen.note(index);
    }

    fn new(pipes: &Pipes, seen: S) -> Self {
        Self {
            pipes: pipes.clone(),
            to_read: 0,
            to_write: 0,
            seen,
        }
    }

    /// Passes `events` on, and gives back what has heard of them.
    fn pass<T: Tasked<Self>>(mut self, contestant: &mut T, tokens: usize, events: u64) -> S {
        let count = self.pipes.len();
        if tokens == count && tokens > 1 {
            let mut left = events;
            while left > 0 {
                self.to_read = left.min(count as u64);
                left -= self.to_read;
                for index in 0..self.to_read as usize {
                    self.pipes.write(index);
                }
                self = self.read_all(contestant);
            }
        } else {
            let starts = events.min(tokens as u64);
            for token in 0..starts as usize {
                self.pipes.write(token * (count / tokens));
            }
            self.to_read = events;
            self.to_write = events - starts;
            self = self.read_all(contestant);
        }
        self.seen
    }

    /// The measured loop: the same source for every contestant, one copy of it each.
    ///
    /// The task is its own, so that it is in registers unless callbacks have it.
    #[inline(never)]
    fn read_all<T: Tasked<Self>>(self, contestant: &mut T) -> Self {
        let mut passing = self;
        while passing.to_read > 0 {
            contestant.turn_within(None, &mut passing);
        }
        passing
    }
}

impl<C: Contestant> Workload for Chain<C> {
    fn attach(&mut self) -> io::Result<()> {
        (0..self.pipes.len()).try_for_each(|index| self.contestant.add(index))
    }

    fn detach(&mut self) -> io::Result<()> {
        (0..self.pipes.len()).try_for_each(|index| self.contestant.delete(index))
    }

    fn run(&mut self, units: u64) -> io::Result<Duration> {
        let passing = Passing::new(&self.pipes, ());
        let start = Instant::now();
        passing.pass(&mut self.contestant, self.tokens, units);
        Ok(start.elapsed())
    }

    /// N events a token bring each token once through the whole cycle. Those of a second
    /// contestant are counted, so that the code that is timed need not.
    fn verify(&mut self) -> io::Result<()> {
        let count = self.pipes.len();
        let events = (count * self.tokens) as u64;
        self.run(events)?;
        assert!(self.pipes.are_drained(), "an event is left over");

        self.detach()?;
        let sources = self.pipes.readers().clone();
        let mut contestant: C::Tasked<Passing<Vec<usize>>> = Tasked::open(sources, self.capacity)?;
        (0..count).try_for_each(|index| contestant.add(index))?;
        let counting = Passing::new(&self.pipes, vec![0; count]);
        let seen = counting.pass(&mut contestant, self.tokens, events);
        assert!(
            seen.iter().all(|times| *times == self.tokens),
            "tokens were lost or told twice: {seen:?}"
        );
        assert!(self.pipes.are_drained(), "an event is left over");
        (0..count).try_for_each(|index| contestant.delete(index))?;
        self.attach()
    }

    fn stats(&self) -> Option<Stats> {
        self.contestant.stats()
    }
}
