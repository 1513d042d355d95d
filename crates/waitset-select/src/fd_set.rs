//! Three sets of descriptors as select(2) wants them: a bit each, in words of a C long.

use std::mem;
use std::os::fd::RawFd;

use waitset_core::{Interest, Readiness};

/// A word of the kernel's sets, as wide as a C `unsigned long` on every Unix that Rust
/// knows.
pub(crate) type Word = usize;

const BITS: usize = Word::BITS as usize;

/// A set for each direction; direction `i` is bit `i` of an [`Interest`].
pub(crate) const DIRECTIONS: usize = 3;

/// The sets to pass, the sets that came back, and the highest descriptor in them.
#[derive(Debug)]
pub(crate) struct FdSets {
    /// By word, so that a change of one descriptor touches one place.
    asked: Vec<[Word; DIRECTIONS]>,
    /// By direction, as the kernel has them.
    answered: [Vec<Word>; DIRECTIONS],
    /// The highest descriptor that is asked about: the kernel looks at all up to it.
    highest: usize,
    bell: RawFd,
    /// The place to continue from if the last batch did not fit the buffer.
    next: usize,
}

impl FdSets {
    /// Sets that ask for the waker's descriptor only.
    pub(crate) fn new(bell: RawFd) -> Self {
        let mut sets = Self {
            asked: Vec::new(),
            answered: Default::default(),
            highest: 0,
            bell,
            next: 0,
        };
        sets.make_room(bell);
        sets.ask(bell, &mut 0, Some(Interest::READABLE));
        sets
    }

    /// Lengthens the sets to hold `fd`, at least to twice their length.
    #[inline]
    pub(crate) fn make_room(&mut self, fd: RawFd) {
        if fd as usize / BITS >= self.asked.len() {
            self.lengthen(fd as usize / BITS + 1);
        }
    }

    #[cold]
    fn lengthen(&mut self, length: usize) {
        let length = length.max(2 * self.asked.len());
        self.asked.resize(length, [0; DIRECTIONS]);
        for answered in &mut self.answered {
            answered.resize(length, 0);
        }
    }

    /// Asks for `interest` in `fd` and nothing else. The sets must have room for it.
    ///
    /// `asked` is where the caller keeps what is asked of this descriptor, as the bits of an
    /// [`Interest`]: only the sets of those directions are touched that change.
    #[inline]
    pub(crate) fn ask(&mut self, fd: RawFd, asked: &mut u8, interest: Option<Interest>) {
        let (word, bit) = (fd as usize / BITS, 1 << (fd as usize % BITS));
        let wanted = interest.map_or(0, Interest::bits);
        let changed = mem::replace(asked, wanted) ^ wanted;
        for (direction, set) in self.asked[word].iter_mut().enumerate() {
            if changed >> direction & 1 != 0 {
                *set ^= bit;
            }
        }
        if wanted == 0 {
            if self.highest == fd as usize {
                self.lower_highest();
            }
        } else if self.highest < fd as usize {
            self.highest = fd as usize;
        }
    }

    fn lower_highest(&mut self) {
        let in_use = &self.asked[..=self.highest / BITS];
        // The waker's bit is always there.
        let word = in_use.iter().rposition(|word| union(word) != 0);
        self.highest = word.map_or(0, |word| {
            word * BITS + union(&in_use[word]).ilog2() as usize
        });
    }

    /// Copies what is asked to where the answer will stand: its sets, none for a
    /// direction that nobody asks for, and the number of descriptors to look at.
    pub(crate) fn prepare(&mut self) -> (usize, [Option<&mut [Word]>; DIRECTIONS]) {
        let in_use = self.highest / BITS + 1;
        let mut any = [0; DIRECTIONS];
        let mut answered = self.answered.each_mut().map(|set| &mut set[..in_use]);
        for (word, asked) in self.asked[..in_use].iter().enumerate() {
            for ((asked, answered), any) in asked.iter().zip(&mut answered).zip(&mut any) {
                answered[word] = *asked;
                *any |= asked;
            }
        }
        let [readable, priority, writable] = answered;
        let given = [
            (any[0] != 0).then_some(readable),
            (any[1] != 0).then_some(priority),
            (any[2] != 0).then_some(writable),
        ];
        (self.highest + 1, given)
    }

    /// Returns `true` if the waker's bell is ready, and clears its bit.
    pub(crate) fn take_bell(&mut self) -> bool {
        let word = &mut self.answered[0][self.bell as usize / BITS];
        let bit = 1 << (self.bell as usize % BITS);
        let rang = *word & bit != 0;
        *word &= !bit;
        rang
    }

    /// Passes every ready descriptor to `tell`, until that returns `false` because there is no room;
    /// the next call continues there. `ready` is at least the number of bits left.
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
        let mut union = union(&answered);
        while union != 0 {
            let bit = union.trailing_zeros() as usize;
            union &= union - 1;
            let bits = [0, 1, 2].map(|direction: usize| (answered[direction] >> bit & 1) as u32);
            let observed = Readiness::from_bits(bits[0] | bits[1] << 1 | bits[2] << 2);
            let fd = word * BITS + bit;
            if !tell(self, fd as RawFd, observed) {
                self.next = fd;
                return false;
            }
            *left = left.saturating_sub(observed.bits().count_ones() as usize);
        }
        true
    }
}

/// Returns the union of the three directions.
#[inline]
fn union(word: &[Word; DIRECTIONS]) -> Word {
    word[0] | word[1] | word[2]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer_all(sets: &mut FdSets) -> usize {
        let (_, given) = sets.prepare();
        let words = given.iter().flatten().flat_map(|set| set.iter());
        let ready = words.map(|word| word.count_ones() as usize).sum::<usize>();
        assert!(sets.take_bell());
        ready - 1
    }

    #[test]
    fn the_highest_descriptor_stays_exact() {
        let mut sets = FdSets::new(3);
        for (fd, highest) in [(5, 5), (700, 700), (64, 700), (17_999, 17_999)] {
            sets.make_room(fd);
            sets.ask(fd, &mut 0, Some(Interest::WRITABLE));
            assert_eq!(sets.highest, highest);
        }
        for (fd, highest) in [(64, 17_999), (17_999, 700), (700, 5), (5, 3)] {
            sets.ask(fd, &mut Interest::WRITABLE.bits(), None);
            assert_eq!(sets.highest, highest);
        }
    }

    #[test]
    fn directions_that_nobody_asks_for_are_left_out() {
        let mut sets = FdSets::new(3);
        let mut asked = 0;
        sets.ask(9, &mut asked, Some(Interest::READABLE | Interest::WRITABLE));
        let (count, given) = sets.prepare();
        assert_eq!(count, 10);
        assert_eq!(given.map(|set| set.is_some()), [true, false, true]);
        sets.ask(9, &mut asked, Some(Interest::PRIORITY));
        let (_, given) = sets.prepare();
        assert_eq!(given.map(|set| set.is_some()), [true, true, false]);
    }

    #[test]
    fn telling_goes_on_where_the_room_ended() {
        let mut sets = FdSets::new(0);
        sets.make_room(200);
        for fd in [1, 63, 64, 65, 127, 128, 200] {
            sets.ask(fd, &mut 0, Some(Interest::ALL));
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
