//! Three sets of descriptors as select(2) wants them: a bit each, in words of a C long.

use std::os::fd::RawFd;

use waitset_core::{Interest, Readiness};

/// A word of the kernel's sets, as wide as a C `unsigned long` on every Unix that Rust
/// knows.
pub(crate) type Word = usize;

const BITS: usize = Word::BITS as usize;

/// A set for each direction; direction `i` is bit `i` of an [`Interest`].
pub(crate) const DIRECTIONS: usize = 3;

/// What is asked, what was answered, and the highest descriptor asked about.
#[derive(Debug)]
pub(crate) struct FdSets {
    asked: [Vec<Word>; DIRECTIONS],
    answered: [Vec<Word>; DIRECTIONS],
    /// The bits of the interest in each descriptor, as they stand in `asked`.
    interests: Vec<u8>,
    /// How many bits are set in each of `asked`.
    counts: [usize; DIRECTIONS],
    /// The highest descriptor with a bit in `asked`: the kernel looks at all up to it.
    highest: usize,
    bell: RawFd,
    /// Where telling goes on when the last batch did not fit the buffer.
    next: usize,
}

impl FdSets {
    /// Sets that ask for the waker's descriptor only.
    pub(crate) fn new(bell: RawFd) -> Self {
        let mut sets = Self {
            asked: Default::default(),
            answered: Default::default(),
            interests: Vec::new(),
            counts: [0; DIRECTIONS],
            highest: 0,
            bell,
            next: 0,
        };
        sets.make_room(bell);
        sets.ask(bell, Some(Interest::READABLE));
        sets
    }

    /// Lengthens the sets to hold `fd`, at least to twice their length.
    #[inline]
    pub(crate) fn make_room(&mut self, fd: RawFd) {
        let length = self.asked[0].len();
        if fd as usize / BITS < length {
            return;
        }
        let length = (fd as usize / BITS + 1).max(2 * length);
        for set in self.asked.iter_mut().chain(&mut self.answered) {
            set.resize(length, 0);
        }
        self.interests.resize(length * BITS, 0);
    }

    /// Asks for `interest` in `fd` and nothing else. The sets must have room for it.
    #[inline]
    pub(crate) fn ask(&mut self, fd: RawFd, interest: Option<Interest>) {
        let fd = fd as usize;
        let wanted = interest.map_or(0, Interest::bits);
        let mut changed = std::mem::replace(&mut self.interests[fd], wanted) ^ wanted;
        while changed != 0 {
            let direction = changed.trailing_zeros() as usize;
            changed &= changed - 1;
            self.asked[direction][fd / BITS] ^= 1 << (fd % BITS);
            match wanted >> direction & 1 {
                0 => self.leave(direction),
                _ => self.counts[direction] += 1,
            }
        }
        if wanted != 0 {
            self.highest = self.highest.max(fd);
        } else if self.highest == fd {
            self.lower_highest();
        }
    }

    /// One descriptor less is asked about. A set that nobody asks for is not given to the
    /// kernel, and its answer stays empty.
    #[inline]
    fn leave(&mut self, direction: usize) {
        self.counts[direction] -= 1;
        if self.counts[direction] == 0 {
            self.answered[direction].fill(0);
        }
    }

    /// Whether anything is asked of `fd`. The sets must have room for it.
    pub(crate) fn asks(&self, fd: RawFd) -> bool {
        self.interests[fd as usize] != 0
    }

    fn lower_highest(&mut self) {
        let [readable, priority, writable] = &self.asked;
        let in_use = self.highest / BITS + 1;
        let union = |word: usize| readable[word] | priority[word] | writable[word];
        // The waker's bit is always there.
        let word = (0..in_use).rev().find(|&word| union(word) != 0);
        self.highest = word.map_or(0, |word| word * BITS + union(word).ilog2() as usize);
    }

    /// Copies what is asked to where the answer will stand: its sets, none for a
    /// direction that nobody asks for, and the number of descriptors to look at.
    pub(crate) fn prepare(&mut self) -> (usize, [Option<&mut [Word]>; DIRECTIONS]) {
        let in_use = self.highest / BITS + 1;
        let mut given = [None, None, None];
        for (direction, answered) in self.answered.iter_mut().enumerate() {
            if self.counts[direction] > 0 {
                let answered = &mut answered[..in_use];
                answered.copy_from_slice(&self.asked[direction][..in_use]);
                given[direction] = Some(answered);
            }
        }
        (self.highest + 1, given)
    }

    /// Whether the waker's bell was answered, and takes its bit off.
    pub(crate) fn take_bell(&mut self) -> bool {
        let word = &mut self.answered[0][self.bell as usize / BITS];
        let bit = 1 << (self.bell as usize % BITS);
        let rang = *word & bit != 0;
        *word &= !bit;
        rang
    }

    /// Gives every answered descriptor to `tell`, until that says that there is no room;
    /// the next call goes on there. `ready` is at least the number of bits left.
    pub(crate) fn answers(
        &mut self,
        ready: usize,
        mut tell: impl FnMut(&mut Self, RawFd, Readiness) -> bool,
    ) {
        let in_use = self.highest / BITS + 1;
        let start = if self.next < in_use * BITS {
            self.next
        } else {
            0
        };
        self.next = 0;
        let (first, from_start) = (start / BITS, Word::MAX << (start % BITS));
        let mut left = ready;
        let mut tell_word = |sets: &mut Self, word, mask| {
            left > 0 && sets.answers_in(word, mask, &mut left, &mut tell)
        };
        let _ = tell_word(self, first, from_start)
            && (first + 1..in_use).all(|word| tell_word(self, word, Word::MAX))
            && (0..first).all(|word| tell_word(self, word, Word::MAX))
            && tell_word(self, first, !from_start);
    }

    /// The same for the masked bits of one word; false if there is no room.
    #[inline]
    fn answers_in(
        &mut self,
        word: usize,
        mask: Word,
        left: &mut usize,
        tell: &mut impl FnMut(&mut Self, RawFd, Readiness) -> bool,
    ) -> bool {
        let answered = [0, 1, 2].map(|direction: usize| self.answered[direction][word] & mask);
        let mut union = answered[0] | answered[1] | answered[2];
        while union != 0 {
            let bit = union.trailing_zeros() as usize;
            union &= union - 1;
            let bits = [0, 1, 2].map(|direction: usize| (answered[direction] >> bit & 1) as u32);
            let observed = Readiness(bits[0] | bits[1] << 1 | bits[2] << 2);
            let fd = word * BITS + bit;
            if !tell(self, fd as RawFd, observed) {
                self.next = fd;
                return false;
            }
            *left = left.saturating_sub(observed.0.count_ones() as usize);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer_all(sets: &mut FdSets) -> usize {
        sets.prepare();
        assert!(sets.take_bell());
        sets.counts.iter().sum::<usize>() - 1
    }

    #[test]
    fn the_highest_descriptor_stays_exact() {
        let mut sets = FdSets::new(3);
        for (fd, highest) in [(5, 5), (700, 700), (64, 700), (17_999, 17_999)] {
            sets.make_room(fd);
            sets.ask(fd, Some(Interest::WRITABLE));
            assert_eq!(sets.highest, highest);
        }
        for (fd, highest) in [(64, 17_999), (17_999, 700), (700, 5), (5, 3)] {
            sets.ask(fd, None);
            assert_eq!(sets.highest, highest);
        }
    }

    #[test]
    fn directions_that_nobody_asks_for_are_left_out() {
        let mut sets = FdSets::new(3);
        sets.ask(9, Some(Interest::READABLE | Interest::WRITABLE));
        let (count, given) = sets.prepare();
        assert_eq!(count, 10);
        assert_eq!(given.map(|set| set.is_some()), [true, false, true]);
        sets.ask(9, Some(Interest::PRIORITY));
        let (_, given) = sets.prepare();
        assert_eq!(given.map(|set| set.is_some()), [true, true, false]);
    }

    #[test]
    fn telling_goes_on_where_the_room_ended() {
        let mut sets = FdSets::new(0);
        sets.make_room(200);
        for fd in [1, 63, 64, 65, 127, 128, 200] {
            sets.ask(fd, Some(Interest::ALL));
        }
        let mut told = Vec::new();
        for _ in 0..7 {
            let ready = answer_all(&mut sets);
            let mut room = 2;
            sets.answers(ready, |_, fd, observed| {
                if room == 0 {
                    return false;
                }
                room -= 1;
                assert_eq!(observed, Interest::ALL.into());
                told.push(fd);
                true
            });
        }
        let twice = [1, 63, 64, 65, 127, 128, 200].repeat(2);
        assert_eq!(told, twice);
    }
}
