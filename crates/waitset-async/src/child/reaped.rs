use std::io;

use waitset::ChildProcess;

use super::orphans;
use crate::{Async, spawn, sys};

/// A process that is reaped, whatever becomes of this.
#[derive(Debug)]
pub(super) struct Reaped {
    /// `None` only while it is dropped.
    process: Option<Async<ChildProcess>>,
    kills_on_drop: bool,
    /// Whether a task has it that does nothing but wait for its end.
    is_left: bool,
    /// What [`sys::forks`] returned in the process that has started it.
    forks: u32,
}

impl Reaped {
    pub(super) fn new(process: Async<ChildProcess>) -> Self {
        Self {
            process: Some(process),
            kills_on_drop: false,
            is_left: false,
            forks: sys::forks(),
        }
    }

    pub(super) fn get(&self) -> &Async<ChildProcess> {
        match &self.process {
            Some(process) => process,
            None => unreachable!("only drop takes it"),
        }
    }

    pub(super) fn kill_on_drop(&mut self, kills: bool) {
        self.kills_on_drop = kills;
    }

    fn still_runs(&self) -> bool {
        let status = self.get().get_ref().try_wait();
        status.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Has a task wait for the process.
    fn leave(process: Async<ChildProcess>) {
        let mut left = Self::new(process);
        left.is_left = true;
        drop(spawn(async move { left.get().status().await }));
    }
}

impl Drop for Reaped {
    fn drop(&mut self) {
        if self.forks != sys::forks() {
            return; // It is a child of the process that this one was forked from.
        }
        if self.kills_on_drop {
            let _ = self.get().get_ref().kill();
        }
        let still_runs = self.still_runs();
        match self.process.take() {
            Some(process) if still_runs => match process.expect_here() {
                Ok(()) if !self.is_left => Self::leave(process),
                _ => orphans::adopt(process.into_inner().into_child()),
            },
            ended => drop(ended),
        }
        orphans::reap();
    }
}
