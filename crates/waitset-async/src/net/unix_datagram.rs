//! Unix datagram sockets.

use std::io;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;

use super::peek;
use super::unix::{FIRST_PAUSE, LONGEST_PAUSE};
use crate::{Async, sleep};

impl Async<UnixDatagram> {
    /// Binds a datagram socket to `path`.
    ///
    /// Dropping the socket leaves the file at `path`: remove it when you have finished with it.
    ///
    /// # Errors
    ///
    /// Like [`UnixDatagram::bind`], above all `AddrInUse` if there is a file at `path`, and
    /// [`Async::new`].
    ///
    /// ```
    /// use std::os::unix::net::UnixDatagram;
    /// use waitset_async::Async;
    ///
    /// # let name = format!("waitset-async-datagrams-{}.socket", std::process::id());
    /// # let path = std::env::temp_dir().join(name);
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let server = Async::<UnixDatagram>::bind(&path)?;
    /// let client = Async::<UnixDatagram>::unbound()?;
    /// client.send_to(b"hello", &path).await?;
    /// let mut buffer = [0; 1024];
    /// let (length, peer) = server.recv_from(&mut buffer).await?;
    /// assert_eq!(&buffer[..length], b"hello");
    /// assert!(peer.is_unnamed());
    /// std::fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias("socket"))]
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::new(UnixDatagram::bind(path)?)
    }

    /// Returns a socket without an address, which can send but not be replied to.
    ///
    /// # Errors
    ///
    /// Like [`UnixDatagram::unbound`] and [`Async::new`].
    pub fn unbound() -> io::Result<Self> {
        Self::new(UnixDatagram::unbound()?)
    }

    /// Returns two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// Like [`UnixDatagram::pair`] and [`Async::new`].
    ///
    /// ```
    /// use std::os::unix::net::UnixDatagram;
    /// use waitset_async::Async;
    ///
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let (near, far) = Async::<UnixDatagram>::pair()?;
    /// near.send(b"one").await?;
    /// near.send(b"two").await?;
    /// let mut buffer = [0; 1024];
    /// assert_eq!(far.peek(&mut buffer).await?, 3);
    /// assert_eq!(far.recv(&mut buffer).await?, 3);
    /// assert_eq!(&buffer[..3], b"one");
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias("socketpair"))]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (near, far) = UnixDatagram::pair()?;
        Ok((Self::new(near)?, Self::new(far)?))
    }

    /// Sets the peer of [`send`](Self::send) and [`recv`](Self::recv). This does not wait.
    ///
    /// # Errors
    ///
    /// Like [`UnixDatagram::connect`]: `NotFound` or `ConnectionRefused` if there is no socket at
    /// `path`.
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.get_ref().connect(path)
    }

    /// Sends a datagram to the connected peer and returns the number of bytes sent, which is
    /// all of `buffer`. While the peer's queue is full, it waits.
    ///
    /// # Errors
    ///
    /// Like [`UnixDatagram::send`]: `ConnectionRefused` or `ConnectionReset` if the peer has
    /// closed its socket.
    pub async fn send(&self, buffer: &[u8]) -> io::Result<usize> {
        self.write_with(|socket| socket.send(buffer)).await
    }

    /// Sends a datagram to the socket at `path` and returns the number of bytes sent, which is
    /// all of `buffer`.
    ///
    /// While the queue of that socket is full, it tries again after a pause: 1 ms at first, then
    /// less and less often, but at least every 10 ms. The kernel reports the room in the queue of
    /// a [connected](Self::connect) peer only, so [`send`](Self::send) is the better choice for
    /// more than a few datagrams to the same peer.
    ///
    /// # Errors
    ///
    /// Like [`UnixDatagram::send_to`]: `NotFound` or `ConnectionRefused` if there is no socket at
    /// `path`.
    pub async fn send_to(&self, buffer: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        let path = path.as_ref();
        let mut pause = FIRST_PAUSE;
        loop {
            // `Ok(None)`, because a wait until the socket is writable would not block: poll(2)
            // reports an unconnected socket as writable, however full the queue of a peer is.
            let sent = self.write_with(|socket| match socket.send_to(buffer, path) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
                sent => sent.map(Some),
            });
            if let Some(length) = sent.await? {
                return Ok(length);
            }
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(2 * pause);
        }
    }

    /// Waits for a datagram and returns its length.
    ///
    /// If the datagram is longer than `buffer`, the rest of it is discarded.
    ///
    /// # Errors
    ///
    /// Like [`UnixDatagram::recv`].
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_with(|socket| socket.recv(buffer)).await
    }

    /// Waits for a datagram and returns its length and its sender, which has no name unless it
    /// is bound.
    ///
    /// If the datagram is longer than `buffer`, the rest of it is discarded.
    ///
    /// # Errors
    ///
    /// Like [`UnixDatagram::recv_from`].
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.read_with(|socket| socket.recv_from(buffer)).await
    }

    /// Like [`recv`](Self::recv), but leaves the datagram in the socket for the next call.
    ///
    /// # Errors
    ///
    /// Like recv(2).
    ///
    /// # Platform notes
    ///
    /// recv(2) with `MSG_PEEK`.
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_with(|socket| peek(socket, buffer)).await
    }
}
