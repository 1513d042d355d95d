//! A 4-ary heap of deadlines that tells each of its members where it stands.

use crate::Key;

/// Four children share a cache line or two and halve the depth of a binary heap.
const CHILDREN: usize = 4;

/// One armed timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    pub(super) deadline: u64,
    /// When it was armed, counted: equal deadlines fire in the order they were armed.
    pub(super) order: u64,
    pub(super) key: Key,
}

/// Slots, the smallest first. Whoever changes the heap is told each slot that moved and
/// its new position, so that any slot can be removed in O(log n).
#[derive(Debug, Default)]
pub(super) struct Heap {
    slots: Vec<Slot>,
}

impl Heap {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new() }
    }

    #[inline]
    pub(super) fn first(&self) -> Option<&Slot> {
        self.slots.first()
    }

    pub(super) fn push(&mut self, slot: Slot, moved: impl FnMut(Key, usize)) {
        self.slots.push(slot);
        self.rise(self.slots.len() - 1, slot, moved);
    }

    /// Takes out the slot at `position`, which must be there.
    pub(super) fn remove(&mut self, position: usize, mut moved: impl FnMut(Key, usize)) -> Slot {
        let removed = self.slots.swap_remove(position);
        if let Some(&filler) = self.slots.get(position) {
            self.settle(position, filler, &mut moved);
        }
        // What a burst has taken is given back, in steps that keep the cost constant.
        if self.slots.len() < self.slots.capacity() / 4 && self.slots.capacity() > 1_024 {
            self.slots.shrink_to(self.slots.capacity() / 2);
        }
        removed
    }

    /// Puts another slot in the place of the one at `position`.
    pub(super) fn replace(&mut self, position: usize, slot: Slot, moved: impl FnMut(Key, usize)) {
        self.settle(position, slot, moved);
    }

    /// Moves `slot` from `position` to where it belongs.
    fn settle(&mut self, position: usize, slot: Slot, moved: impl FnMut(Key, usize)) {
        let is_before_parent = position > 0 && slot < self.slots[(position - 1) / CHILDREN];
        if is_before_parent {
            self.rise(position, slot, moved);
        } else {
            self.sink(position, slot, moved);
        }
    }

    fn rise(&mut self, mut position: usize, slot: Slot, mut moved: impl FnMut(Key, usize)) {
        while position > 0 {
            let parent = (position - 1) / CHILDREN;
            if self.slots[parent] < slot {
                break;
            }
            self.put(position, self.slots[parent], &mut moved);
            position = parent;
        }
        self.put(position, slot, &mut moved);
    }

    fn sink(&mut self, mut position: usize, slot: Slot, mut moved: impl FnMut(Key, usize)) {
        loop {
            let first = position * CHILDREN + 1;
            let last = self.slots.len().min(first + CHILDREN);
            let Some(least) = (first..last).min_by_key(|child| self.slots[*child]) else {
                break;
            };
            if slot < self.slots[least] {
                break;
            }
            self.put(position, self.slots[least], &mut moved);
            position = least;
        }
        self.put(position, slot, &mut moved);
    }

    fn put(&mut self, position: usize, slot: Slot, moved: &mut impl FnMut(Key, usize)) {
        self.slots[position] = slot;
        moved(slot.key, position);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.slots.capacity()
    }

    #[cfg(test)]
    pub(super) fn at(&self, position: usize) -> Slot {
        self.slots[position]
    }
}
