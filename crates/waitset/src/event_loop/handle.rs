use std::fmt;
use std::io;

use waitset_core::{AsSource, Event, Interest, Mode, Reactor, Waker};

use super::Remote;
use super::callbacks::{Callback, Callbacks, Change};
use super::core::Core;
use super::entry::{Entry, Kind, Status, Watch, Watched};
use crate::sys;
use crate::{DefaultReactor, InsertError, Key};

/// Changes an [`EventLoop`](crate::EventLoop): from outside, and from inside every
/// callback.
///
/// Sources, channels and hooks have a [`Key`] each; [`disable`](Self::disable),
/// [`enable`](Self::enable) and [`remove`](Self::remove) take that of any. A callback
/// has its own key by [`key`](Self::key).
pub struct Handle<'a, State, R = DefaultReactor> {
    // Private for good: two cores that were swapped would watch each other's sources.
    pub(super) core: &'a mut Core<State, R>,
    pub(super) callbacks: Reach<'a, State, R>,
}

/// When a handle changes the callbacks.
pub(super) enum Reach<'a, State, R> {
    /// At once, since none of them runs.
    Now(&'a mut Callbacks<State, R>),
    /// When the one that runs has returned.
    Later,
    /// The same, and it has noted something to be changed.
    Noted,
}

impl<State, R> Handle<'_, State, R> {
    /// Adds an entry and its callback.
    pub(super) fn insert_callback(&mut self, kind: Kind, callback: Callback<State, R>) -> Key {
        let key = self.core.entries.insert(Entry::new(kind));
        self.change(Change::Insert(key, callback));
        key
    }

    /// Changes the callbacks: now, or when the one that runs has returned.
    fn change(&mut self, change: Change<State, R>) {
        self.core.changes.push(change);
        match &mut self.callbacks {
            Reach::Now(callbacks) => callbacks.apply(&mut self.core.changes),
            later => *later = Reach::Noted,
        }
    }
}

impl<State, R: Reactor + 'static> Handle<'_, State, R> {
    /// Starts watching `source`, which should be non-blocking, and runs `callback` for
    /// each of its events.
    ///
    /// The callback has the source by shared reference, which is enough to read and
    /// write: `&TcpStream` is `Read` and `Write`. A source that is needed elsewhere too
    /// can be shared in an `Rc`.
    ///
    /// # Errors
    ///
    /// As [`Reactor::register`]; the source comes back in the error.
    ///
    /// ```
    /// use std::io::{ErrorKind, Read, Write};
    /// use std::os::unix::net::UnixStream;
    /// use waitset::{EventLoop, Interest, Key, Mode};
    ///
    /// let (mut near, far) = UnixStream::pair()?;
    /// let mut event_loop = EventLoop::new()?;
    /// let mut handle = event_loop.handle();
    /// handle.insert(
    ///     far,
    ///     Interest::READABLE,
    ///     Mode::Level,
    ///     |bytes, mut far, event, handle| {
    ///         let mut buffer = [0; 16];
    ///         match far.read(&mut buffer) {
    ///             // The peer is gone.
    ///             Ok(0) => assert!(handle.remove(handle.key())),
    ///             Ok(count) => *bytes += count,
    ///             Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
    ///         }
    ///     },
    /// )?;
    /// near.write_all(b"hello")?;
    /// drop(near);
    /// let mut bytes = 0;
    /// while !event_loop.handle().is_empty() {
    ///     event_loop.turn(&mut bytes, None)?;
    /// }
    /// assert_eq!(bytes, 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn insert<S, F>(
        &mut self,
        source: S,
        interest: Interest,
        mode: Mode,
        callback: F,
    ) -> Result<Key, InsertError<S>>
    where
        S: AsSource + 'static,
        F: FnMut(&mut State, &S, Event, &mut Handle<'_, State, R>) + 'static,
    {
        let token = self.core.entries.next_key().token();
        let reactor = &mut self.core.reactor;
        let registered = match sys::register(reactor, &source, token, interest, mode) {
            Ok(registered) => registered,
            Err(error) => return Err(InsertError::new(source, error)),
        };
        let watch = Watch {
            registered,
            interest,
            mode,
        };
        let watched = Box::new(Watched { source, callback });
        Ok(self.insert_callback(Kind::Source(watch), watched))
    }

    /// Replaces what is asked of a source, and re-arms it. A disabled source stays
    /// disabled.
    ///
    /// # Errors
    ///
    /// `NotFound` if it has been removed, `InvalidInput` if the key is not a source's,
    /// else as [`Reactor::modify`].
    ///
    /// ```
    /// use std::os::unix::net::UnixStream;
    /// use std::time::Duration;
    /// use waitset::{EventLoop, Interest, Mode};
    ///
    /// let (near, _far) = UnixStream::pair()?;
    /// let mut event_loop: EventLoop<()> = EventLoop::new()?;
    /// let mut handle = event_loop.handle();
    /// let key = handle.insert(near, Interest::READABLE, Mode::Level, |_, _, _, _| ())?;
    /// assert_eq!(event_loop.turn(&mut (), Some(Duration::ZERO))?, 0);
    /// event_loop.handle().modify(key, Interest::WRITABLE, Mode::Level)?;
    /// assert_eq!(event_loop.turn(&mut (), None)?, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn modify(&mut self, key: Key, interest: Interest, mode: Mode) -> io::Result<()> {
        let Some(entry) = self.core.entries.get_mut(key) else {
            return Err(removed(key));
        };
        let Kind::Source(Watch { registered, .. }) = entry.kind else {
            return Err(not_a_source(key));
        };
        let reactor = &mut self.core.reactor;
        if entry.status == Status::Muted {
            registered.register_again(entry, reactor, key.token(), interest, mode)?;
            entry.status = Status::Resting;
        } else {
            let source = registered.source(entry);
            reactor.modify(source, key.token(), interest, mode)?;
        }
        entry.kind = Kind::Source(Watch {
            registered,
            interest,
            mode,
        });
        Ok(())
    }

    /// Lets an entry rest: its callback does not run until it is
    /// [enabled](Self::enable) again. False if it has been removed.
    ///
    /// It takes effect at once, also for an event that has already been fetched. A source
    /// stays registered until something comes for it, so that off and on again costs
    /// nothing; that may end one wait early. The messages of a channel are kept.
    ///
    /// ```
    /// use std::os::unix::net::UnixStream;
    /// use std::time::Duration;
    /// use waitset::{EventLoop, Interest, Mode};
    ///
    /// let (near, _far) = UnixStream::pair()?;
    /// let mut event_loop: EventLoop<()> = EventLoop::new()?;
    /// let mut handle = event_loop.handle();
    /// let key = handle.insert(near, Interest::WRITABLE, Mode::Level, |_, _, _, _| ())?;
    /// assert!(handle.disable(key));
    /// assert_eq!(event_loop.turn(&mut (), Some(Duration::ZERO))?, 0);
    /// event_loop.handle().enable(key)?;
    /// assert_eq!(event_loop.turn(&mut (), None)?, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn disable(&mut self, key: Key) -> bool {
        let Some(entry) = self.core.entries.get_mut(key) else {
            return false;
        };
        if entry.status == Status::Enabled {
            entry.status = Status::Resting;
            self.change(Change::Disable(key));
        }
        true
    }

    /// Ends the rest of a [disabled](Self::disable) entry. A source is re-armed: what is
    /// ready at this moment is told, under [`Mode::Edge`] and [`Mode::Oneshot`] too.
    ///
    /// # Errors
    ///
    /// `NotFound` if it has been removed, else as [`Reactor::register`]; the entry is
    /// disabled as it was.
    pub fn enable(&mut self, key: Key) -> io::Result<()> {
        let Some(&Entry { status, kind }) = self.core.entries.get(key) else {
            return Err(removed(key));
        };
        match kind {
            Kind::Source(watch) => self.modify(key, watch.interest, watch.mode)?,
            // What it was sent while it rested is found in the next turn.
            Kind::Channel if status == Status::Muted => {
                self.core.beside_mut().inbox.schedule(key);
            }
            Kind::Channel | Kind::Hook => {}
        }
        if let Some(entry) = self.core.entries.get_mut(key) {
            entry.status = Status::Enabled;
        }
        if status != Status::Enabled {
            self.change(Change::Enable(key));
        }
        Ok(())
    }

    /// Returns the key of the source, channel or hook whose callback is running, or ran last.
    ///
    /// ```
    /// use std::os::unix::net::UnixStream;
    /// use std::time::Duration;
    /// use waitset::{EventLoop, Interest, Mode};
    ///
    /// let (near, _far) = UnixStream::pair()?;
    /// let mut event_loop = EventLoop::new()?;
    /// let mut handle = event_loop.handle();
    /// handle.insert(near, Interest::WRITABLE, Mode::Level, |calls, _, _, handle| {
    ///     *calls += 1;
    ///     handle.remove(handle.key());
    /// })?;
    /// let mut calls = 0;
    /// event_loop.turn(&mut calls, None)?;
    /// event_loop.turn(&mut calls, Some(Duration::ZERO))?;
    /// assert_eq!(calls, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn key(&self) -> Key {
        self.core.entries.key_of(self.core.running)
    }

    /// Whether the callback of an entry may run: it has neither been removed nor
    /// disabled.
    #[must_use]
    pub fn is_enabled(&self, key: Key) -> bool {
        let entry = self.core.entries.get(key);
        entry.is_some_and(|entry| entry.status == Status::Enabled)
    }

    /// Whether an entry has not been removed.
    #[must_use]
    pub fn contains(&self, key: Key) -> bool {
        self.core.entries.get(key).is_some()
    }

    /// Removes an entry for good; false if it was gone.
    ///
    /// Also returns `false` if the reactor cannot let go of a source, as
    /// [`Reactor::deregister`] describes: the entry then stays as it was, which
    /// [`contains`](Self::contains) tells.
    ///
    /// Its callback never runs again, that of a channel not even for the end, and a source is
    /// deregistered before this returns. The callback is dropped with all it holds, and with
    /// its source, or its channel and the messages left there: before this returns, too,
    /// unless the callback of a source, channel or hook calls this; then when that has
    /// returned. From there on senders have an error, those that wait for room included.
    pub fn remove(&mut self, key: Key) -> bool {
        let Some(entry) = self.core.entries.get(key) else {
            return false;
        };
        if let Kind::Source(watch) = entry.kind {
            let is_watched = entry.status != Status::Muted;
            if is_watched && !watch.registered.deregister(entry, &mut self.core.reactor) {
                return false;
            }
        }
        self.core.entries.remove(key);
        self.change(Change::remove(key));
        true
    }

    /// Runs `call` once, after the events of this turn; from within a deferred call, in
    /// the next turn.
    ///
    /// ```
    /// use waitset::EventLoop;
    ///
    /// let mut event_loop = EventLoop::new()?;
    /// event_loop.handle().defer(|log: &mut Vec<&str>, handle| {
    ///     log.push("first");
    ///     handle.defer(|log, _| log.push("second"));
    /// });
    /// let mut log = Vec::new();
    /// event_loop.turn(&mut log, None)?;
    /// assert_eq!(log, ["first"]);
    /// event_loop.turn(&mut log, None)?;
    /// assert_eq!(log, ["first", "second"]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn defer<F>(&mut self, call: F)
    where
        F: FnOnce(&mut State, &mut Handle<'_, State, R>) + 'static,
    {
        self.core.beside_mut().deferred.push_back(Box::new(call));
    }

    /// Ends [`run`](crate::EventLoop::run) when this turn is done; the next, if none is
    /// running.
    pub fn stop(&mut self) {
        self.core.is_stopped = true;
    }

    /// A handle for other threads, which can post closures with it.
    #[must_use]
    pub fn remote(&self) -> Remote<State, R> {
        self.core.beside().inbox.remote()
    }

    /// What only ends the loop's current or next wait, from any thread.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.core.reactor.waker()
    }

    /// The reactor: its name, capabilities and counts.
    #[must_use]
    pub fn reactor(&self) -> &R {
        &self.core.reactor
    }

    /// How many sources, channels and hooks there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.core.entries.len()
    }

    /// Whether there is no source, channel or hook.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cold]
fn removed(key: Key) -> io::Error {
    let text = format!("{key:?} is not in this loop; it has been removed");
    io::Error::new(io::ErrorKind::NotFound, text)
}

#[cold]
fn not_a_source(key: Key) -> io::Error {
    let text = format!("{key:?} is not a source's: a channel or a hook is asked for nothing");
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

impl<State, R: Reactor> Core<State, R> {
    pub(super) fn describe<'f, 'a>(
        &self,
        name: &str,
        f: &'f mut fmt::Formatter<'a>,
    ) -> fmt::DebugStruct<'f, 'a> {
        let mut described = f.debug_struct(name);
        described
            .field("reactor", &self.reactor.name())
            .field("entries", &self.entries.len())
            .field("timers", &self.beside().timers.len())
            .field("deferred", &self.beside().deferred.len());
        described
    }
}

impl<State, R: Reactor> fmt::Debug for Handle<'_, State, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.describe("Handle", f).finish()
    }
}
