use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};
use waitset_core::AsSource;

/// Begins to connect to `address`, and returns a non-blocking stream immediately.
///
/// Wait until it is [writable](crate::Interest::WRITABLE), and then call [`is_connected`]: a
/// socket whose attempt has failed is writable, too. In an event loop,
/// [`Handle::connect_tcp`](crate::LocalHandle::connect_tcp) does this, with a deadline.
///
/// # Errors
///
/// What the kernel knows immediately: `NetworkUnreachable`, `AddrNotAvailable` if no port is
/// left for this end, `EMFILE`. [`is_connected`] returns what depends on the peer,
/// `ConnectionRefused` above all.
///
/// The stream has `TCP_NODELAY` set, so that small writes are sent immediately; call
/// `set_nodelay(false)` on it to have Nagle's algorithm collect them.
///
/// # Platform notes
///
/// socket(2), setsockopt(2) and connect(2); the socket is non-blocking and close-on-exec
/// from the start on Linux. `EINPROGRESS` is no error, and neither is `EINTR`: an interrupted
/// attempt continues (connect(2)).
///
/// ```
/// use std::net::{TcpListener, TcpStream};
/// use waitset::stream::{connect_tcp, is_connected};
/// use waitset::{Interest, Mode, WaitSet};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let mut set: WaitSet<TcpStream> = WaitSet::new()?;
/// let stream = connect_tcp(listener.local_addr()?)?;
/// let key = set.insert(stream, Interest::WRITABLE, Mode::Level)?;
/// while !is_connected(set.get(key).unwrap())? {
///     set.wait(None)?;
///     while set.next_event().is_some() {}
/// }
/// set.modify(key, Interest::READABLE, Mode::Level)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias("connect", "EINPROGRESS"))]
pub fn connect_tcp(address: SocketAddr) -> io::Result<TcpStream> {
    let domain = Domain::for_address(address);
    begin(domain, Some(Protocol::TCP), &address.into())
}

/// Begins to connect to the listener at `path`, like [`connect_tcp`].
///
/// # Errors
///
/// Like connect(2): `NotFound` or `ConnectionRefused` if nobody listens there, and
/// `WouldBlock` if the listener's backlog is full. There is nothing to wait for then: the
/// socket is not connecting, and is reported as writable and hung up. Try again a little later,
/// as [`Handle::connect_unix`](crate::LocalHandle::connect_unix) does.
///
/// ```
/// use std::io::ErrorKind;
/// use waitset::stream::connect_unix;
///
/// let error = connect_unix("/nobody/listens/here").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::NotFound);
/// ```
#[doc(alias("connect", "EAGAIN"))]
pub fn connect_unix(path: impl AsRef<Path>) -> io::Result<UnixStream> {
    begin(Domain::UNIX, None, &SockAddr::unix(path)?)
}

fn begin<S: From<Socket>>(
    domain: Domain,
    protocol: Option<Protocol>,
    address: &SockAddr,
) -> io::Result<S> {
    let socket = Socket::new(domain, nonblocking(Type::STREAM), protocol)?;
    if !IS_BORN_NONBLOCKING {
        socket.set_nonblocking(true)?;
    }
    if protocol == Some(Protocol::TCP) {
        socket.set_tcp_nodelay(true)?;
    }
    match socket.connect(address) {
        Err(error) if !is_under_way(&error) => Err(error),
        _ => Ok(socket.into()),
    }
}

/// Whether socket(2) takes `SOCK_NONBLOCK`, which saves a call.
const IS_BORN_NONBLOCKING: bool = cfg!(any(target_os = "linux", target_os = "android"));

fn nonblocking(kind: Type) -> Type {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let kind = kind.nonblocking();
    kind
}

fn is_under_way(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EINPROGRESS | libc::EINTR | libc::EISCONN)
    )
}

/// Returns `true` if an attempt to connect has succeeded, and `false` while it continues.
///
/// A writable event is only a reason to call this. A socket is connected if it has no error
/// pending and has a peer: one whose attempt has failed is writable, and so is one that has never
/// begun to connect.
///
/// # Errors
///
/// The reason why the attempt failed, once: `ConnectionRefused`, `TimedOut`, `HostUnreachable`.
/// A TCP socket that has connected to itself is `ConnectionRefused`: nobody listens at that port,
/// and the kernel happened to choose it for this end, as it can for any attempt to connect to a
/// port of its own range on this machine.
///
/// # Platform notes
///
/// getsockopt(2) with `SO_ERROR`, getpeername(2) and, for TCP, getsockname(2).
///
/// ```
/// use std::os::unix::net::UnixStream;
/// use waitset::stream::is_connected;
///
/// let (near, _far) = UnixStream::pair()?;
/// assert!(is_connected(&near)?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias("SO_ERROR", "getpeername"))]
pub fn is_connected(stream: &impl AsSource) -> io::Result<bool> {
    let socket = SockRef::from(stream);
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    let peer = match socket.peer_addr() {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(false),
        answer => answer?,
    };
    match peer.as_socket() {
        Some(peer) if socket.local_addr()?.as_socket() == Some(peer) => Err(to_itself(peer)),
        _ => Ok(true),
    }
}

#[cold]
fn to_itself(address: SocketAddr) -> io::Error {
    let text = format!(
        "nobody listens at {address}: the socket has connected to itself, since the kernel \
         chose that port for this end, too"
    );
    io::Error::new(io::ErrorKind::ConnectionRefused, text)
}
