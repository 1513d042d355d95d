use std::any::Any;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::TcpListener;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{self, Poll};

use socket2::SockRef;
use waitset::stream::AcceptSource;
use waitset::{AsSource, Interest, Key, Mode};

use crate::budget::Share;
use crate::context::{self, Context};
use crate::waiters::{Waiters, Watched};

/// A source whose operations can be awaited.
///
/// It is made and awaited where an executor runs, and registered with that executor's
/// reactor until it is dropped or [taken apart](Self::into_inner). If `&T` is `Read` and
/// `Write`, as those of std's sockets are, it is futures-io's `AsyncRead` and
/// `AsyncWrite`; so is `&Async<T>`, so that one task can read while another writes.
///
/// ```
/// use std::net::UdpSocket;
/// use waitset_async::{Async, block_on};
///
/// block_on(waitset::PollReactor::new()?, async {
///     let socket = Async::new(UdpSocket::bind("127.0.0.1:0")?)?;
///     let address = socket.get_ref().local_addr()?;
///     socket.write_with(|socket| socket.send_to(b"hello", address)).await?;
///     let mut datagram = [0; 16];
///     let (length, _) = socket.read_with(|socket| socket.recv_from(&mut datagram)).await?;
///     assert_eq!(&datagram[..length], b"hello");
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// A future that is dropped while it waits leaves nothing behind but an armed source,
/// which may end one wait of the reactor early.
///
/// # Broken pipes
///
/// Writing to a socket whose peer is gone returns `BrokenPipe`, and never raises `SIGPIPE`,
/// even if the signal has its default action and would end the process: the streams of std
/// and the sockets of socket2 are written with send(2) and sendmsg(2) and `MSG_NOSIGNAL`.
///
/// For pipes, terminals and files there is no such flag, and the `Write` of any other type is
/// called as it is, as are your own closures in [`write_with`](Self::write_with). Programs
/// whose `main` is Rust's ignore `SIGPIPE` from the start and get `BrokenPipe` there, too. In
/// a library that is called from another language, or after setting the default action,
/// ignore or block the signal before you write to a pipe.
pub struct Async<T: AsSource + 'static> {
    // Fields drop in this order: a source is deregistered before it closes.
    registration: Registration,
    watched: Rc<Watched<T>>,
}

/// A source's place in the executor's set.
struct Registration {
    key: Key,
    context: Rc<Context>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        // In a forked child there is nothing to deregister from.
        if let Ok(mut sources) = self.context.sources() {
            let source = sources.remove(self.key);
            drop(sources);
            drop(source);
        }
    }
}

impl<T: AsSource + 'static> Async<T> {
    /// Makes `source` non-blocking and registers it with the executor of this thread.
    ///
    /// A `TcpListener` gets `TCP_NODELAY`, which the streams that it accepts inherit.
    ///
    /// # Errors
    ///
    /// As [`waitset::Reactor::register`], and if no executor runs on this thread. The
    /// source is dropped.
    ///
    /// # Platform notes
    ///
    /// Being non-blocking is a property of the open file: whoever else holds it, a parent
    /// process at the other end of standard input for one, has it non-blocking too.
    pub fn new(source: T) -> io::Result<Self> {
        SockRef::from(&source).set_nonblocking(true)?;
        Self::nonblocking(source)
    }

    /// Registers a source that is non-blocking already, which spares two system calls.
    ///
    /// One that does block would stop the whole executor.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// ```
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let (near, _far) = std::os::unix::net::UnixStream::pair()?;
    /// near.set_nonblocking(true)?;
    /// let near = waitset_async::Async::nonblocking(near)?;
    /// near.writable().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn nonblocking(source: T) -> io::Result<Self> {
        Self::armed(source, Interest::READABLE)
    }

    /// Registers a source for whoever waits for `first` to begin with.
    pub(crate) fn armed(source: T, first: Interest) -> io::Result<Self> {
        let source_type: &dyn Any = &source;
        if let Some(listener) = source_type.downcast_ref::<TcpListener>() {
            // It fails only on what is no TCP socket, for which accept(2) has the better error.
            let _ = listener.set_nodelay();
        }
        Self::register(source, first).map_err(|(_source, error)| error)
    }

    /// Registers a source, and returns it if that fails.
    pub(crate) fn register(source: T, first: Interest) -> Result<Self, (T, io::Error)> {
        let Some(context) = Context::current() else {
            return Err((source, context::elsewhere()));
        };
        let watched = Rc::new(Watched::new(source, first));
        let insert = || {
            let share: Rc<Watched<dyn AsSource>> = watched.clone();
            let key = context.sources()?.insert(share, first, Mode::Oneshot)?;
            Ok(key)
        };
        match insert() {
            Ok(key) => Ok(Self {
                registration: Registration { key, context },
                watched,
            }),
            Err(error) => Err((Watched::into_source(watched), error)),
        }
    }

    /// The source, for what needs no waiting.
    #[must_use]
    pub fn get_ref(&self) -> &T {
        &self.watched.source
    }

    /// Deregisters the source and gives it back, still non-blocking.
    #[must_use]
    pub fn into_inner(self) -> T {
        drop(self.registration);
        Watched::into_source(self.watched)
    }

    /// Waits until a read is worth trying: there is data, end of file or an error.
    ///
    /// Readiness is advisory, the read may still find `WouldBlock`.
    pub fn readable(&self) -> Ready<'_, T> {
        self.ready(Interest::READABLE)
    }

    /// Waits until a write is worth trying: there is room, or an error.
    pub fn writable(&self) -> Ready<'_, T> {
        self.ready(Interest::WRITABLE)
    }

    /// Waits until any direction of `interest` is ready; hang-ups and errors count.
    pub fn ready(&self, interest: Interest) -> Ready<'_, T> {
        Ready {
            source: self,
            interest,
            number: None,
        }
    }

    /// Calls `operation` until it returns something else than `WouldBlock`, and waits until
    /// the source is readable before each further call.
    ///
    /// # What `operation` must do
    ///
    /// It must return `WouldBlock` as long as there is nothing: that, and nothing else, is
    /// waited for. Whatever it returns otherwise is the result, an `Ok(None)`, an
    /// `Ok(false)` and an `Ok(0)` too. All operations of std's sources and of
    /// [`Signals`](waitset::Signals) and [`ChildProcess`](waitset::ChildProcess) do so. With
    /// one that returns an `Option`, turn `None` into the error:
    ///
    /// ```
    /// use std::io::{self, ErrorKind, Read};
    /// use std::os::unix::net::UnixStream;
    /// use waitset_async::{Async, block_on};
    ///
    /// /// The next byte, if one has arrived.
    /// fn try_next(mut stream: &UnixStream) -> io::Result<Option<u8>> {
    ///     let mut byte = [0];
    ///     match stream.read_exact(&mut byte) {
    ///         Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
    ///         read => read.map(|()| Some(byte[0])),
    ///     }
    /// }
    ///
    /// # block_on(waitset::PollReactor::new()?, async {
    /// let (near, far) = UnixStream::pair()?;
    /// let (near, far) = (Async::new(near)?, Async::new(far)?);
    /// # let writing = waitset_async::spawn(async move {
    /// #     waitset_async::yield_now().await;
    /// near.write_with(|mut near| io::Write::write(&mut near, b"!")).await?;
    /// #     waitset_async::yield_now().await;
    /// #     Ok::<(), std::io::Error>(())
    /// # });
    /// let next = |stream: &_| try_next(stream)?.ok_or(ErrorKind::WouldBlock.into());
    /// assert_eq!(far.read_with(next).await?, b'!');
    /// # writing.await?
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// It is called again, too, if it returns `Interrupted`. Each call is charged to the
    /// task's budget, see [fairness](crate::Executor#fairness).
    ///
    /// # Errors
    ///
    /// As `operation`, and as [`Ready`] if the source cannot be awaited.
    pub async fn read_with<R>(&self, operation: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.with(Interest::READABLE, operation).await
    }

    /// Calls `operation` until it returns something else than `WouldBlock`, and waits until
    /// the source is writable before each further call. It must do what
    /// [`read_with`](Self::read_with) says.
    ///
    /// # Errors
    ///
    /// As `operation`, and as [`Ready`] if the source cannot be awaited.
    pub async fn write_with<R>(&self, operation: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.with(Interest::WRITABLE, operation).await
    }

    async fn with<R>(
        &self,
        interest: Interest,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        // Its own right, and that of the source, which outlives a future that `select` drops.
        let (own, context) = (Share::default(), &self.registration.context);
        let shares = &[&own, self.watched.share(interest)];
        loop {
            poll_fn(|task| context.poll_charge(shares, task)).await;
            match operation(self.get_ref()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.ready(interest).await?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                answer => return answer,
            }
        }
    }

    /// Calls `operation`, and has the task woken if it returns `WouldBlock`: for futures that
    /// are written by hand. It must do what [`read_with`](Self::read_with) says.
    ///
    /// The task is woken once, even if it has stopped waiting.
    ///
    /// # Errors
    ///
    /// As `operation`, and as [`Ready`] if the source cannot be awaited.
    pub fn poll_with<R>(
        &self,
        context: &mut task::Context<'_>,
        interest: Interest,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        let shares = &[self.watched.share(interest)];
        loop {
            task::ready!(self.registration.context.poll_charge(shares, context));
            match operation(self.get_ref()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                answer => return Poll::Ready(answer),
            }
        }
        let waker = context.waker().clone();
        let spare = {
            let mut waiters = self.watched.waiters.borrow_mut();
            self.arm(&mut waiters, interest)?;
            waiters.join_polling(interest, waker)
        };
        drop(spare);
        Poll::Pending
    }

    /// Arms the source for somebody who is about to join those who wait.
    ///
    /// A source that has become ready since it was tried fires at once, so nothing is
    /// missed in between.
    fn arm(&self, waiters: &mut Waiters, interest: Interest) -> io::Result<()> {
        self.expect_here()?;
        let Registration { key, context } = &self.registration;
        if let Some(interest) = waiters.missing(interest) {
            context.sources()?.modify(*key, interest, Mode::Oneshot)?;
            waiters.armed(interest);
        }
        Ok(())
    }

    /// An error unless this source's executor runs on this thread.
    pub(crate) fn expect_here(&self) -> io::Result<()> {
        match self.registration.context.is_current() {
            true => Ok(()),
            false => Err(context::elsewhere()),
        }
    }
}

impl<T: AsSource + fmt::Debug> fmt::Debug for Async<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Async").field(self.get_ref()).finish()
    }
}

/// The future of [`Async::readable`], [`Async::writable`] and [`Async::ready`].
///
/// Polled again after it has ended, it is ready again, whatever has become of the source;
/// after an error, it tries again. The futures of the other methods are `async` functions,
/// which panic if they are polled again after they have ended.
///
/// # Errors
///
/// As [`waitset::Reactor::modify`], and if the source's executor does not run on this
/// thread or has been dropped: nothing would ever wake who waits.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Ready<'a, T: AsSource + 'static> {
    source: &'a Async<T>,
    interest: Interest,
    /// By which the source knows this future, once it waits.
    number: Option<u64>,
}

impl<T: AsSource> Future for Ready<'_, T> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Self::Output> {
        // Declared before what is borrowed, so that it is dropped after.
        let mut waker = context.waker().clone();
        let mut waiters = self.source.watched.waiters.borrow_mut();
        match self.number {
            None => {
                self.source.arm(&mut waiters, self.interest)?;
                self.number = Some(waiters.join(self.interest, waker));
            }
            Some(number) if waiters.still_waits(number, &mut waker) => self.source.expect_here()?,
            Some(_) => return Poll::Ready(Ok(())),
        }
        Poll::Pending
    }
}

impl<T: AsSource> Drop for Ready<'_, T> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let waker = self.source.watched.waiters.borrow_mut().leave(number);
            drop(waker);
        }
    }
}

impl<T: AsSource> fmt::Debug for Ready<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready")
            .field("interest", &self.interest)
            .field("is_waiting", &self.number.is_some())
            .finish()
    }
}
