//! What names a peer of TCP: socket addresses, and host names if there are threads to resolve
//! them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// What [`Async::<TcpStream>::connect`] can connect to: a socket address, several of them, or a
/// host name and a port.
///
/// | type | feature | example |
/// |---|---|---|
/// | [`SocketAddr`], [`SocketAddrV4`], [`SocketAddrV6`] | | `listener.get_ref().local_addr()?` |
/// | [`IpAddr`], [`Ipv4Addr`] or [`Ipv6Addr`], with a port | | `(Ipv4Addr::LOCALHOST, 80)` |
/// | numbers, with a port | | `([127, 0, 0, 1], 80)` |
/// | `&SocketAddr`, `&[SocketAddr]` | | `&addresses[..]` |
/// | `&str`, `String` | `blocking` | `"example.com:80"`, `"[::1]:80"` |
/// | `&str` or `String`, with a port | `blocking` | `("example.com", 80)` |
///
/// ```
/// use std::net::{SocketAddr, TcpListener, TcpStream};
/// use waitset_async::Async;
///
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let address = listener.local_addr()?;
/// # waitset_async::block_on(waitset::PollReactor::new()?, async {
/// Async::<TcpStream>::connect(address).await?;
/// Async::<TcpStream>::connect(([127, 0, 0, 1], address.port())).await?;
/// let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
/// Async::<TcpStream>::connect(&[nobody, address][..]).await?; // the second one
/// # Ok::<(), std::io::Error>(())
/// # })??;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// It is the counterpart of std's `ToSocketAddrs`, which would block the executor to resolve a
/// name. You cannot implement it: convert your type to one of these.
///
/// [`Async::<TcpStream>::connect`]: crate::Async#method.connect
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an address to connect to",
    note = "host names need the feature `blocking` of waitset-async; socket addresses do not: \
            use `address.parse::<SocketAddr>()?`"
)]
pub trait Address {
    /// Finds the socket addresses.
    #[doc(hidden)]
    fn lookup(self, _: Internal) -> impl Future<Output = io::Result<Vec<SocketAddr>>>;
}

/// Only this crate can name it, and thus implement [`Address`].
#[allow(unreachable_pub, reason = "it seals a public trait")]
#[derive(Debug)]
pub struct Internal;

/// Why nothing was tried.
#[cold]
pub(super) fn no_address() -> io::Error {
    let kind = io::ErrorKind::InvalidInput;
    io::Error::new(kind, "cannot connect: there is no address to try")
}

/// Implements [`Address`] for types that std converts to one socket address.
macro_rules! known {
    ($($address:ty),* $(,)?) => {$(
        impl Address for $address {
            async fn lookup(self, _: Internal) -> io::Result<Vec<SocketAddr>> {
                Ok(vec![self.into()])
            }
        }
    )*};
}

known![
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6,
    (IpAddr, u16),
    (Ipv4Addr, u16),
    (Ipv6Addr, u16),
    ([u8; 4], u16),
    ([u8; 16], u16),
    ([u16; 8], u16),
];

impl Address for &[SocketAddr] {
    async fn lookup(self, _: Internal) -> io::Result<Vec<SocketAddr>> {
        Ok(self.to_vec())
    }
}

impl Address for &SocketAddr {
    async fn lookup(self, _: Internal) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![*self])
    }
}

/// Each tries to parse an address first, which needs no thread.
#[cfg(feature = "blocking")]
mod names {
    use super::*;
    use std::net::ToSocketAddrs;

    use crate::unblock;

    async fn ask_the_system<A>(name: A) -> io::Result<Vec<SocketAddr>>
    where
        A: ToSocketAddrs + Send + 'static,
    {
        unblock(move || name.to_socket_addrs().map(Iterator::collect)).await
    }

    impl Address for &str {
        async fn lookup(self, _: Internal) -> io::Result<Vec<SocketAddr>> {
            match self.parse() {
                Ok(address) => Ok(vec![address]),
                Err(_) => ask_the_system(self.to_owned()).await,
            }
        }
    }

    impl Address for String {
        async fn lookup(self, _: Internal) -> io::Result<Vec<SocketAddr>> {
            self.as_str().lookup(Internal).await
        }
    }

    impl Address for (&str, u16) {
        async fn lookup(self, _: Internal) -> io::Result<Vec<SocketAddr>> {
            let (host, port) = self;
            match host.parse::<IpAddr>() {
                Ok(address) => Ok(vec![(address, port).into()]),
                Err(_) => ask_the_system((host.to_owned(), port)).await,
            }
        }
    }

    impl Address for (String, u16) {
        async fn lookup(self, _: Internal) -> io::Result<Vec<SocketAddr>> {
            let (host, port) = &self;
            (host.as_str(), *port).lookup(Internal).await
        }
    }
}
