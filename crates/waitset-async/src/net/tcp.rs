//! TCP: listening, connecting, peeking.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};

use socket2::SockRef;
use waitset::stream::connect_tcp;

use super::address::{self, Address, Internal};
use super::{BACKLOG, accept, connected};
use crate::{Async, consume_budget};

impl Async<TcpListener> {
    /// Binds a socket to `address` and listens; port 0 takes a free one.
    ///
    /// The backlog has room for 1024 connections, or for as many as the system allows: tasks of
    /// this executor can connect to it by the hundred before it has a turn.
    ///
    /// # Errors
    ///
    /// Like [`TcpListener::bind`], above all `AddrInUse`, and [`Async::new`].
    ///
    /// # Platform notes
    ///
    /// In addition to [`TcpListener::bind`], listen(2) again with the larger backlog; Linux
    /// cuts it to `net.core.somaxconn`, 4096 by default.
    ///
    /// ```
    /// use std::net::TcpListener;
    /// use waitset_async::Async;
    ///
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0))?;
    /// println!("listening at {}", listener.get_ref().local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias("listen", "socket"))]
    pub fn bind(address: impl Into<SocketAddr>) -> io::Result<Self> {
        let listener = TcpListener::bind(address.into())?;
        SockRef::from(&listener).listen(BACKLOG)?;
        Self::new(listener)
    }

    /// Waits for a connection and returns its stream and the address of its peer.
    ///
    /// A connection that is lost before it is accepted is passed over.
    ///
    /// The stream has `TCP_NODELAY` set, so that small writes are sent immediately; tokio and
    /// smol leave it off. To turn it off, call `get_ref().set_nodelay(false)` on the stream, or
    /// clear the option of the listener for all connections that it accepts.
    ///
    /// For an accept loop, use [`incoming`](Async::incoming), which pauses while the system has
    /// no descriptors left.
    ///
    /// # Errors
    ///
    /// Like accept(2). If descriptors have run out (`EMFILE`) or the network keeps failing, the
    /// connection stays in the backlog, so that the next call fails too:
    /// [sleep](crate::sleep) before it. [`AcceptError`](waitset::stream::AcceptError) lists the errors
    /// that are passed over.
    ///
    /// # Platform notes
    ///
    /// accept4(2) with `SOCK_NONBLOCK | SOCK_CLOEXEC` on Linux, accept(2) and fcntl(2) elsewhere.
    ///
    /// ```
    /// use std::net::{TcpListener, TcpStream};
    /// use waitset_async::Async;
    ///
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0))?;
    /// let client = Async::<TcpStream>::connect(listener.get_ref().local_addr()?).await?;
    /// let (stream, peer) = listener.accept().await?;
    /// assert_eq!(peer, client.get_ref().local_addr()?);
    /// assert!(stream.get_ref().nodelay()?);
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn accept(&self) -> io::Result<(Async<TcpStream>, SocketAddr)> {
        accept(self).await
    }
}

impl Async<TcpStream> {
    /// Connects to `address` without blocking the executor.
    ///
    /// With the feature `blocking`, `address` can be a host name and a port:
    /// `connect("example.com:80")`. If `address` stands for several socket addresses, they are
    /// tried one after the other, in order, until one of them accepts the connection.
    ///
    /// Each attempt lasts for as long as the kernel tries, about two minutes on Linux; put a
    /// [`timeout`](crate::timeout) around it for less.
    ///
    /// The stream has `TCP_NODELAY` set, so that small writes are sent immediately; tokio and
    /// smol leave it off. To turn it off, call `get_ref().set_nodelay(false)`.
    ///
    /// # Errors
    ///
    /// Those of the last attempt: like [`connect_tcp`] and
    /// [`is_connected`](waitset::stream::is_connected), above all `ConnectionRefused`. Also those
    /// of resolving the name, and `InvalidInput` if there is no address to try.
    ///
    /// # Platform notes
    ///
    /// For each attempt socket(2), setsockopt(2), connect(2), and when the socket becomes writable getsockopt(2),
    /// getpeername(2) and getsockname(2).
    ///
    /// ```
    /// use std::net::TcpStream;
    /// use waitset_async::Async;
    ///
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let address = listener.local_addr()?;
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let stream = Async::<TcpStream>::connect(address).await?;
    /// assert_eq!(stream.get_ref().peer_addr()?, address);
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn connect(address: impl Address) -> io::Result<Self> {
        let mut outcome = Err(address::no_address());
        for address in address.lookup(Internal).await? {
            outcome = Self::attempt(address).await;
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    async fn attempt(address: SocketAddr) -> io::Result<Self> {
        consume_budget().await;
        connected(connect_tcp(address)?).await
    }

    /// Waits for data and copies it into `buffer` without removing it from the socket.
    ///
    /// Returns the number of bytes copied; 0 means end of file, or an empty `buffer`.
    ///
    /// # Errors
    ///
    /// Like [`TcpStream::peek`].
    ///
    /// # Platform notes
    ///
    /// recv(2) with `MSG_PEEK`.
    ///
    /// ```
    /// use futures::io::{AsyncReadExt, AsyncWriteExt};
    /// use std::net::{TcpListener, TcpStream};
    /// use waitset_async::Async;
    ///
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0))?;
    /// let mut client = Async::<TcpStream>::connect(listener.get_ref().local_addr()?).await?;
    /// let (mut stream, _) = listener.accept().await?;
    /// client.write_all(b"GET").await?;
    /// let mut first = [0];
    /// stream.peek(&mut first).await?;
    /// assert_eq!(&first, b"G");
    /// stream.read_exact(&mut first).await?; // it is still there
    /// assert_eq!(&first, b"G");
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_with(|stream| stream.peek(buffer)).await
    }
}
