//! What a loop is doing.
//!
//! A turn that has nothing but events looks at two words and writes one: `flags` is zero when it
//! begins and when it ends, and `left` counts the events down while their callbacks run. What
//! needs the turn's attention in between cuts the count short, so that the comparison that ends
//! the batch also notices everything unusual.

use std::cell::Cell;

pub(super) struct Phase {
    /// Zero if there is nothing to do but to wait for events and to dispatch them.
    flags: Cell<u32>,
    /// How many callbacks of a batch have not returned, or [`WAITING`].
    left: Cell<u32>,
    /// How many of them were cut off, for the turn to have a look.
    cut_off: Cell<u32>,
}

/// There may be more to do than events.
const ATTENTION: u32 = 1;
/// The reactor is borrowed by an operation, or lent.
const IN_USE: u32 = 1 << 1;
/// The reactor has been dropped.
const CLOSED: u32 = 1 << 2;

/// The reactor is borrowed by a wait.
const WAITING: u32 = u32::MAX;

impl Phase {
    pub(super) const fn new() -> Self {
        Self {
            flags: Cell::new(0),
            left: Cell::new(0),
            cut_off: Cell::new(0),
        }
    }

    /// Returns `true` if nothing is unusual.
    #[inline(always)]
    pub(super) fn is_plain(&self) -> bool {
        self.flags.get() == 0
    }

    #[inline(always)]
    pub(super) fn begin_wait(&self) {
        self.left.set(WAITING);
    }

    pub(super) fn end_wait(&self) {
        self.left.set(0);
    }

    /// From a wait, or from nothing, to `count` callbacks.
    #[inline(always)]
    pub(super) fn begin_dispatch(&self, count: usize) {
        self.left.set(count as u32);
    }

    /// A callback has returned. Returns `true` if there is another and nothing unusual.
    #[inline(always)]
    pub(super) fn count_down(&self) -> bool {
        let left = self.left.get() - 1;
        self.left.set(left);
        left != 0
    }

    /// Has the batch continue.
    pub(super) fn restore(&self) {
        self.left.set(self.left.get() + self.cut_off.take());
    }

    /// Returns how many callbacks have not returned, and counts no more.
    ///
    /// Not inlined, so that the count need not be in a register while it is counted down.
    #[cold]
    #[inline(never)]
    pub(super) fn end_dispatch(&self) -> usize {
        (self.left.take() + self.cut_off.take()) as usize
    }

    /// Returns `true` while callbacks run, or a turn waits for what they are to run for.
    pub(super) fn is_turning(&self) -> bool {
        self.left.get() != 0
    }

    /// Returns `true` while the reactor is borrowed.
    #[inline]
    pub(super) fn is_in_use(&self) -> bool {
        self.flags.get() & IN_USE != 0 || self.left.get() == WAITING
    }

    pub(super) fn set_in_use(&self, is_in_use: bool) {
        self.set(IN_USE, is_in_use);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.flags.get() & CLOSED != 0
    }

    pub(super) fn set_closed(&self) {
        self.set(CLOSED, true);
        self.cut_off_the_rest();
    }

    pub(super) fn set_attention(&self, needs_attention: bool) {
        self.set(ATTENTION, needs_attention);
        if needs_attention {
            self.cut_off_the_rest();
        }
    }

    /// Ends the batch with the callback that runs.
    fn cut_off_the_rest(&self) {
        let left = self.left.get();
        if left > 1 && left != WAITING {
            self.left.set(1);
            self.cut_off.set(self.cut_off.get() + left - 1);
        }
    }

    fn set(&self, flag: u32, is_set: bool) {
        let others = self.flags.get() & !flag;
        self.flags.set(if is_set { others | flag } else { others });
    }
}
