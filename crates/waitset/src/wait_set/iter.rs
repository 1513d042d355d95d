use waitset_core::{AsSource, Reactor};

use super::WaitSet;
use super::entry::Entry;
use crate::{Key, slab};

/// The sources of a set with their keys and data.
pub struct Iter<'a, S, D>(slab::Iter<'a, Entry<S, D>>);

/// The sources of a set with their keys and data, which can be changed.
pub struct IterMut<'a, S, D>(slab::IterMut<'a, Entry<S, D>>);

impl<'a, S, D> Iterator for Iter<'a, S, D> {
    type Item = (Key, &'a S, &'a D);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, entry) = self.0.next()?;
        Some((key, &entry.source, &entry.data))
    }
}

impl<'a, S, D> Iterator for IterMut<'a, S, D> {
    type Item = (Key, &'a S, &'a mut D);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, entry) = self.0.next()?;
        Some((key, &entry.source, &mut entry.data))
    }
}

impl<S: AsSource, D, R: Reactor + 'static> WaitSet<S, D, R> {
    /// Iterates over all sources with their keys and data, in no particular order.
    pub fn iter(&self) -> Iter<'_, S, D> {
        Iter(self.sources.iter())
    }

    /// Iterates over all sources with their keys and data, which can be changed, in no particular
    /// order.
    ///
    /// ```
    /// use std::net::UdpSocket;
    /// use waitset::{Interest, Mode, WaitSet};
    ///
    /// let mut set = WaitSet::new()?;
    /// for _ in 0..3 {
    ///     let socket = UdpSocket::bind("127.0.0.1:0")?;
    ///     set.insert_with(socket, 0, Interest::READABLE, Mode::Level)?;
    /// }
    /// for (_, socket, port) in &mut set {
    ///     *port = socket.local_addr()?.port();
    /// }
    /// assert!(set.iter().all(|(_, _, port)| *port > 0));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn iter_mut(&mut self) -> IterMut<'_, S, D> {
        IterMut(self.sources.iter_mut())
    }
}

impl<'a, S: AsSource, D, R: Reactor + 'static> IntoIterator for &'a WaitSet<S, D, R> {
    type Item = (Key, &'a S, &'a D);
    type IntoIter = Iter<'a, S, D>;

    fn into_iter(self) -> Iter<'a, S, D> {
        self.iter()
    }
}

impl<'a, S: AsSource, D, R: Reactor + 'static> IntoIterator for &'a mut WaitSet<S, D, R> {
    type Item = (Key, &'a S, &'a mut D);
    type IntoIter = IterMut<'a, S, D>;

    fn into_iter(self) -> IterMut<'a, S, D> {
        self.iter_mut()
    }
}

impl<S, D> std::fmt::Debug for Iter<'_, S, D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}

impl<S, D> std::fmt::Debug for IterMut<'_, S, D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IterMut").finish_non_exhaustive()
    }
}
