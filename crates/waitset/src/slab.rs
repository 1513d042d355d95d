use std::fmt;
use std::mem;
use std::slice;
use std::sync::atomic::{AtomicU32, Ordering};

use waitset_core::Token;

/// Identifies something that a set or a loop owns: a source, a channel, a hook.
///
/// A key of something that was removed never finds what has taken its place, and a key of one
/// set or loop never finds or equals anything of another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    owner: u32,
    index: u32,
    generation: u32,
}

/// What an index leaves of a token.
const GENERATION_BITS: u32 = Token::MAX.0.count_ones() - u32::BITS;

const LAST_GENERATION: u32 = (1 << GENERATION_BITS) - 1;

impl Key {
    #[inline]
    const fn new(owner: u32, token: Token) -> Self {
        Self {
            owner,
            index: index_of(token) as u32,
            generation: token.0 as u32 & LAST_GENERATION,
        }
    }

    #[inline]
    pub(crate) fn index(self) -> usize {
        self.index as usize
    }

    /// Returns the token that a set or a loop registers the source with: the number by which
    /// its reactor, and what watches that, knows the source.
    #[inline]
    #[must_use]
    pub const fn token(self) -> Token {
        Token((self.index as u64) << GENERATION_BITS | self.generation as u64)
    }
}

/// The index of the key that a token was made of.
#[inline]
pub(crate) const fn index_of(token: Token) -> usize {
    (token.0 >> GENERATION_BITS) as usize
}

/// Tells the keys of different slabs apart. Repeats after 2³² slabs.
static OWNERS: AtomicU32 = AtomicU32::new(0);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}v{})", self.index, self.generation)
    }
}

/// Values behind keys that never repeat.
///
/// A place whose generations are used up, after 2²⁹ removals, is not used again.
pub(crate) struct Slab<T> {
    owner: u32,
    places: Vec<Place<T>>,
    free: Option<u32>,
    len: usize,
}

struct Place<T> {
    /// That of the key of the value, or of the next value if it is free.
    token: Token,
    content: Content<T>,
}

enum Content<T> {
    Value(T),
    /// The next free place.
    Free(Option<u32>),
}

impl<T> Slab<T> {
    pub(crate) fn new() -> Self {
        Self {
            owner: OWNERS.fetch_add(1, Ordering::Relaxed),
            places: Vec::new(),
            free: None,
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many places there are, free ones included.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.places.len()
    }

    /// The key that the next value gets: what needs it to be made can have it before.
    pub(crate) fn next_key(&mut self) -> Key {
        let index = *self.free.get_or_insert_with(|| {
            let index = self.places.len() as u32;
            self.places.push(Place {
                token: Token(u64::from(index) << GENERATION_BITS),
                content: Content::Free(None),
            });
            index
        });
        self.key_of(self.places[index as usize].token)
    }

    /// The key of this slab that has this token.
    #[inline]
    pub(crate) fn key_of(&self, token: Token) -> Key {
        Key::new(self.owner, token)
    }

    /// Puts a value behind [`next_key`](Self::next_key).
    pub(crate) fn insert(&mut self, value: T) -> Key {
        let key = self.next_key();
        let place = &mut self.places[key.index as usize];
        if let Content::Free(next) = mem::replace(&mut place.content, Content::Value(value)) {
            self.free = next;
        }
        self.len += 1;
        key
    }

    #[inline]
    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        match self.owner == key.owner {
            true => self.find(key.token(), |_| true),
            false => None,
        }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        match self.owner == key.owner {
            true => self.find_mut(key.token()),
            false => None,
        }
    }

    /// Returns the value whose key has this token, if it is `wanted`.
    #[inline]
    pub(crate) fn find(&self, token: Token, wanted: impl FnOnce(&T) -> bool) -> Option<&T> {
        match self.places.get(index_of(token)) {
            // The value first, so that a compiler makes a single comparison of what kind of
            // content it is and of a flag in the value.
            Some(Place {
                token: held,
                content: Content::Value(value),
            }) if wanted(value) && *held == token => Some(value),
            _ => None,
        }
    }

    /// Returns the value whose key has this token.
    #[inline]
    pub(crate) fn find_mut(&mut self, token: Token) -> Option<&mut T> {
        match self.places.get_mut(index_of(token)) {
            Some(Place {
                token: held,
                content: Content::Value(value),
            }) if *held == token => Some(value),
            _ => None,
        }
    }

    /// Returns `true` if this slab made the key, even if its value has been removed.
    pub(crate) fn owns(&self, key: Key) -> bool {
        self.owner == key.owner
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        let place = &mut self.places[key.index as usize];
        let is_last = key.generation == LAST_GENERATION;
        let next = if is_last { None } else { self.free };
        let Content::Value(value) = mem::replace(&mut place.content, Content::Free(next)) else {
            return None;
        };
        if !is_last {
            place.token.0 += 1;
            self.free = Some(key.index);
        }
        self.len -= 1;
        Some(value)
    }

    pub(crate) fn iter(&self) -> Iter<'_, T> {
        Iter {
            owner: self.owner,
            places: self.places.iter(),
        }
    }

    pub(crate) fn iter_mut(&mut self) -> IterMut<'_, T> {
        IterMut {
            owner: self.owner,
            places: self.places.iter_mut(),
        }
    }
}

/// The values of a slab with their keys.
pub(crate) struct Iter<'a, T> {
    owner: u32,
    places: slice::Iter<'a, Place<T>>,
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = (Key, &'a T);

    fn next(&mut self) -> Option<Self::Item> {
        self.places.find_map(|place| match &place.content {
            Content::Value(value) => Some((Key::new(self.owner, place.token), value)),
            Content::Free(_) => None,
        })
    }
}

/// The values of a slab, to be changed, with their keys.
pub(crate) struct IterMut<'a, T> {
    owner: u32,
    places: slice::IterMut<'a, Place<T>>,
}

impl<'a, T> Iterator for IterMut<'a, T> {
    type Item = (Key, &'a mut T);

    fn next(&mut self) -> Option<Self::Item> {
        self.places.find_map(|place| match &mut place.content {
            Content::Value(value) => Some((Key::new(self.owner, place.token), value)),
            Content::Free(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_fits_a_token() {
        let slab = Slab::<()>::new();
        let key = Key {
            owner: slab.owner,
            index: u32::MAX,
            generation: LAST_GENERATION,
        };
        assert!(key.token() <= Token::MAX);
        assert_eq!(slab.key_of(key.token()), key);
    }

    #[test]
    fn a_key_of_another_slab_equals_and_finds_nothing() {
        let (mut one, mut other) = (Slab::new(), Slab::new());
        let (mine, theirs) = (one.insert('a'), other.insert('b'));
        assert_ne!(mine, theirs);
        assert_eq!(one.get(theirs), None);
        assert_eq!(one.remove(theirs), None);
        assert_eq!(one.get_mut(theirs), None);
        assert_eq!(one.get(mine), Some(&'a'));
    }

    #[test]
    fn the_key_of_a_removed_value_never_finds_its_successor() {
        let mut slab = Slab::new();
        let mut old = Vec::new();
        for round in 0..1_000 {
            let key = slab.insert(round);
            assert!(old.iter().all(|old| slab.get(*old).is_none()));
            assert!(
                old.iter()
                    .all(|old: &Key| slab.find(old.token(), |_| true).is_none())
            );
            assert_eq!(slab.get(key), Some(&round));
            assert_eq!(slab.find(key.token(), |_| true), Some(&round));
            assert_eq!(slab.find(key.token(), |_| false), None);
            assert_eq!(slab.remove(key), Some(round));
            assert_eq!(slab.remove(key), None);
            old.push(key);
        }
        assert_eq!(slab.places.len(), 1);
        assert_eq!(slab.len(), 0);
    }

    #[test]
    fn a_place_whose_generations_are_used_up_retires() {
        let mut slab = Slab::new();
        let key = slab.insert('a');
        slab.remove(key);
        slab.places[0].token.0 |= u64::from(LAST_GENERATION);
        let last = slab.insert('b');
        assert_eq!(last.generation, LAST_GENERATION);
        slab.remove(last);
        let next = slab.insert('c');
        assert_ne!(next.index, last.index);
        assert_eq!(slab.get(last), None);
    }

    #[test]
    fn free_places_are_used_again_and_iteration_passes_over_them() {
        let mut slab = Slab::new();
        let keys: Vec<_> = (0..5).map(|value| slab.insert(value)).collect();
        slab.remove(keys[1]);
        slab.remove(keys[3]);
        assert_eq!(slab.iter().map(|(_, v)| *v).collect::<Vec<_>>(), [0, 2, 4]);
        let changed = slab.iter_mut().map(|(key, v)| (key, mem::replace(v, 7)));
        assert_eq!(
            changed.collect::<Vec<_>>(),
            [(keys[0], 0), (keys[2], 2), (keys[4], 4)]
        );
        assert_eq!(slab.next_key(), slab.next_key());
        assert_eq!(slab.insert(9).index, 3);
        assert_eq!(slab.insert(9).index, 1);
        assert_eq!(slab.insert(9).index, 5);
        assert_eq!(slab.len(), 6);
    }

    #[test]
    fn random_late_keys_find_nothing_or_their_own() {
        let mut slab = Slab::new();
        let mut given = Vec::new();
        let mut random = 1_u64;
        for round in 0..1_000_000_u64 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let late = given.get((random >> 33) as usize % 64).copied();
            if let Some((key, value)) = late {
                assert!(slab.get(key).is_none_or(|found| *found == value));
                slab.remove(key);
            }
            let key = slab.insert(round);
            match given.len() {
                0..64 => given.push((key, round)),
                _ => given[(random >> 20) as usize % 64] = (key, round),
            }
            if slab.len() > 100 {
                let oldest = slab.iter().next().map(|(key, _)| key);
                oldest.map(|key| slab.remove(key));
            }
        }
    }
}
