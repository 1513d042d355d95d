//! What can be done to sources, channels and hooks alike, and to the loop as a whole.

use std::fmt;
use std::io;

use waitset_core::{Capabilities, Reactor, ReactorWaker, Stats};

use super::callbacks::Change;
use super::core::{Core, Handle, LocalHandle};
use super::entry::{Entry, Kind, Status};
use crate::Key;

impl<State> Handle<'_, State> {
    /// Returns the key of the source, channel or hook whose callback has this
    /// handle; in a timer's callback, or a deferred or posted call, a key that refers to
    /// nothing.
    ///
    /// ```
    /// use std::os::unix::net::UnixStream;
    /// use std::time::Duration;
    /// use waitset::{EventLoop, Interest, Mode};
    ///
    /// let (near, _far) = UnixStream::pair()?;
    /// let mut event_loop = EventLoop::new()?;
    /// let handle = event_loop.handle();
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
        self.local.0.entries.borrow().key_of(self.token)
    }
}

impl<State> LocalHandle<State> {
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
    /// let handle = event_loop.handle();
    /// let key = handle.insert(near, Interest::WRITABLE, Mode::Level, |_, _, _, _| ())?;
    /// assert!(handle.disable(key));
    /// assert_eq!(event_loop.turn(&mut (), Some(Duration::ZERO))?, 0);
    /// event_loop.handle().enable(key)?;
    /// assert_eq!(event_loop.turn(&mut (), None)?, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn disable(&self, key: Key) -> bool {
        let mut entries = self.0.entries.borrow_mut();
        let Some(entry) = entries.get_mut(key) else {
            return false;
        };
        if entry.status == Status::Enabled {
            entry.status = Status::Resting;
            let is_group = matches!(entry.kind, Kind::Group);
            drop(entries);
            self.0.change(Change::Disable(key));
            if is_group {
                self.disable_members(key);
            }
        }
        true
    }

    /// Ends the rest of a [disabled](Self::disable) entry. A source is re-armed: what is
    /// ready at this moment is told, in edge-triggered and one-shot mode too.
    ///
    /// # Errors
    ///
    /// `NotFound` if it has been removed, else as [`Reactor::register`]; the entry is
    /// disabled as it was.
    pub fn enable(&self, key: Key) -> io::Result<()> {
        let entry = self.0.entries.borrow().get(key).copied();
        let Some(Entry { status, kind }) = entry else {
            return Err(removed(key));
        };
        match kind {
            Kind::Source(watch) => self.modify(key, watch.interest, watch.mode)?,
            // What it was sent while it rested is found in the next turn.
            Kind::Channel if status == Status::Muted => {
                self.0.set_has_more(true);
                self.0.inbox.schedule(key);
            }
            Kind::Channel | Kind::Hook => {}
            Kind::Group => self.enable_members(key)?,
        }
        if let Some(entry) = self.0.entries.borrow_mut().get_mut(key) {
            entry.status = Status::Enabled;
        }
        if status != Status::Enabled {
            self.0.change(Change::Enable(key));
        }
        Ok(())
    }

    /// Whether the callback of an entry may run: it has neither been removed nor
    /// disabled.
    #[must_use]
    pub fn is_enabled(&self, key: Key) -> bool {
        let entries = self.0.entries.borrow();
        let entry = entries.get(key);
        entry.is_some_and(|entry| entry.status == Status::Enabled)
    }

    /// Whether the callback of a source that is running has changed anything of its loop's
    /// entries.
    #[inline]
    pub(crate) fn has_changes(&self) -> bool {
        self.0.has_changes()
    }

    /// Whether an entry has not been removed.
    #[must_use]
    pub fn contains(&self, key: Key) -> bool {
        self.0.entries.borrow().get(key).is_some()
    }

    /// Removes an entry for good; false if it was gone.
    ///
    /// Also returns `false` if the reactor cannot let go of a source, as
    /// [`Reactor::deregister`] describes: the entry then stays as it was, which
    /// [`contains`](Self::contains) tells.
    ///
    /// A [group](Self::insert_group) is removed with all its members.
    ///
    /// Its callback never runs again, that of a channel not even for the end, and a source is
    /// deregistered before this returns. The callback is dropped with all it holds, and with
    /// its source, or its channel and the messages left there: before this returns, too,
    /// unless the callback of a source, channel or hook calls this; then when that has
    /// returned. From there on senders have an error, those that wait for room included.
    pub fn remove(&self, key: Key) -> bool {
        let mut entries = self.0.entries.borrow_mut();
        let Some(entry) = entries.get(key) else {
            return false;
        };
        if matches!(entry.kind, Kind::Group) {
            drop(entries);
            return self.remove_group(key);
        }
        if let Kind::Source(watch) = entry.kind {
            let let_go =
                |mut reactor: &mut dyn Reactor| watch.registered.deregister(entry, &mut reactor);
            let is_watched = entry.status != Status::Muted;
            if is_watched && self.0.with_reactor(let_go) == Some(false) {
                return false;
            }
        }
        entries.remove(key);
        drop(entries);
        self.0.let_go(key);
        self.0.remove_callback(key);
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
    pub fn defer<F>(&self, call: F)
    where
        F: FnOnce(&mut State, &mut Handle<'_, State>) + 'static,
    {
        if self.0.is_closed() {
            return;
        }
        self.0.set_has_more(true);
        self.0.deferred.borrow_mut().push_back(Box::new(call));
    }

    /// Ends [`run`](crate::EventLoop::run) when this turn is done; the next, if none is
    /// running.
    pub fn stop(&self) {
        self.0.is_stopped.set(true);
    }

    /// Returns a handle that can be kept, for code outside of callbacks in this thread.
    #[must_use]
    pub fn local(&self) -> Self {
        self.clone()
    }

    /// Returns a waker that only ends the loop's current or next wait, from any thread.
    #[must_use]
    pub fn waker(&self) -> ReactorWaker {
        self.0.waker.clone()
    }

    /// Returns the name of the loop's mechanism, as `Backend` spells it.
    #[must_use]
    pub fn mechanism(&self) -> &'static str {
        self.0.name
    }

    /// Returns what the loop's mechanism does, emulates or refuses.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.0.capabilities
    }

    /// Returns the exact counts of what the reactor has done; zeros if the loop has been
    /// dropped.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let stats = self.0.with_reactor(|reactor| reactor.stats());
        stats.unwrap_or_default()
    }

    /// Returns how many sources, channels, hooks and groups there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.entries.borrow().len()
    }

    /// Returns `true` if there is no source, channel, hook or group.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cold]
pub(super) fn removed(key: Key) -> io::Error {
    let text = format!("{key:?} is not in this loop; it has been removed");
    io::Error::new(io::ErrorKind::NotFound, text)
}

impl<State> Core<State> {
    pub(super) fn describe<'f, 'a>(
        &self,
        name: &str,
        f: &'f mut fmt::Formatter<'a>,
    ) -> fmt::DebugStruct<'f, 'a> {
        let mut described = f.debug_struct(name);
        described
            .field("mechanism", &self.name)
            .field("entries", &self.entries.borrow().len())
            .field("timers", &self.schedule.borrow().timers.len())
            .field("deferred", &self.deferred.borrow().len());
        described
    }
}

impl<State> fmt::Debug for LocalHandle<State> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe("LocalHandle", f).finish()
    }
}

impl<State> fmt::Debug for Handle<'_, State> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe("Handle", f).finish()
    }
}
