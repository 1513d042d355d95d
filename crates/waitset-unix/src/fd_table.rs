use std::io;
use std::os::fd::RawFd;

use crate::{is_open, refusal};

/// A map from descriptors to values.
///
/// The kernel gives out the lowest free number, so a vector is both the smallest and the fastest
/// map: it is about as long as the highest descriptor that was ever inserted.
///
/// ```
/// use std::io::ErrorKind;
/// use std::os::fd::AsRawFd;
/// use waitset_unix::FdTable;
///
/// let fd = std::io::stdin().as_raw_fd();
/// let mut table = FdTable::default();
/// table.try_insert("mine", fd, "a value")?;
/// assert_eq!(table.get(fd), Some(&"a value"));
/// let error = table.try_insert("mine", fd, "another").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::AlreadyExists);
/// table.try_remove("mine", fd)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct FdTable<T> {
    slots: Vec<Option<T>>,
    len: usize,
    checks: u64,
}

impl<T> Default for FdTable<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            len: 0,
            checks: 0,
        }
    }
}

impl<T> FdTable<T> {
    /// Returns the number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns `true` if there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the value of `fd`.
    #[inline]
    #[must_use]
    pub fn get(&self, fd: RawFd) -> Option<&T> {
        self.slots.get(place(fd))?.as_ref()
    }

    /// Returns the value of `fd` for changing it.
    #[inline]
    pub fn get_mut(&mut self, fd: RawFd) -> Option<&mut T> {
        self.slots.get_mut(place(fd))?.as_mut()
    }

    /// Makes room for `fd`, so that [`insert`](Self::insert) cannot fail.
    ///
    /// A number beyond the table makes it grow, at least to twice its length. Only then does it
    /// check that the descriptor is open (one `fcntl`), so that a forged number does not allocate
    /// gigabytes.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the table would have to grow for a descriptor that is not open. The
    /// message names `mechanism` and the descriptor.
    #[inline]
    pub fn reserve(&mut self, mechanism: &str, fd: RawFd) -> io::Result<()> {
        if place(fd) < self.slots.len() {
            return Ok(());
        }
        self.grow(mechanism, fd)
    }

    #[cold]
    fn grow(&mut self, mechanism: &str, fd: RawFd) -> io::Result<()> {
        self.checks += 1;
        if !is_open(fd) {
            return Err(refusal::not_open(mechanism, fd));
        }
        let length = (place(fd) + 1).max(self.slots.len() * 2).max(64);
        self.slots.resize_with(length, || None);
        Ok(())
    }

    /// Inserts a value for `fd`, and returns the old one if there was one.
    ///
    /// # Panics
    ///
    /// Panics without room for `fd`; [`reserve`](Self::reserve) makes it.
    #[inline]
    pub fn insert(&mut self, fd: RawFd, value: T) -> Option<T> {
        let old = self.slots[place(fd)].replace(value);
        self.len += usize::from(old.is_none());
        old
    }

    /// Removes and returns the value of `fd`.
    #[inline]
    pub fn remove(&mut self, fd: RawFd) -> Option<T> {
        let old = self.slots.get_mut(place(fd))?.take();
        self.len -= usize::from(old.is_some());
        old
    }

    /// Inserts a value for `fd` where there is none.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if there is one, otherwise those of [`reserve`](Self::reserve). The message
    /// names `mechanism` and the descriptor.
    #[inline]
    pub fn try_insert(&mut self, mechanism: &str, fd: RawFd, value: T) -> io::Result<()> {
        self.reserve(mechanism, fd)?;
        if self.get(fd).is_some() {
            return Err(refusal::already_registered(mechanism, fd));
        }
        self.insert(fd, value);
        Ok(())
    }

    /// Returns the value of `fd` for changing it.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is none. The message names `mechanism` and the descriptor.
    #[inline]
    pub fn try_get_mut(&mut self, mechanism: &str, fd: RawFd) -> io::Result<&mut T> {
        let value = self.get_mut(fd);
        value.ok_or_else(|| refusal::not_registered(mechanism, fd))
    }

    /// Removes and returns the value of `fd`.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is none. The message names `mechanism` and the descriptor.
    #[inline]
    pub fn try_remove(&mut self, mechanism: &str, fd: RawFd) -> io::Result<T> {
        let value = self.remove(fd);
        value.ok_or_else(|| refusal::not_registered(mechanism, fd))
    }

    /// Iterates over the descriptors that have a value, in ascending order.
    pub fn descriptors(&self) -> impl Iterator<Item = RawFd> + '_ {
        self.iter().map(|(fd, _)| fd)
    }

    /// Iterates over the descriptors with their values, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = (RawFd, &T)> + '_ {
        let slots = (0..).zip(&self.slots);
        slots.filter_map(|(fd, slot)| Some((fd, slot.as_ref()?)))
    }

    /// Returns how many system calls growing has made, for `Stats::control_calls`.
    #[must_use]
    pub fn checks(&self) -> u64 {
        self.checks
    }
}

/// Returns the index of `fd`. A negative number lies beyond every table.
#[inline]
fn place(fd: RawFd) -> usize {
    fd as u32 as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forged_descriptor_is_refused_and_allocates_nothing() {
        let mut table = FdTable::<u32>::default();
        for forged in [60_000, i32::MAX, -1] {
            let error = table.reserve("table", forged).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains(&forged.to_string()), "{error}");
        }
        assert_eq!(table.slots.capacity(), 0);
    }

    #[test]
    fn values_come_and_go_by_descriptor() {
        let mut table = FdTable::default();
        table.reserve("table", 1).unwrap();
        assert_eq!(table.insert(1, "a"), None);
        assert_eq!(table.insert(1, "b"), Some("a"));
        assert_eq!(table.len(), 1);
        assert_eq!(table.get(0), None);
        assert_eq!(table.get(-1), None);
        assert_eq!(table.get(1_000_000), None);
        assert_eq!(table.descriptors().collect::<Vec<_>>(), [1]);
        assert_eq!(table.iter().collect::<Vec<_>>(), [(1, &"b")]);
        assert_eq!(table.remove(1), Some("b"));
        assert_eq!(table.remove(1), None);
        assert!(table.is_empty());
        table.try_insert("table", 1, "c").unwrap();
        let error = table.try_insert("table", 1, "d").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(table.try_get_mut("table", 1).unwrap(), &"c");
        assert_eq!(table.try_remove("table", 1).unwrap(), "c");
        let error = table.try_remove("table", 1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        let error = table.try_get_mut("table", 1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(table.checks(), 1);
    }
}
