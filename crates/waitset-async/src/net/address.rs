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
/// | `&[SocketAddr]` | | `&addresses[..]` |
/// | `&str`, `String` | `blocking` | `"example.com:80"`, `"[::1]:80"` |
/// | `&str` or `String`, with a port | `blocking` | `("example.com", 80)` |
///
/// It is the counterpart of std's `ToSocketAddrs`, which would block the executor to resolve a
/// name. You cannot implement it: convert your type to one of these.
///
/// [`Async::<TcpStream>::connect`]: crate::Async#method.connect-1
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an address to connect to",
    note = "host names need the feature `blocking` of waitset-async; socket addresses do not: \
            use `address.parse::<SocketAddr>()?`"
)]
pub trait Address: Lookup {}

impl<T: Lookup> Address for T {}

/// How the addresses are found. It is public for the trait above, in a module that is not.
#[allow(unreachable_pub, reason = "it seals a public trait")]
pub trait Lookup {
    /// Finds the socket addresses.
    fn lookup(self) -> impl Future<Output = io::Result<Vec<SocketAddr>>>;
}

/// Why nothing was tried.
#[cold]
pub(super) fn no_address() -> io::Error {
    let kind = io::ErrorKind::InvalidInput;
    io::Error::new(kind, "cannot connect: there is no address to try")
}

/// Implements [`Lookup`] for types that std converts to one socket address.
macro_rules! known {
    ($($address:ty),* $(,)?) => {$(
        impl Lookup for $address {
            async fn lookup(self) -> io::Result<Vec<SocketAddr>> {
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

impl Lookup for &[SocketAddr] {
    async fn lookup(self) -> io::Result<Vec<SocketAddr>> {
        Ok(self.to_vec())
    }
}

impl<T: Lookup + Clone> Lookup for &T {
    async fn lookup(self) -> io::Result<Vec<SocketAddr>> {
        self.clone().lookup().await
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

    impl Lookup for &str {
        async fn lookup(self) -> io::Result<Vec<SocketAddr>> {
            match self.parse() {
                Ok(address) => Ok(vec![address]),
                Err(_) => ask_the_system(self.to_owned()).await,
            }
        }
    }

    impl Lookup for String {
        async fn lookup(self) -> io::Result<Vec<SocketAddr>> {
            self.as_str().lookup().await
        }
    }

    impl Lookup for (&str, u16) {
        async fn lookup(self) -> io::Result<Vec<SocketAddr>> {
            let (host, port) = self;
            match host.parse::<IpAddr>() {
                Ok(address) => Ok(vec![(address, port).into()]),
                Err(_) => ask_the_system((host.to_owned(), port)).await,
            }
        }
    }

    impl Lookup for (String, u16) {
        async fn lookup(self) -> io::Result<Vec<SocketAddr>> {
            let (host, port) = &self;
            (host.as_str(), *port).lookup().await
        }
    }
}
