use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};

use waitset::AsSource;
use waitset::stream::{Listener, connect_tcp, is_connected, is_lost};

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
        accept(self).await
    }
}

impl Async<TcpStream> {
    /// Connects to `address` without blocking the executor.
    ///
    /// # Errors
    ///
    /// As [`connect_tcp`] and [`is_connected`], `ConnectionRefused` above all.
    pub async fn connect(address: impl Into<SocketAddr>) -> io::Result<Self> {
        connected(connect_tcp(address.into())?).await
    }
}

impl Async<UnixListener> {
    /// Waits for a connection, as [`Async::<TcpListener>::accept`] does.
    ///
    /// # Errors
    ///
    /// As accept(2).
    pub async fn accept(&self) -> io::Result<Async<UnixStream>> {
        accept(self).await.map(|(stream, ())| stream)
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

/// Accepts until a connection was not gone before it was taken.
async fn accept<L: Listener>(listener: &Async<L>) -> io::Result<(Async<L::Stream>, L::Peer)>
where
    L::Stream: AsSource,
{
    let until_alive = |listener: &L| loop {
        match listener.accept() {
            Err(error) if is_lost(&error) => {}
            answer => return answer,
        }
    };
    let (stream, peer) = listener.read_with(until_alive).await?;
    Ok((Async::nonblocking(stream)?, peer))
}

/// Waits until an attempt to connect has succeeded or failed.
async fn connected(attempt: TcpStream) -> io::Result<Async<TcpStream>> {
    let stream = Async::nonblocking(attempt)?;
    while !is_connected(stream.get_ref())? {
        stream.writable().await?;
    }
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::time::Duration;

    use socket2::{Domain, Socket, Type};
    use waitset::BorrowedSource;

    use crate::{block_on, timeout};

    /// A listener whose first accepts fail with these.
    struct Failing(UnixListener, RefCell<Vec<i32>>);

    impl AsSource for Failing {
        fn as_fd(&self) -> BorrowedSource<'_> {
            AsSource::as_fd(&self.0)
        }
    }

    impl Listener for Failing {
        type Stream = UnixStream;
        type Peer = ();

        fn accept(&self) -> io::Result<(UnixStream, ())> {
            match self.1.borrow_mut().pop() {
                Some(number) => Err(io::Error::from_raw_os_error(number)),
                None => Listener::accept(&self.0),
            }
        }
    }

    #[test]
    fn accept_passes_over_what_linux_tells_of_connections_that_are_gone() {
        let name = format!("waitset-async-gone-{}.socket", std::process::id());
        let path = std::env::temp_dir().join(name);
        let listener = UnixListener::bind(&path).unwrap();
        let _client = UnixStream::connect(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        let gone = vec![libc::ECONNABORTED, libc::ENETDOWN, libc::EPROTO];
        let accepted = block_on(waitset::Poll::new().unwrap(), async {
            let listener = Async::new(Failing(listener, RefCell::new(gone))).unwrap();
            timeout(Duration::from_secs(60), accept(&listener)).await
        });
        accepted.unwrap().unwrap().unwrap();
    }

    #[test]
    fn a_socket_that_has_connected_to_itself_is_refused() {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        socket.bind(&any.into()).unwrap();
        socket.connect(&socket.local_addr().unwrap()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let attempt = connected(socket.into());
        let answer = block_on(waitset::Poll::new().unwrap(), attempt).unwrap();
        assert_eq!(answer.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
}
