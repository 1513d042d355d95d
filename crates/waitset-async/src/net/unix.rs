//! Unix stream sockets: listening and connecting.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use socket2::SockRef;
use waitset::stream::connect_unix;

use super::{BACKLOG, accept};
use crate::{Async, consume_budget, sleep};

/// The first and the longest pause between two attempts to reach a peer whose queue is full.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(1);
pub(super) const LONGEST_PAUSE: Duration = Duration::from_millis(10);

impl Async<UnixListener> {
    /// Binds a socket to `path` and listens.
    ///
    /// The backlog has room for 1024 connections, or for as many as the system allows. Dropping
    /// the listener leaves the file at `path`: remove it when you have finished with it.
    ///
    /// # Errors
    ///
    /// Like [`UnixListener::bind`], above all `AddrInUse` if there is a file at `path`, and
    /// [`Async::new`].
    ///
    /// # Platform notes
    ///
    /// In addition to [`UnixListener::bind`], listen(2) again with the larger backlog; Linux
    /// cuts it to `net.core.somaxconn`, 4096 by default.
    ///
    /// ```
    /// use std::os::unix::net::{UnixListener, UnixStream};
    /// use waitset_async::Async;
    ///
    /// # let name = format!("waitset-async-bind-{}.socket", std::process::id());
    /// # let path = std::env::temp_dir().join(name);
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let listener = Async::<UnixListener>::bind(&path)?;
    /// let client = Async::<UnixStream>::connect(&path).await?;
    /// let stream = listener.accept().await?;
    /// std::fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias("listen", "socket"))]
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let listener = UnixListener::bind(path)?;
        SockRef::from(&listener).listen(BACKLOG)?;
        Self::new(listener)
    }

    /// Waits for a connection, like [`Async::<TcpListener>::accept`].
    ///
    /// It returns the stream alone, because the clients of Unix sockets rarely have an address.
    /// If yours do, call `get_ref().peer_addr()` on the stream.
    ///
    /// [`Async::<TcpListener>::accept`]: Async#method.accept
    ///
    /// # Errors
    ///
    /// Like accept(2).
    pub async fn accept(&self) -> io::Result<Async<UnixStream>> {
        accept(self).await.map(|(stream, ())| stream)
    }
}

impl Async<UnixStream> {
    /// Connects to the listener at `path` without blocking the executor.
    ///
    /// While the listener's backlog is full, it tries again after a pause: 1 ms at first, then
    /// less and less often, but at least every 10 ms. Put a [`timeout`](crate::timeout) around it
    /// if you do not want to wait for as long as that takes.
    ///
    /// # Errors
    ///
    /// Like connect(2): `NotFound` or `ConnectionRefused` if there is no listener at `path`.
    ///
    /// # Platform notes
    ///
    /// socket(2) and connect(2) for each attempt.
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use std::os::unix::net::UnixStream;
    /// use waitset_async::Async;
    ///
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let error = Async::<UnixStream>::connect("/no/listener/here").await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::NotFound);
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
        consume_budget().await;
        let mut pause = FIRST_PAUSE;
        loop {
            match connect_unix(path.as_ref()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                connected => return Self::nonblocking(connected?),
            }
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(2 * pause);
        }
    }

    /// Returns two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// Like [`UnixStream::pair`] and [`Async::new`].
    #[doc(alias("socketpair"))]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (near, far) = UnixStream::pair()?;
        Ok((Self::new(near)?, Self::new(far)?))
    }

    /// Waits for data and copies it into `buffer` without removing it from the socket.
    ///
    /// Returns the number of bytes copied; 0 means end of file, or an empty `buffer`.
    ///
    /// # Errors
    ///
    /// Like recv(2).
    ///
    /// # Platform notes
    ///
    /// recv(2) with `MSG_PEEK`.
    ///
    /// ```
    /// use futures::io::AsyncWriteExt;
    /// use std::os::unix::net::UnixStream;
    /// use waitset_async::Async;
    ///
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let (mut near, far) = Async::<UnixStream>::pair()?;
    /// near.write_all(b"hello").await?;
    /// let mut start = [0; 2];
    /// assert_eq!(far.peek(&mut start).await?, 2);
    /// assert_eq!(&start, b"he");
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_with(|stream| super::peek(stream, buffer)).await
    }
}
