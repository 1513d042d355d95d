//! Tokens that go from pipe to pipe: a program with A of N connections active.

use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use waitset_core::Stats;

use crate::pipes::Pipes;
use crate::{Contestant, Workload};

/// A unit is an event: one byte read from its pipe and one byte written to the pipe that
/// follows in a random cycle, as long as writes are left.
///
/// A tokens start at every N/A-th pipe. Where A = N there is a burst instead: a byte is
/// written to every pipe, all are read, and again. A chain would merge tokens there, and
/// an edge-triggered contestant that reads one of two bytes would wait for ever.
#[derive(Debug)]
pub struct Chain<C> {
    contestant: C,
    pipes: Rc<Pipes>,
    tokens: usize,
}

impl<C: Contestant> Chain<C> {
    /// The contestant among these pipes, with `tokens` of them active.
    #[must_use]
    pub fn new(contestant: C, pipes: Rc<Pipes>, tokens: usize) -> Self {
        Self {
            contestant,
            pipes,
            tokens,
        }
    }

    fn pass(&mut self, events: u64, seen: impl FnMut(usize)) {
        if self.tokens == self.pipes.len() && self.tokens > 1 {
            burst(&mut self.contestant, &self.pipes, events, seen)
        } else {
            chain(&mut self.contestant, &self.pipes, self.tokens, events, seen)
        }
    }
}

/// The measured loop: the same source for every contestant, one copy of it each.
#[inline(never)]
fn chain<C: Contestant>(
    contestant: &mut C,
    pipes: &Pipes,
    tokens: usize,
    events: u64,
    mut seen: impl FnMut(usize),
) {
    let spacing = pipes.len() / tokens;
    let starts = events.min(tokens as u64);
    for token in 0..starts as usize {
        pipes.write(token * spacing);
    }
    let mut to_write = events - starts;
    let mut to_read = events;
    while to_read > 0 {
        contestant.turn(|index| {
            pipes.read(index);
            to_read -= 1;
            if to_write > 0 {
                to_write -= 1;
                pipes.write(pipes.next(index));
            }
            seen(index);
        });
    }
}

#[inline(never)]
fn burst<C: Contestant>(
    contestant: &mut C,
    pipes: &Pipes,
    events: u64,
    mut seen: impl FnMut(usize),
) {
    let mut left = events;
    while left > 0 {
        let count = left.min(pipes.len() as u64);
        for index in 0..count as usize {
            pipes.write(index);
        }
        let mut to_read = count;
        while to_read > 0 {
            contestant.turn(|index| {
                pipes.read(index);
                to_read -= 1;
                seen(index);
            });
        }
        left -= count;
    }
}

impl<C: Contestant> Workload for Chain<C> {
    fn attach(&mut self) -> io::Result<()> {
        self.contestant.add_all(self.pipes.len())
    }

    fn detach(&mut self) -> io::Result<()> {
        self.contestant.delete_all(self.pipes.len())
    }

    fn run(&mut self, units: u64) -> io::Result<Duration> {
        let start = Instant::now();
        self.pass(units, |_| {});
        Ok(start.elapsed())
    }

    /// N events a token bring each token once through the whole cycle.
    fn verify(&mut self) -> io::Result<()> {
        let count = self.pipes.len();
        let mut seen = vec![0; count];
        self.pass((count * self.tokens) as u64, |index| seen[index] += 1);
        assert!(
            seen.iter().all(|times| *times == self.tokens),
            "tokens were lost or told twice: {seen:?}"
        );
        assert_eq!(self.contestant.look()?, 0, "an event is left over");
        Ok(())
    }

    fn stats(&self) -> Option<Stats> {
        self.contestant.stats()
    }
}
