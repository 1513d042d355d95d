use std::io;
use std::time::Duration;

use waitset_core::{AsSource, Event, Reactor, Token, WaitHint};

use super::WaitSet;
use super::entry::{Entry, Status};
use crate::Key;

impl<S: AsSource, D, R: Reactor + 'static> WaitSet<S, D, R> {
    /// Waits until a source is ready, the timeout expires or something interrupts the wait
    /// ([`Reactor`], rule 3), and returns how many events there are to
    /// [take](Self::next_ready). Those of sources that are disabled or removed are counted, too.
    ///
    /// Returns immediately if the last batch has an event left that can be taken: you lose no
    /// event by leaving a loop early.
    ///
    /// # Errors
    ///
    /// Those of [`Reactor::wait`].
    #[inline]
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        if self.next < self.batch.len() && self.has_untaken() {
            return Ok(self.batch.len() - self.next);
        }
        self.next = 0;
        self.reactor.wait(&mut self.batch, timeout)
    }

    /// Returns `true` if an event of the batch is left whose source is in the set and enabled.
    #[cold]
    fn has_untaken(&mut self) -> bool {
        let has_next = self.next_event().is_some();
        self.next -= usize::from(has_next);
        has_next
    }

    /// Takes the next event of the batch, with the key of its source, the source and its data.
    ///
    /// You can insert, modify, disable and remove sources between two events. An event whose
    /// source has been removed is dropped, even if a newer source has the same descriptor.
    ///
    /// ```
    /// use std::os::unix::net::UnixDatagram;
    /// use waitset::{Interest, Mode, WaitSet};
    ///
    /// let (near, far) = UnixDatagram::pair()?;
    /// let mut set = WaitSet::new()?;
    /// set.insert_with(far, 0, Interest::READABLE, Mode::Level)?;
    /// near.send(b"hello")?;
    /// set.wait(None)?;
    /// while let Some((key, event, socket, bytes)) = set.next_ready() {
    ///     assert!(event.is_readable());
    ///     *bytes += socket.recv(&mut [0; 16])?;
    ///     assert_eq!(set.data(key), Some(&5));
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn next_ready(&mut self) -> Option<(Key, Event, &S, &mut D)> {
        let event = self.take()?;
        if self.is_live(event) {
            return self.ready(event);
        }
        let event = self.next_live(event)?;
        self.ready(event)
    }

    /// Takes the next event of the batch like [`next_ready`](Self::next_ready), with the key of
    /// its source alone.
    #[inline]
    pub fn next_event(&mut self) -> Option<(Key, Event)> {
        let event = self.take()?;
        let event = match self.is_live(event) {
            true => event,
            false => self.next_live(event)?,
        };
        Some((self.sources.key_of(event.token()), event))
    }

    /// Takes the next event, whatever has become of its source.
    #[inline]
    fn take(&mut self) -> Option<Event> {
        if self.next >= self.batch.len() {
            return None;
        }
        let event = self.batch.buffer_mut().get(self.next).copied();
        self.next += 1;
        event
    }

    /// Returns `true` if an event's source is in the set and enabled.
    #[inline]
    fn is_live(&self, event: Event) -> bool {
        let is_enabled = |entry: &Entry<S, D>| entry.status == Status::Enabled;
        self.sources.find(event.token(), is_enabled).is_some()
    }

    /// The event with its source and data. After [`is_live`](Self::is_live), a compiler knows the
    /// way.
    #[inline]
    fn ready(&mut self, event: Event) -> Option<(Key, Event, &S, &mut D)> {
        let key = self.sources.key_of(event.token());
        let entry = self.sources.find_mut(event.token())?;
        Some((key, event, &entry.source, &mut entry.data))
    }

    /// Passes over `event` and those after it whose sources were removed or disabled.
    #[cold]
    #[inline(never)]
    fn next_live(&mut self, mut event: Event) -> Option<Event> {
        while !self.is_live(event) {
            self.mute(event.token());
            event = self.take()?;
        }
        Some(event)
    }

    /// Deregisters a disabled source that an event has arrived for. What arrived for a removed one
    /// is dropped.
    fn mute(&mut self, token: Token) {
        let Some(entry) = self.sources.find_mut(token) else {
            return;
        };
        let is_resting = entry.status == Status::Resting;
        if is_resting && entry.registered.deregister(entry, &mut self.reactor) {
            entry.status = Status::Muted;
        }
    }

    /// Returns `true` if a waker ended the last wait, or would have ended it if no event had come.
    #[must_use]
    pub fn was_woken(&self) -> bool {
        self.batch.was_woken()
    }

    /// Returns `true` if a signal handler ended the last wait, or the process was stopped and
    /// continued, see [`Capabilities::interrupted_by_stop`](crate::Capabilities::interrupted_by_stop).
    #[must_use]
    pub fn was_interrupted(&self) -> bool {
        self.batch.was_interrupted()
    }

    /// Tells a [`SpinDetector`](crate::spin::SpinDetector) around the reactor why the next wait is
    /// short.
    ///
    /// ```
    /// use std::net::UdpSocket;
    /// use std::time::Duration;
    /// use waitset::spin::SpinDetector;
    /// use waitset::{PollReactor, WaitHint, WaitSet};
    ///
    /// let reactor = SpinDetector::to_writer(PollReactor::new()?, std::io::stderr())?;
    /// let mut set: WaitSet<UdpSocket, (), _> = WaitSet::with_reactor(reactor);
    /// for slice in 0..1000 {
    ///     // … work for a moment, then check for events without blocking
    ///     set.hint(WaitHint::Work);
    ///     set.wait(Some(Duration::ZERO))?;
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn hint(&mut self, hint: WaitHint) {
        self.reactor.hint(hint);
    }
}
