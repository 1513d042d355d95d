//! The safe layer as a contestant: a [`WaitSet`] that owns its sources.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use waitset::{DefaultReactor, Interest, Key, Mode, Reactor, ReactorWaker, Stats, WaitSet};

use crate::contestant::{Contestant, GivesOut, Task, right};
use crate::sources::Sources;

/// A source as a program owns it: its descriptor, and what it needs to know of it.
#[derive(Debug)]
pub(super) struct Source {
    all: Sources,
    pub(super) index: usize,
}

impl Source {
    pub(super) fn new(all: &Sources, index: usize) -> Self {
        let all = all.clone();
        Self { all, index }
    }
}

impl AsFd for Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.all.get(self.index)
    }
}

/// A [`WaitSet`] over the platform's default mechanism, level-triggered. It takes each event with
/// its source, like a program that reads from it.
#[derive(Debug)]
pub struct Owned {
    set: WaitSet<Source>,
    keys: Vec<Option<Key>>,
    all: Sources,
}

impl Owned {
    fn key(&self, index: usize) -> io::Result<Key> {
        self.keys[index].ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Contestant for Owned {
    const TELLS_AGAIN: bool = true;
    const REARMS: bool = false;

    type Waker = ReactorWaker;
    type Tasked<T: Task> = GivesOut<Self>;

    fn open(sources: Sources, capacity: usize) -> io::Result<Self> {
        Ok(Self {
            set: WaitSet::with_batch(DefaultReactor::new()?, capacity),
            keys: vec![None; sources.len()],
            all: sources,
        })
    }

    #[inline(always)]
    fn add(&mut self, index: usize) -> io::Result<()> {
        let source = Source::new(&self.all, index);
        let key = self.set.insert(source, Interest::READABLE, Mode::Level);
        self.keys[index] = Some(key.map_err(io::Error::from)?);
        Ok(())
    }

    #[inline(always)]
    fn modify(&mut self, index: usize, asked: Interest) -> io::Result<()> {
        self.set.modify(self.key(index)?, asked, Mode::Level)
    }

    fn settle(&mut self) -> io::Result<()> {
        self.look()?;
        Ok(())
    }

    #[inline(always)]
    fn delete(&mut self, index: usize) -> io::Result<()> {
        self.set.remove(self.key(index)?);
        self.keys[index] = None;
        Ok(())
    }

    #[inline]
    fn turn_within(&mut self, timeout: Option<Duration>, mut on_ready: impl FnMut(usize)) {
        right(self.set.wait(timeout));
        while let Some((_, _, source, _)) = self.set.next_ready() {
            on_ready(source.index);
        }
    }

    /// What it finds is taken, as the next wait would give it once more otherwise.
    fn look(&mut self) -> io::Result<usize> {
        let count = self.set.wait(Some(Duration::ZERO))?;
        while self.set.next_event().is_some() {}
        Ok(count)
    }

    fn waker(&self) -> ReactorWaker {
        self.set.waker()
    }

    fn stats(&self) -> Option<Stats> {
        Some(self.set.reactor().stats())
    }
}
