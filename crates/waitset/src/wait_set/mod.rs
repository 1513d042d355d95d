mod entry;
mod events;
mod iter;
mod sources;

use std::fmt;
use std::io;

use waitset_core::{AsSource, Events, Reactor, ReactorWaker};

use crate::DefaultReactor;
use crate::slab::Slab;
use entry::Entry;

/// A set that owns sources, waits for their events and returns them in batches.
///
/// It is the safe way to use a [`Reactor`] in a loop that you write yourself: no callbacks, no
/// timers, no `unsafe`. Each source can have a value of yours next to it, its data.
///
/// ```
/// use std::io::{ErrorKind, Read, Write};
/// use std::os::unix::net::UnixStream;
/// use waitset::{Interest, Mode, WaitSet};
///
/// let (mut near, far) = UnixStream::pair()?;
/// far.set_nonblocking(true)?;
/// let mut set = WaitSet::new()?;
/// // Next to the stream, the bytes that it has received.
/// set.insert_with(far, Vec::<u8>::new(), Interest::READABLE, Mode::Level)?;
/// near.write_all(b"hello")?;
/// drop(near);
/// while !set.is_empty() {
///     set.wait(None)?;
///     while let Some((key, _, mut stream, received)) = set.next_ready() {
///         let mut buffer = [0; 1024];
///         match stream.read(&mut buffer) {
///             Ok(0) => {
///                 assert_eq!(received, b"hello");
///                 set.remove(key);
///             }
///             Ok(count) => received.extend(&buffer[..count]),
///             Err(error) if error.kind() == ErrorKind::WouldBlock => {}
///             Err(error) => return Err(error),
///         }
///     }
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// | to do this | call |
/// |---|---|
/// | add a source | [`insert`](Self::insert), or [`insert_with`](Self::insert_with) data |
/// | wait | [`wait`](Self::wait), with a timeout or without |
/// | take the next event | [`next_ready`](Self::next_ready) with its source and data, [`next_event`](Self::next_event) with the key alone |
/// | get a source, or its data | [`get`](Self::get), [`data`](Self::data); [`get_mut`](Self::get_mut) to change the data |
/// | change the interest, re-arm | [`modify`](Self::modify) |
/// | pause a source and resume it | [`disable`](Self::disable), [`enable`](Self::enable) |
/// | take a source out | [`remove`](Self::remove), or [`remove_entry`](Self::remove_entry) with its data |
/// | visit all sources | `for (key, source, data) in &set`, or `&mut set` to change the data |
/// | end a wait from another thread | [`waker`](Self::waker) |
/// | choose the mechanism | [`with_reactor`](Self::with_reactor) |
///
/// Take the [`EventLoop`](crate::EventLoop) instead if you need timers, messages of other threads
/// or buffered connections, or if each kind of source has its own code and you would only write a
/// `match` that calls it.
///
/// # Sources
///
/// The set lends a source by shared reference only, which is enough to read and write:
/// `&TcpStream` is `Read` and `Write`. It deregisters a source before it returns or drops it, so
/// a descriptor is open for as long as it is registered.
///
/// A set has sources of a single type. For sources of several types, share each with its data: the
/// set knows it as `Rc<dyn AsSource>`, and the data keeps its type.
///
/// ```
/// use std::io::{ErrorKind, Read, Write};
/// use std::net::{TcpListener, TcpStream};
/// use std::rc::Rc;
/// use waitset::{AsSource, Interest, Mode, WaitSet};
///
/// enum Role {
///     Listener(Rc<TcpListener>),
///     Client(Rc<TcpStream>),
/// }
///
/// let listener = Rc::new(TcpListener::bind("127.0.0.1:0")?);
/// listener.set_nonblocking(true)?;
/// let mut peer = TcpStream::connect(listener.local_addr()?)?;
/// peer.write_all(b"hello")?;
///
/// let mut set: WaitSet<Rc<dyn AsSource>, Role> = WaitSet::new()?;
/// let role = Role::Listener(Rc::clone(&listener));
/// set.insert_with(listener, role, Interest::READABLE, Mode::Level)?;
/// let mut received = Vec::<u8>::new();
/// while received != b"hello" {
///     set.wait(None)?;
///     while let Some((_, _, _, role)) = set.next_ready() {
///         match role {
///             Role::Listener(listener) => match listener.accept() {
///                 Ok((stream, _)) => {
///                     stream.set_nonblocking(true)?;
///                     let stream = Rc::new(stream);
///                     let role = Role::Client(Rc::clone(&stream));
///                     set.insert_with(stream, role, Interest::READABLE, Mode::Level)?;
///                 }
///                 Err(error) if error.kind() == ErrorKind::WouldBlock => {}
///                 Err(error) => return Err(error),
///             },
///             Role::Client(client) => {
///                 let mut buffer = [0; 1024];
///                 match client.as_ref().read(&mut buffer) {
///                     Ok(count) => received.extend(&buffer[..count]),
///                     Err(error) if error.kind() == ErrorKind::WouldBlock => {}
///                     Err(error) => return Err(error),
///                 }
///             }
///         }
///     }
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # The reactor
///
/// `R` is the reactor: [`DefaultReactor`] unless you name another. With `Box<dyn Reactor + Send>`
/// the mechanism can be chosen at run time, see [`Backend::open`](crate::Backend::open).
///
/// `R` is `'static`, because a reactor that is only borrowed could keep watching the sources of a
/// set that was forgotten.
///
/// # Platform notes
///
/// Everything but the wait itself is bookkeeping in user space. [`insert`](Self::insert) makes the
/// system calls of [`Reactor::register`] (with epoll, one `epoll_ctl`), [`modify`](Self::modify)
/// those of [`Reactor::modify`], [`remove`](Self::remove) those of [`Reactor::deregister`] and
/// [`wait`](Self::wait) those of [`Reactor::wait`] (with epoll, one `epoll_wait`).
pub struct WaitSet<S: AsSource, D = (), R: Reactor + 'static = DefaultReactor> {
    // Fields drop in this order, so that nothing is registered any more when the sources
    // close. That is what makes registering them sound.
    reactor: R,
    sources: Slab<Entry<S, D>>,
    batch: Events,
    /// The position in the batch of the next event to return.
    next: usize,
}

/// The number of events per wait unless the caller chooses: more is not faster.
const BATCH: usize = 256;

impl<S: AsSource, D> WaitSet<S, D> {
    /// Creates an empty set over the platform's best mechanism.
    ///
    /// # Errors
    ///
    /// Those of the mechanism's constructor, above all `EMFILE`.
    pub fn new() -> io::Result<Self> {
        DefaultReactor::new().map(Self::with_reactor)
    }
}

impl<S: AsSource, D, R: Reactor + 'static> WaitSet<S, D, R> {
    /// Creates an empty set over `reactor`, with room for 256 events per wait.
    ///
    /// ```
    /// use std::net::UdpSocket;
    /// use waitset::{Backend, Reactor, WaitSet};
    ///
    /// let reactor = Backend::Poll.open()?;
    /// let set: WaitSet<UdpSocket, (), Box<dyn Reactor + Send>> = WaitSet::with_reactor(reactor);
    /// assert_eq!(set.reactor().name(), "poll");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn with_reactor(reactor: R) -> Self {
        Self::with_batch(reactor, BATCH)
    }

    /// Creates an empty set over `reactor`, with room for `capacity` events per wait, at least 1.
    ///
    /// The capacity cannot change later, because a set in use can hold events that have not been
    /// taken.
    ///
    /// ```
    /// use std::net::UdpSocket;
    /// use waitset::{PollReactor, WaitSet};
    ///
    /// let set: WaitSet<UdpSocket, (), PollReactor> = WaitSet::with_batch(PollReactor::new()?, 16);
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

    /// Returns a handle that ends the current or the next wait from any thread.
    #[must_use]
    pub fn waker(&self) -> ReactorWaker {
        self.reactor.waker()
    }

    /// Returns the reactor, which has a name, capabilities and statistics.
    #[must_use]
    pub fn reactor(&self) -> &R {
        &self.reactor
    }

    /// Returns the number of sources, disabled ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sources.len()
    }

    /// Returns `true` if the set has no source.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sources.len() == 0
    }
}

impl<S: AsSource, D, R: Reactor> fmt::Debug for WaitSet<S, D, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitSet")
            .field("reactor", &self.reactor.name())
            .field("sources", &self.sources.len())
            .field("untaken_events", &(self.batch.len() - self.next))
            .finish()
    }
}
