use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};

use socket2::{Domain, Protocol, Socket, Type};

use crate::Async;

impl Async<TcpListener> {
    /// A listener at `address`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// As [`TcpListener::bind`] and [`Async::new`].
    pub fn bind(address: impl Into<SocketAddr>) -> io::Result<Self> {
        Self::new(TcpListener::bind(address.into())?)
    }

    /// Waits for a connection, passing over those that are gone before they are taken.
    ///
    /// # Errors
    ///
    /// As accept(2). Where descriptors have run out (`EMFILE`) the connection stays in
    /// the backlog, so that the next try fails at once too: [sleep](crate::sleep) before
    /// it.
    pub async fn accept(&self) -> io::Result<(Async<TcpStream>, SocketAddr)> {
        let accept = |listener: &TcpListener| until_alive(|| listener.accept());
        let (stream, peer) = self.read_with(accept).await?;
        stream.set_nonblocking(true)?;
        Ok((Async::nonblocking(stream)?, peer))
    }
}

impl Async<TcpStream> {
    /// Connects to `address` without blocking the executor.
    ///
    /// # Errors
    ///
    /// As connect(2), `ConnectionRefused` above all.
    ///
    /// # Platform notes
    ///
    /// A socket whose connection attempt has failed is writable, so the attempt's end is
    /// read from `SO_ERROR`, and believed if there is a peer.
    pub async fn connect(address: impl Into<SocketAddr>) -> io::Result<Self> {
        let address = address.into();
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        socket.set_nonblocking(true)?;
        match socket.connect(&address.into()) {
            Err(error) if !is_under_way(&error) => return Err(error),
            _ => {}
        }
        let stream = Self::nonblocking(socket.into())?;
        loop {
            if let Some(error) = stream.get_ref().take_error()? {
                return Err(error);
            }
            match stream.get_ref().peer_addr() {
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                    stream.writable().await?;
                }
                answer => return answer.map(|_| stream),
            }
        }
    }
}

impl Async<UnixListener> {
    /// Waits for a connection, as [`Async::<TcpListener>::accept`] does.
    ///
    /// # Errors
    ///
    /// As accept(2).
    pub async fn accept(&self) -> io::Result<Async<UnixStream>> {
        let accept = |listener: &UnixListener| until_alive(|| listener.accept());
        let (stream, _) = self.read_with(accept).await?;
        stream.set_nonblocking(true)?;
        Async::nonblocking(stream)
    }
}

impl Async<UnixStream> {
    /// Two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// As [`UnixStream::pair`] and [`Async::new`].
    pub fn pair() -> io::Result<(Self, Self)> {
        let (near, far) = UnixStream::pair()?;
        Ok((Self::new(near)?, Self::new(far)?))
    }
}

/// Accepts until a connection has not been reset in the backlog (`ECONNABORTED`).
fn until_alive<S>(accept: impl Fn() -> io::Result<S>) -> io::Result<S> {
    loop {
        match accept() {
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            answer => return answer,
        }
    }
}

/// Whether a connection attempt goes on. An interrupted one does.
fn is_under_way(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR))
}
