//! UDP sockets.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use crate::Async;

impl Async<UdpSocket> {
    /// Binds a UDP socket to `address`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// Like [`UdpSocket::bind`], above all `AddrInUse`, and [`Async::new`].
    ///
    /// ```
    /// use std::net::UdpSocket;
    /// use waitset_async::Async;
    ///
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let server = Async::<UdpSocket>::bind(([127, 0, 0, 1], 0))?;
    /// let client = Async::<UdpSocket>::bind(([127, 0, 0, 1], 0))?;
    /// client.send_to(b"hello", server.get_ref().local_addr()?).await?;
    /// let mut buffer = [0; 1500];
    /// let (length, peer) = server.recv_from(&mut buffer).await?;
    /// assert_eq!(&buffer[..length], b"hello");
    /// assert_eq!(peer, client.get_ref().local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias("socket"))]
    pub fn bind(address: impl Into<SocketAddr>) -> io::Result<Self> {
        Self::new(UdpSocket::bind(address.into())?)
    }

    /// Sets the peer of [`send`](Self::send) and [`recv`](Self::recv), and discards datagrams
    /// from all others.
    ///
    /// This does not wait: a UDP connect sends nothing.
    ///
    /// # Errors
    ///
    /// Like [`UdpSocket::connect`].
    ///
    /// ```
    /// use std::net::UdpSocket;
    /// use waitset_async::Async;
    ///
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let near = Async::<UdpSocket>::bind(([127, 0, 0, 1], 0))?;
    /// let far = Async::<UdpSocket>::bind(([127, 0, 0, 1], 0))?;
    /// near.connect(far.get_ref().local_addr()?)?;
    /// far.connect(near.get_ref().local_addr()?)?;
    /// near.send(b"hello").await?;
    /// let mut buffer = [0; 1500];
    /// assert_eq!(far.peek(&mut buffer).await?, 5);
    /// assert_eq!(far.recv(&mut buffer).await?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect(&self, address: impl Into<SocketAddr>) -> io::Result<()> {
        self.get_ref().connect(address.into())
    }

    /// Sends a datagram to the connected peer and returns the number of bytes sent, which is
    /// all of `buffer`.
    ///
    /// # Errors
    ///
    /// Like [`UdpSocket::send`]. `ConnectionRefused` reports that the peer's host refused an
    /// earlier datagram.
    pub async fn send(&self, buffer: &[u8]) -> io::Result<usize> {
        self.write_with(|socket| socket.send(buffer)).await
    }

    /// Sends a datagram to `address` and returns the number of bytes sent, which is all of
    /// `buffer`.
    ///
    /// # Errors
    ///
    /// Like [`UdpSocket::send_to`].
    pub async fn send_to(
        &self,
        buffer: &[u8],
        address: impl Into<SocketAddr>,
    ) -> io::Result<usize> {
        let address = address.into();
        let send = |socket: &UdpSocket| socket.send_to(buffer, address);
        self.write_with(send).await
    }

    /// Waits for a datagram of the connected peer and returns its length.
    ///
    /// If the datagram is longer than `buffer`, the rest of it is discarded.
    ///
    /// # Errors
    ///
    /// Like [`UdpSocket::recv`].
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_with(|socket| socket.recv(buffer)).await
    }

    /// Waits for a datagram and returns its length and its sender.
    ///
    /// If the datagram is longer than `buffer`, the rest of it is discarded.
    ///
    /// # Errors
    ///
    /// Like [`UdpSocket::recv_from`].
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.read_with(|socket| socket.recv_from(buffer)).await
    }

    /// Like [`recv`](Self::recv), but leaves the datagram in the socket for the next call.
    ///
    /// # Errors
    ///
    /// Like [`UdpSocket::peek`].
    ///
    /// # Platform notes
    ///
    /// recv(2) with `MSG_PEEK`.
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_with(|socket| socket.peek(buffer)).await
    }

    /// Like [`recv_from`](Self::recv_from), but leaves the datagram in the socket for the next
    /// call.
    ///
    /// # Errors
    ///
    /// Like [`UdpSocket::peek_from`].
    ///
    /// # Platform notes
    ///
    /// recvfrom(2) with `MSG_PEEK`.
    pub async fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.read_with(|socket| socket.peek_from(buffer)).await
    }
}
