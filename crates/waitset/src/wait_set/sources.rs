use std::io;

use waitset_core::{AsSource, Interest, Mode, Reactor};

use super::WaitSet;
use super::entry::{Entry, Status};
use crate::sys;
use crate::{InsertError, Key};

impl<S: AsSource, R: Reactor + 'static> WaitSet<S, (), R> {
    /// Registers `source`, which should be non-blocking, and returns its key.
    ///
    /// # Errors
    ///
    /// Those of [`Reactor::register`]; the error gives the source back.
    ///
    /// ```
    /// use std::net::UdpSocket;
    /// use waitset::{Interest, Mode, WaitSet};
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_nonblocking(true)?;
    /// let mut set = WaitSet::new()?;
    /// let key = set.insert(socket, Interest::WRITABLE, Mode::Level)?;
    /// set.wait(None)?;
    /// assert_eq!(set.next_event().map(|(key, _)| key), Some(key));
    /// let socket: UdpSocket = set.remove(key).expect("it has not been removed");
    /// # drop(socket);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn insert(
        &mut self,
        source: S,
        interest: Interest,
        mode: Mode,
    ) -> Result<Key, InsertError<S>> {
        self.insert_with(source, (), interest, mode)
            .map_err(|error| error.map(|(source, ())| source))
    }
}

impl<S: AsSource, D, R: Reactor + 'static> WaitSet<S, D, R> {
    /// Registers `source`, which should be non-blocking, with `data` next to it, and returns its
    /// key.
    ///
    /// # Errors
    ///
    /// Those of [`Reactor::register`]; the error gives both back.
    pub fn insert_with(
        &mut self,
        source: S,
        data: D,
        interest: Interest,
        mode: Mode,
    ) -> Result<Key, InsertError<(S, D)>> {
        let token = self.sources.next_key().token();
        match sys::register(&mut self.reactor, &source, token, interest, mode) {
            Ok(registered) => Ok(self.sources.insert(Entry {
                source,
                data,
                registered,
                interest,
                mode,
                status: Status::Enabled,
            })),
            Err(error) => Err(InsertError::new((source, data), error)),
        }
    }

    /// Returns the source of a key, or `None` if it has been removed.
    #[inline]
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&S> {
        self.sources.get(key).map(|entry| &entry.source)
    }

    /// Returns the source of a key and its data, which can be changed, or `None` if the source has
    /// been removed.
    ///
    /// The source itself is lent by shared reference, because nobody may replace it while it is
    /// registered.
    #[inline]
    #[must_use]
    pub fn get_mut(&mut self, key: Key) -> Option<(&S, &mut D)> {
        let entry = self.sources.get_mut(key)?;
        Some((&entry.source, &mut entry.data))
    }

    /// Returns the data of a key's source, or `None` if the source has been removed.
    #[inline]
    #[must_use]
    pub fn data(&self, key: Key) -> Option<&D> {
        self.sources.get(key).map(|entry| &entry.data)
    }

    /// Replaces the interest and the mode of a source, and re-arms it. A
    /// [disabled](Self::disable) source stays disabled.
    ///
    /// # Errors
    ///
    /// `NotFound` if the source has been removed or the key is of another set, otherwise those of
    /// [`Reactor::modify`].
    pub fn modify(&mut self, key: Key, interest: Interest, mode: Mode) -> io::Result<()> {
        let Some(entry) = self.sources.get_mut(key) else {
            return Err(self.not_found("modify", key));
        };
        let (reactor, registered, token) = (&mut self.reactor, entry.registered, key.token());
        if entry.status == Status::Muted {
            registered.register_again(entry, reactor, token, interest, mode)?;
            entry.status = Status::Resting;
        } else {
            reactor.modify(registered.source(entry), token, interest, mode)?;
        }
        (entry.interest, entry.mode) = (interest, mode);
        Ok(())
    }

    /// Pauses a source: it has no events until it is [enabled](Self::enable) again. Returns `false`
    /// if it has been removed.
    ///
    /// This takes effect immediately, even for an event that has already been fetched. The source
    /// stays registered until an event arrives for it, so that off and on again costs no system
    /// call; that event can end one wait early.
    ///
    /// ```
    /// use std::os::unix::net::UnixStream;
    /// use std::time::Duration;
    /// use waitset::{Interest, Mode, WaitSet};
    ///
    /// let (near, _far) = UnixStream::pair()?;
    /// let mut set = WaitSet::new()?;
    /// let key = set.insert(near, Interest::WRITABLE, Mode::Level)?;
    /// set.disable(key);
    /// set.wait(Some(Duration::ZERO))?;
    /// assert_eq!(set.next_event(), None);
    /// set.enable(key)?;
    /// set.wait(None)?;
    /// assert!(set.next_event().is_some());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn disable(&mut self, key: Key) -> bool {
        let Some(entry) = self.sources.get_mut(key) else {
            return false;
        };
        if entry.status == Status::Enabled {
            entry.status = Status::Resting;
        }
        true
    }

    /// Resumes a [disabled](Self::disable) source and re-arms it: what is ready now is reported,
    /// in [`Mode::Edge`] and [`Mode::Oneshot`], too.
    ///
    /// # Errors
    ///
    /// `NotFound` if the source has been removed or the key is of another set, otherwise those of
    /// [`Reactor::register`]; the source then stays disabled.
    pub fn enable(&mut self, key: Key) -> io::Result<()> {
        let Some(entry) = self.sources.get(key) else {
            return Err(self.not_found("enable", key));
        };
        self.modify(key, entry.interest, entry.mode)?;
        if let Some(entry) = self.sources.get_mut(key) {
            entry.status = Status::Enabled;
        }
        Ok(())
    }

    /// Returns `true` if a source is in the set and not [disabled](Self::disable).
    #[must_use]
    pub fn is_enabled(&self, key: Key) -> bool {
        let entry = self.sources.get(key);
        entry.is_some_and(|entry| entry.status == Status::Enabled)
    }

    /// Deregisters a source and returns it, and drops its data. Returns `None` if the source has
    /// been removed before.
    ///
    /// Its events in the current batch are dropped. Also returns `None` if the reactor cannot
    /// deregister the source, as [`Reactor::deregister`] describes: the source then stays in the
    /// set and registered.
    pub fn remove(&mut self, key: Key) -> Option<S> {
        self.remove_entry(key).map(|(source, _)| source)
    }

    /// Deregisters a source like [`remove`](Self::remove), and returns it with its data.
    pub fn remove_entry(&mut self, key: Key) -> Option<(S, D)> {
        let entry = self.sources.get(key)?;
        let is_free =
            entry.status == Status::Muted || entry.registered.deregister(entry, &mut self.reactor);
        if !is_free {
            return None;
        }
        let Entry { source, data, .. } = self.sources.remove(key)?;
        Some((source, data))
    }

    #[cold]
    fn not_found(&self, what: &str, key: Key) -> io::Error {
        let reason = match self.sources.owns(key) {
            true => "its source has been removed",
            false => "it is a key of another set or loop; use it with the one that returned it",
        };
        let text = format!("cannot {what} {key:?}: {reason}");
        io::Error::new(io::ErrorKind::NotFound, text)
    }
}
