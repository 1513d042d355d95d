//! Sockets: the methods that the executor adds to those of std.

mod address;
mod incoming;
#[cfg(feature = "blocking")]
mod resolve;
mod tcp;
mod udp;
mod unix;
mod unix_datagram;

use std::io;
use std::net::TcpStream;

use socket2::SockRef;
use waitset::stream::{AcceptErrors, AcceptSource, AcceptVerdict, is_connected};
use waitset::{AsSource, Interest};

pub use address::Address;
pub use incoming::Incoming;
#[cfg(feature = "blocking")]
pub use resolve::resolve;

use crate::{Async, sys};

/// Enough for a crowd of tasks that all connect in one turn; std's is 128.
const BACKLOG: i32 = 1024;

/// What an error of [`try_accept`] means for the next call.
#[derive(Debug)]
enum Last {
    None,
    /// Descriptors or memory have run out, or the network keeps failing.
    Shortage,
    /// The listener will never accept.
    Failure,
}

/// Calls accept(2) once. A connection that was lost reads as `Interrupted`, so that the caller
/// tries again.
fn try_accept<L: AcceptSource>(
    listener: &L,
    errors: &AcceptErrors,
    last: &mut Last,
) -> io::Result<(L::Stream, L::Peer)> {
    let error = match listener.try_accept() {
        Err(error) => error,
        accepted => {
            errors.clear();
            return accepted;
        }
    };
    match errors.judge(listener, &error) {
        AcceptVerdict::WouldBlock | AcceptVerdict::Interrupted => return Err(error),
        AcceptVerdict::Aborted => return Err(io::ErrorKind::Interrupted.into()),
        AcceptVerdict::ShutDown => {
            *last = Last::Failure;
            return Err(io::ErrorKind::InvalidInput.into());
        }
        AcceptVerdict::DescriptorLimit | AcceptVerdict::Backoff => *last = Last::Shortage,
        _ => *last = Last::Failure,
    }
    Err(error)
}

/// Accepts until a connection was not gone before it was accepted. Each call is charged to the
/// task's budget, and errors that last end it.
async fn accept<L: AcceptSource>(listener: &Async<L>) -> io::Result<(Async<L::Stream>, L::Peer)>
where
    L::Stream: AsSource,
{
    let errors = AcceptErrors::default();
    let accept = |listener: &L| try_accept(listener, &errors, &mut Last::None);
    let (stream, peer) = listener.read_with(accept).await?;
    Ok((Async::nonblocking(stream)?, peer))
}

/// Waits until an attempt to connect has succeeded or failed.
///
/// Waits for a turn even if it has succeeded already, as attempts to this machine have: the
/// listener may be this executor's own, and its backlog overflows if it is never accepted
/// from.
async fn connected(attempt: TcpStream) -> io::Result<Async<TcpStream>> {
    let stream = Async::armed(attempt, Interest::WRITABLE)?;
    loop {
        stream.writable().await?;
        if is_connected(stream.get_ref())? {
            return Ok(stream);
        }
    }
}

/// recv(2) with `MSG_PEEK`, which std has for the sockets of the Internet only.
fn peek(socket: &impl AsSource, buffer: &mut [u8]) -> io::Result<usize> {
    SockRef::from(socket).peek(sys::as_uninit(buffer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::io::Write;
    use std::net::{SocketAddr, TcpListener};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::time::Duration;

    use socket2::{Domain, Socket, Type};
    use waitset::BorrowedSource;

    use crate::{block_on, timeout};

    /// A listener whose first accepts fail with these.
    pub(super) struct Failing(pub(super) UnixListener, pub(super) RefCell<Vec<i32>>);

    impl AsSource for Failing {
        fn as_fd(&self) -> BorrowedSource<'_> {
            AsSource::as_fd(&self.0)
        }
    }

    impl AcceptSource for Failing {
        type Stream = UnixStream;
        type Peer = ();

        fn try_accept(&self) -> io::Result<(UnixStream, ())> {
            match self.1.borrow_mut().pop() {
                Some(number) => Err(io::Error::from_raw_os_error(number)),
                None => AcceptSource::try_accept(&self.0),
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
        let accepted = block_on(waitset::PollReactor::new().unwrap(), async {
            let listener = Async::new(Failing(listener, RefCell::new(gone))).unwrap();
            timeout(Duration::from_secs(60), accept(&listener)).await
        });
        accepted.unwrap().unwrap().unwrap();
    }

    /// What `accept` of a listener returns whose accepts fail with these, the last one first.
    fn accept_after(errors: Vec<i32>) -> io::Result<()> {
        let (near, mut far) = UnixStream::pair().unwrap();
        far.write_all(b"!").unwrap(); // which makes it readable
        let near = std::os::fd::OwnedFd::from(near).into();
        let accepted = block_on(waitset::PollReactor::new().unwrap(), async {
            let listener = Async::new(Failing(near, RefCell::new(errors))).unwrap();
            timeout(Duration::from_secs(60), accept(&listener)).await
        });
        accepted.unwrap().unwrap().map(drop)
    }

    #[test]
    fn accept_returns_an_error_that_lasts() {
        for error in [libc::ENETDOWN, libc::EPERM, libc::EOPNOTSUPP] {
            let answer = accept_after(vec![error; 1_000_000]);
            assert_eq!(answer.unwrap_err().raw_os_error(), Some(error));
        }
        // A socket that is connected takes no connections, and is not asked for long.
        let answer = accept_after(vec![libc::ECONNABORTED; 100]);
        assert_eq!(answer.unwrap_err().raw_os_error(), Some(libc::EINVAL));
    }

    #[test]
    fn accept_on_a_listener_that_was_shut_down_is_an_error() {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        let unnamed = socket2::SockAddr::unix("").unwrap(); // the kernel makes up a name
        socket.bind(&unnamed).unwrap();
        socket.listen(1).unwrap();
        socket.shutdown(std::net::Shutdown::Both).unwrap();
        let listener = UnixListener::from(std::os::fd::OwnedFd::from(socket));
        let accepted = block_on(waitset::PollReactor::new().unwrap(), async {
            let listener = Async::new(listener).unwrap();
            timeout(Duration::from_secs(60), listener.accept()).await
        });
        let error = accepted.unwrap().unwrap().map(drop).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn accept_on_a_datagram_socket_is_an_error() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let listener = TcpListener::from(std::os::fd::OwnedFd::from(socket));
        let accepted = block_on(waitset::PollReactor::new().unwrap(), async {
            let listener = Async::new(listener).unwrap();
            timeout(Duration::from_secs(60), listener.accept()).await
        });
        let error = accepted.unwrap().unwrap().map(drop).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EOPNOTSUPP));
    }

    #[test]
    fn tcp_streams_send_small_writes_immediately() {
        block_on(waitset::PollReactor::new().unwrap(), async {
            let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
            let listener = Async::<TcpListener>::bind(any).unwrap();
            let address = listener.get_ref().local_addr().unwrap();
            let near = Async::<TcpStream>::connect(address).await.unwrap();
            let (far, _) = listener.accept().await.unwrap();
            assert!(near.get_ref().nodelay().unwrap());
            assert!(far.get_ref().nodelay().unwrap());

            // However the listener was made, unless it is told otherwise.
            for is_set in [true, false] {
                let listener = TcpListener::bind(any).unwrap();
                let address = listener.local_addr().unwrap();
                let listener = Async::new(listener).unwrap();
                if !is_set {
                    let socket = SockRef::from(listener.get_ref());
                    socket.set_tcp_nodelay(false).unwrap();
                }
                let _near = TcpStream::connect(address).unwrap();
                let (far, _) = listener.accept().await.unwrap();
                assert_eq!(far.get_ref().nodelay().unwrap(), is_set);
            }
        })
        .unwrap();
    }

    #[test]
    fn a_socket_that_has_connected_to_itself_is_refused() {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        socket.bind(&any.into()).unwrap();
        socket.connect(&socket.local_addr().unwrap()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let attempt = connected(socket.into());
        let answer = block_on(waitset::PollReactor::new().unwrap(), attempt).unwrap();
        assert_eq!(answer.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
}
