use std::fmt;
use std::io;
use std::time::Duration;

use waitset_core::{AsSource, Event, Events, Interest, Mode, Reactor, WaitHint, Waker};

use crate::slab::Slab;
use crate::sys::{self, Registered};
use crate::{DefaultReactor, InsertError, Key};

/// Owns sources and waits for them: the safe way to use a [`Reactor`].
///
/// A source is lent by shared reference only, which is enough to read and write:
/// `&TcpStream` is `Read` and `Write`. It is deregistered before it is given back or
/// dropped, so its descriptor is open for as long as it is watched.
///
/// ```
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
/// use waitset::{Interest, Mode, WaitSet};
///
/// let (mut near, far) = UnixStream::pair()?;
/// let mut set = WaitSet::new()?;
/// let key = set.insert(far, Interest::READABLE, Mode::Level)?;
/// near.write_all(b"hello")?;
/// set.wait(None)?;
/// while let Some((ready, event)) = set.next_event() {
///     assert!(ready == key && event.is_readable());
///     let mut text = [0; 5];
///     let mut source = set.get(ready).expect("an event's source is in the set");
///     source.read_exact(&mut text)?;
///     assert_eq!(&text, b"hello");
/// }
/// let far: UnixStream = set.remove(key).expect("it has not been removed");
/// # drop(far);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Choosing the mechanism
///
/// `R` is the reactor: [`DefaultReactor`] unless named, any other through
/// [`over`](Self::over), `Box<dyn Reactor + Send>` if it is chosen at run time, see
/// [`Backend::open`](crate::Backend::open).
///
/// `R` is `'static`: a reactor that is only borrowed could go on watching the sources of
/// a set that was forgotten.
pub struct WaitSet<S: AsSource, R: Reactor + 'static = DefaultReactor> {
    // Fields drop in this order, so that nothing is watched any more when the sources
    // close. That is what makes registering them sound.
    reactor: R,
    sources: Slab<(S, Registered)>,
    batch: Events,
    /// The next event of the batch to give out.
    next: usize,
}

/// How many events one wait takes unless told otherwise: more is not faster.
const BATCH: usize = 256;

impl<S: AsSource> WaitSet<S> {
    /// An empty set over the platform's best mechanism.
    ///
    /// # Errors
    ///
    /// As the mechanism's constructor, `EMFILE` above all.
    pub fn new() -> io::Result<Self> {
        DefaultReactor::new().map(Self::over)
    }
}

impl<S: AsSource, R: Reactor + 'static> WaitSet<S, R> {
    /// An empty set over `reactor`, with room for 256 events a wait.
    ///
    /// ```
    /// use std::net::UdpSocket;
    /// use waitset::{Backend, Reactor, WaitSet};
    ///
    /// let reactor = Backend::Poll.open()?;
    /// let set: WaitSet<UdpSocket, Box<dyn Reactor + Send>> = WaitSet::over(reactor);
    /// assert_eq!(set.reactor().name(), "poll");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn over(reactor: R) -> Self {
        Self::with_batch(reactor, BATCH)
    }

    /// An empty set over `reactor`, with room for `capacity` events per wait, at least one.
    ///
    /// The room is chosen here and stays: a set in use may hold events that have not been
    /// taken.
    ///
    /// ```
    /// use std::net::UdpSocket;
    /// use waitset::{Poll, WaitSet};
    ///
    /// let set: WaitSet<UdpSocket, Poll> = WaitSet::with_batch(Poll::new()?, 16);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// ```compile_fail,E0599
    /// use std::net::UdpSocket;
    /// use waitset::WaitSet;
    ///
    /// let used: WaitSet<UdpSocket> = WaitSet::new()?;
    /// let used = used.with_batch(16);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn with_batch(reactor: R, capacity: usize) -> Self {
        Self {
            reactor,
            sources: Slab::new(),
            batch: Events::with_capacity(capacity.max(1)),
            next: 0,
        }
    }

    /// Starts watching `source`, which should be non-blocking.
    ///
    /// # Errors
    ///
    /// As [`Reactor::register`]; the source comes back in the error.
    pub fn insert(
        &mut self,
        source: S,
        interest: Interest,
        mode: Mode,
    ) -> Result<Key, InsertError<S>> {
        let token = self.sources.next_key().token();
        match sys::register(&mut self.reactor, &source, token, interest, mode) {
            Ok(registered) => Ok(self.sources.insert((source, registered))),
            Err(error) => Err(InsertError::new(source, error)),
        }
    }

    /// The source behind `key`, unless it has been removed.
    #[inline]
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&S> {
        self.sources.get(key).map(|(source, _)| source)
    }

    /// Replaces what is asked of a source, and re-arms it.
    ///
    /// # Errors
    ///
    /// `NotFound` if it has been removed, else as [`Reactor::modify`].
    pub fn modify(&mut self, key: Key, interest: Interest, mode: Mode) -> io::Result<()> {
        let Some((source, registered)) = self.sources.get(key) else {
            return Err(removed(key));
        };
        let source = registered.source(source);
        self.reactor.modify(source, key.token(), interest, mode)
    }

    /// Stops watching a source and gives it back, unless it has been removed before.
    ///
    /// What the current batch still holds of it is dropped. Also returns `None` if the
    /// reactor cannot let go of the source, as [`Reactor::deregister`] describes: the set
    /// then keeps the source, which [`get`](Self::get) returns, and watches it as before.
    pub fn remove(&mut self, key: Key) -> Option<S> {
        let (source, registered) = self.sources.get(key)?;
        match registered.deregister(source, &mut self.reactor) {
            true => self.sources.remove(key).map(|(source, _)| source),
            false => None,
        }
    }

    /// Waits until a source is ready, the timeout expires or something interrupts the wait
    /// ([`Reactor`], rule 3), and returns how many events there are to
    /// [take](Self::next_event).
    ///
    /// Returns at once while the last batch has not been taken whole: no event is lost
    /// by leaving a loop early.
    ///
    /// # Errors
    ///
    /// As [`Reactor::wait`].
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        let is_taken = self.next >= self.batch.len();
        if is_taken || self.peek().is_none() {
            self.next = 0;
            self.reactor.wait(&mut self.batch, timeout)?;
        }
        Ok(self.batch.len() - self.next)
    }

    /// Says why the next wait is to be short, for a
    /// [`SpinDetector`](crate::spin::SpinDetector) around the reactor.
    ///
    /// ```
    /// use std::net::UdpSocket;
    /// use std::time::Duration;
    /// use waitset::spin::SpinDetector;
    /// use waitset::{Poll, WaitHint, WaitSet};
    ///
    /// let reactor = SpinDetector::to_writer(Poll::new()?, std::io::stderr())?;
    /// let mut set: WaitSet<UdpSocket, _> = WaitSet::over(reactor);
    /// for slice in 0..1000 {
    ///     // … work for a moment, and look whether something has come meanwhile
    ///     set.hint(WaitHint::Work);
    ///     set.wait(Some(Duration::ZERO))?;
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn hint(&mut self, hint: WaitHint) {
        self.reactor.hint(hint);
    }

    /// Takes the next event of the batch, with the key of its source.
    ///
    /// Sources may be inserted, modified and removed between two events. An event whose
    /// source has been removed is dropped, even if another has got its descriptor's
    /// number since.
    #[inline]
    pub fn next_event(&mut self) -> Option<(Key, Event)> {
        let next = self.peek()?;
        self.next += 1;
        Some(next)
    }

    /// Passes over events of removed sources and looks at the next.
    #[inline]
    fn peek(&mut self) -> Option<(Key, Event)> {
        while let Some(event) = self.batch.as_slice().get(self.next) {
            let key = self.sources.key_of(event.token());
            if self.sources.get(key).is_some() {
                return Some((key, *event));
            }
            self.next += 1;
        }
        None
    }

    /// Whether a waker ended the last wait, or would have.
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

    /// A handle that ends the current or the next wait from any thread.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.reactor.waker()
    }

    /// The reactor: its name, capabilities and counts.
    #[must_use]
    pub fn reactor(&self) -> &R {
        &self.reactor
    }

    /// How many sources there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sources.len()
    }

    /// Whether there is no source.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sources.len() == 0
    }

    /// All sources with their keys, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &S)> {
        let sources = self.sources.iter();
        sources.map(|(key, (source, _))| (key, source))
    }
}

#[cold]
fn removed(key: Key) -> io::Error {
    let text = format!("{key:?} is not in this set; its source has been removed");
    io::Error::new(io::ErrorKind::NotFound, text)
}

impl<S: AsSource, R: Reactor> fmt::Debug for WaitSet<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitSet")
            .field("reactor", &self.reactor.name())
            .field("sources", &self.sources.len())
            .field("untaken_events", &(self.batch.len() - self.next))
            .finish()
    }
}
