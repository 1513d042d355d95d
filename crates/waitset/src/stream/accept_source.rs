//! What connections are accepted from.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};

use socket2::{SockAddr, SockRef, Socket};
use waitset_core::AsSource;

/// A listening socket that an [`Acceptor`](super::Acceptor) accepts connections from.
///
/// `TcpListener` and `UnixListener` are ones. Implement it for other sockets that have
/// connections, such as those of `SOCK_SEQPACKET` or of VSOCK.
pub trait AcceptSource: AsSource + Sized {
    /// The type of a connection.
    type Stream;
    /// The address of its other end.
    type Peer: fmt::Debug;

    /// Accepts one connection without waiting for it.
    ///
    /// The stream must be non-blocking and close-on-exec.
    ///
    /// # Errors
    ///
    /// Like accept(2), and `WouldBlock` if no connection is waiting.
    fn try_accept(&self) -> io::Result<(Self::Stream, Self::Peer)>;

    /// Makes [`try_accept`](Self::try_accept) return `WouldBlock` instead of waiting.
    ///
    /// # Errors
    ///
    /// Like fcntl(2).
    fn set_nonblocking(&self) -> io::Result<()> {
        SockRef::from(self).set_nonblocking(true)
    }

    /// Has small writes to the connections sent immediately, where the protocol would delay
    /// them: `TCP_NODELAY` for TCP, nothing for others.
    ///
    /// # Errors
    ///
    /// Like setsockopt(2).
    ///
    /// # Platform notes
    ///
    /// One setsockopt(2) on the listening socket. The connections that it accepts inherit
    /// the option (tcp(7)), which costs them no system call.
    fn set_nodelay(&self) -> io::Result<()> {
        Ok(())
    }
}

impl AcceptSource for TcpListener {
    type Stream = TcpStream;
    type Peer = SocketAddr;

    fn try_accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (socket, address) = accept(self)?;
        let peer = address.as_socket();
        let peer = peer.ok_or_else(|| io::Error::from_raw_os_error(libc::EAFNOSUPPORT))?;
        Ok((socket.into(), peer))
    }

    fn set_nodelay(&self) -> io::Result<()> {
        SockRef::from(self).set_tcp_nodelay(true)
    }
}

impl AcceptSource for UnixListener {
    type Stream = UnixStream;
    /// A client of a Unix socket usually has no address.
    type Peer = ();

    fn try_accept(&self) -> io::Result<(UnixStream, ())> {
        let (socket, _) = accept(self)?;
        Ok((socket.into(), ()))
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn accept(listener: &impl AsSource) -> io::Result<(Socket, SockAddr)> {
    SockRef::from(listener).accept4(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn accept(listener: &impl AsSource) -> io::Result<(Socket, SockAddr)> {
    let (socket, peer) = SockRef::from(listener).accept()?;
    socket.set_nonblocking(true)?;
    Ok((socket, peer))
}
