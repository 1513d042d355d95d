//! Name resolution.

use std::io;
use std::net::SocketAddr;

use super::address::{Address, Internal};

/// Resolves a host name and a port to socket addresses, in the order in which to try them.
///
/// [`Async::<TcpStream>::connect`] resolves names by itself. Use this to see the addresses, to
/// choose among them, or for UDP.
///
/// The system's resolver blocks, so it runs on a thread of the [pool](crate::unblock). Addresses
/// such as `"127.0.0.1:80"` need neither. If the future is dropped, the thread finishes its
/// work, and its result is discarded.
///
/// [`Async::<TcpStream>::connect`]: crate::Async#method.connect
///
/// # Errors
///
/// Like [`to_socket_addrs`](std::net::ToSocketAddrs::to_socket_addrs): `InvalidInput` if there is
/// no port, and the resolver's error if the name is unknown.
///
/// # Platform notes
///
/// getaddrinfo(3).
///
/// ```
/// use waitset_async::resolve;
///
/// # waitset_async::block_on(waitset::PollReactor::new()?, async {
/// let addresses = resolve("localhost:80").await?;
/// assert!(addresses.iter().all(|address| address.ip().is_loopback()));
/// assert!(addresses.iter().all(|address| address.port() == 80));
/// # Ok::<(), std::io::Error>(())
/// # })??;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias("lookup_host", "getaddrinfo", "dns"))]
pub async fn resolve(address: impl Address) -> io::Result<Vec<SocketAddr>> {
    address.lookup(Internal).await
}
