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
use waitset::{AsSource, Interest, Key};

use crate::budget::Share;
use crate::context::{self, Context};
use crate::waiters::{Waiters, Waiting};

/// A source whose operations can be awaited: a socket, a pipe, or whatever has a descriptor.
///
/// Create and await it inside [`Executor::block_on`](crate::Executor::block_on). It is registered
/// with the reactor of that executor until it is dropped, or until
/// [`into_inner`](Self::into_inner) returns the source.
///
/// If `&T` implements `Read` and `Write`, as std's streams do, then `Async<T>` and `&Async<T>`
/// implement `AsyncRead` and `AsyncWrite` of futures-io. So two references can read and write at
/// the same time; for two tasks, there is [`into_split`](Self::into_split).
///
/// Everything else is a method of the source, which [`get_ref`](Self::get_ref) returns: its
/// addresses and its options. For types that have no methods here, there are
/// [`read_with`](Self::read_with) and [`write_with`](Self::write_with):
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
/// # Cancellation
///
/// You can drop a future that waits at any time. Nothing is left but an armed source, which can
/// end one wait of the reactor early. A `read` that is dropped before it returns has taken no data.
///
/// # `TCP_NODELAY`
///
/// Streams that are connected or accepted here have `TCP_NODELAY` set, so that small writes are
/// sent immediately; tokio and smol leave it off. To turn it off, call
/// `get_ref().set_nodelay(false)`. A `TcpStream` given to [`new`](Self::new) keeps the setting
/// that it has.
///
/// # Broken pipes
///
/// A write to a socket whose peer has closed it returns `BrokenPipe`. It never raises `SIGPIPE`,
/// even if the signal has its default action and would end the process: std's streams and
/// socket2's sockets are written with send(2) and sendmsg(2) and `MSG_NOSIGNAL`.
///
/// For pipes, terminals and files there is no such flag. The `Write` of any other type is called
/// as it is, and so are your closures in [`write_with`](Self::write_with). Programs whose `main`
/// is Rust's ignore `SIGPIPE` from the start, so these calls return `BrokenPipe`, too. In a
/// library that is called from another language, or after you have set the default action, ignore
/// or block the signal before you write to a pipe.
pub struct Async<T: AsSource + 'static> {
    // Fields drop in this order: a source is deregistered before it closes.
    registration: Registration,
    waiting: Rc<Waiting>,
    source: Rc<T>,
}

/// A source's place in the loop that its executor runs in.
struct Registration {
    key: Key,
    context: Rc<Context>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.context.remove_source(self.key);
    }
}

impl<T: AsSource + 'static> Async<T> {
    /// Makes `source` non-blocking, and registers it with the executor of this thread.
    ///
    /// It sets `TCP_NODELAY` on a `TcpListener`, which the streams that it accepts inherit.
    ///
    /// # Errors
    ///
    /// Like [`waitset::Reactor::register`], and if no executor is running on this thread. The
    /// source is dropped.
    ///
    /// # Platform notes
    ///
    /// Non-blocking mode belongs to the open file description, so it changes for every process
    /// that shares it. Standard input is often shared with the parent process.
    ///
    /// ```
    /// use futures::io::AsyncReadExt;
    /// use std::io::Write;
    /// use waitset_async::Async;
    ///
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let (mut near, far) = std::os::unix::net::UnixStream::pair()?;
    /// let mut far = Async::new(far)?;
    /// near.write_all(b"hello")?;
    /// let mut text = [0; 5];
    /// far.read_exact(&mut text).await?;
    /// assert_eq!(&text, b"hello");
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(source: T) -> io::Result<Self> {
        SockRef::from(&source).set_nonblocking(true)?;
        Self::nonblocking(source)
    }

    /// Registers a source that is non-blocking already, which saves two system calls.
    ///
    /// A source that blocks would stop the whole executor.
    ///
    /// # Errors
    ///
    /// Like [`new`](Self::new).
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

    /// Registers a source whose first interest is `first`.
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
        let waiting = Rc::new(Waiting::new(first));
        let source = Rc::new(source);
        let insert = || {
            let host = context.host()?;
            host.insert(source.clone(), Rc::clone(&waiting), first)
        };
        match insert() {
            Ok(key) => Ok(Self {
                registration: Registration { key, context },
                waiting,
                source,
            }),
            Err(error) => Err((unshared(source), error)),
        }
    }

    /// Returns the source, for everything that does not wait: addresses, options, descriptors.
    #[must_use]
    pub fn get_ref(&self) -> &T {
        &self.source
    }

    /// Deregisters the source and returns it. It is still non-blocking.
    ///
    /// ```
    /// use std::os::unix::net::UnixStream;
    /// use waitset_async::Async;
    ///
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let (near, _far) = Async::<UnixStream>::pair()?;
    /// let near: UnixStream = near.into_inner();
    /// near.set_nonblocking(false)?; // for code that blocks
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn into_inner(self) -> T {
        drop(self.registration);
        unshared(self.source)
    }

    /// Waits until the source is readable: there is data, end of file or an error.
    ///
    /// Readiness is a hint. A read after it can still return `WouldBlock`.
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use std::os::unix::net::UnixStream;
    /// use waitset_async::Async;
    ///
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let (near, mut far) = UnixStream::pair()?;
    /// let near = Async::new(near)?;
    /// far.write_all(b"!")?;
    /// near.readable().await?;
    /// assert_eq!(near.get_ref().read(&mut [0])?, 1);
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn readable(&self) -> Ready<'_, T> {
        self.ready(Interest::READABLE)
    }

    /// Waits until the source is writable: there is room, or an error.
    pub fn writable(&self) -> Ready<'_, T> {
        self.ready(Interest::WRITABLE)
    }

    /// Waits until the source is ready in any direction of `interest`. Hang-ups and errors count.
    ///
    /// ```
    /// use std::os::unix::net::UnixStream;
    /// use waitset::Interest;
    /// use waitset_async::Async;
    ///
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let (near, _far) = Async::<UnixStream>::pair()?;
    /// near.ready(Interest::READABLE | Interest::WRITABLE).await?; // it has room
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn ready(&self, interest: Interest) -> Ready<'_, T> {
        Ready {
            source: self,
            interest,
            number: None,
        }
    }

    /// Calls `operation` until it returns anything but `WouldBlock`, and waits until the source
    /// is readable before each further call.
    ///
    /// # What `operation` must do
    ///
    /// It must return `WouldBlock` while there is nothing to read, because that is the only result
    /// that makes this wait. Anything else is the result, `Ok(None)`, `Ok(false)` and `Ok(0)`
    /// included. All operations of std's sources, of [`Signals`](waitset::Signals) and of
    /// [`ChildProcess`](waitset::ChildProcess) do so. If yours returns an `Option`, turn `None`
    /// into the error:
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
    /// If `operation` returns `Interrupted`, it is called again. Each call is charged to the
    /// task's budget; see [fairness](crate::Executor#fairness).
    ///
    /// # Errors
    ///
    /// Those of `operation`, and like [`Ready`] if the source cannot be awaited.
    pub async fn read_with<R>(&self, operation: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.with(Interest::READABLE, operation).await
    }

    /// Calls `operation` until it returns anything but `WouldBlock`, and waits until the source
    /// is writable before each further call.
    ///
    /// [`read_with`](Self::read_with) describes what `operation` must do.
    ///
    /// # Errors
    ///
    /// Those of `operation`, and like [`Ready`] if the source cannot be awaited.
    ///
    /// ```
    /// use std::io::Write;
    /// use std::os::unix::net::UnixStream;
    /// use waitset_async::Async;
    ///
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let (near, _far) = Async::<UnixStream>::pair()?;
    /// let count = near.write_with(|mut near| near.write(b"hello")).await?;
    /// assert_eq!(count, 5);
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
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
        let shares = &[&own, self.waiting.share(interest)];
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

    /// Calls `operation`, and has the task woken later if it returns `WouldBlock`: for futures
    /// that are written by hand.
    ///
    /// [`read_with`](Self::read_with) describes what `operation` must do. The task is woken once,
    /// even if it has stopped waiting.
    ///
    /// # Errors
    ///
    /// Those of `operation`, and like [`Ready`] if the source cannot be awaited.
    ///
    /// ```
    /// use std::future::poll_fn;
    /// use std::io::Read;
    /// use std::os::unix::net::UnixStream;
    /// use waitset::Interest;
    /// use waitset_async::Async;
    ///
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let (near, far) = UnixStream::pair()?;
    /// let near = Async::new(near)?;
    /// # drop(far);
    /// let read = poll_fn(|context| {
    ///     near.poll_with(context, Interest::READABLE, |mut near| near.read(&mut [0]))
    /// });
    /// assert_eq!(read.await?, 0, "end of file");
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn poll_with<R>(
        &self,
        context: &mut task::Context<'_>,
        interest: Interest,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        let shares = &[self.waiting.share(interest)];
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
            let mut waiters = self.waiting.waiters.borrow_mut();
            self.arm(&mut waiters, interest)?;
            waiters.join_polling(interest, waker)
        };
        drop(spare);
        Poll::Pending
    }

    /// Arms the source for a task that is about to wait.
    ///
    /// A source that has become ready since the operation was tried fires immediately, so no
    /// readiness is missed in between.
    fn arm(&self, waiters: &mut Waiters, interest: Interest) -> io::Result<()> {
        self.expect_here()?;
        let Registration { key, context } = &self.registration;
        if let Some(interest) = waiters.missing(interest) {
            context.host()?.modify(*key, interest)?;
            waiters.armed(interest);
        }
        Ok(())
    }

    /// Returns an error unless the executor of this source is running on this thread.
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

/// The source, of which the loop has no share any more.
fn unshared<T>(source: Rc<T>) -> T {
    let Some(source) = Rc::into_inner(source) else {
        unreachable!("the loop has dropped the only other share");
    };
    source
}

/// The future of [`Async::readable`], [`Async::writable`] and [`Async::ready`].
///
/// If it is polled again after it has ended, it is ready again, whatever the source does; after
/// an error, it tries again. The futures of the other methods are `async` functions, which panic
/// if they are polled again after they have ended.
///
/// # Errors
///
/// Like [`waitset::Reactor::modify`]. Also an error if the executor of the source is not running
/// on this thread, or has been dropped, because nothing would ever wake the task.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Ready<'a, T: AsSource + 'static> {
    source: &'a Async<T>,
    interest: Interest,
    /// Identifies this future among those that wait for the source, once it waits.
    number: Option<u64>,
}

impl<T: AsSource> Future for Ready<'_, T> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Self::Output> {
        // Declared before what is borrowed, so that it is dropped after.
        let mut waker = context.waker().clone();
        let mut waiters = self.source.waiting.waiters.borrow_mut();
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
            let waker = self.source.waiting.waiters.borrow_mut().leave(number);
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
