use std::collections::VecDeque;

use super::timers::{Nanos, Timers};
use crate::Key;

/// The timers of a loop, and those of them that fire in this turn.
pub(super) struct Schedule<T> {
    pub(super) timers: Timers<T>,
    /// When a turn last looked for timers that are due.
    pub(super) looked: Nanos,
    /// Timers that are due in this turn and have not fired yet.
    pub(super) due: VecDeque<Key>,
}

impl<T> Schedule<T> {
    pub(super) fn new() -> Self {
        Self {
            timers: Timers::new(),
            looked: 0,
            due: VecDeque::new(),
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.timers.next_deadline().is_none() && self.due.is_empty()
    }

    /// Takes out what is due at `now`, for [`due`](Self::due).
    pub(super) fn look(&mut self, now: Nanos) {
        self.looked = now;
        self.timers.take_due(now, &mut self.due);
    }
}
