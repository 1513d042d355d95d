use std::any::Any;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};
use socket2::{SockRef, Socket};
use waitset::{AsSource, Interest};

use crate::Async;

impl<T: AsSource> AsyncRead for &Async<T>
where
    for<'a> &'a T: Read,
{
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(context, Interest::READABLE, |mut source| {
            source.read(buffer)
        })
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(context, Interest::READABLE, |mut source| {
            source.read_vectored(buffers)
        })
    }
}

/// Writes to sockets without raising `SIGPIPE`, see [broken pipes](Async#broken-pipes).
impl<T: AsSource> AsyncWrite for &Async<T>
where
    for<'a> &'a T: Write,
{
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(context, Interest::WRITABLE, |mut source| {
            match socket(source) {
                Some(socket) => socket.send_with_flags(buffer, NO_SIGNAL),
                None => source.write(buffer),
            }
        })
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let most = &buffers[..buffers.len().min(MOST_BUFFERS)];
        self.poll_with(context, Interest::WRITABLE, |mut source| {
            match socket(source) {
                Some(socket) => socket.send_vectored_with_flags(most, NO_SIGNAL),
                None => source.write_vectored(buffers),
            }
        })
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_with(context, Interest::WRITABLE, |mut source| source.flush())
    }

    /// Flushes, and ends the writing half of a socket, so that its peer reads end of file.
    ///
    /// A source that is not a socket is closed when it is dropped.
    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_with(context, Interest::WRITABLE, |mut source| {
            source.flush()?;
            match SockRef::from(source).shutdown(Shutdown::Write) {
                Err(error) if has_nothing_to_end(&error) => Ok(()),
                ended => ended,
            }
        })
    }
}

/// Returns the socket of a source whose own `Write` calls write(2) and writev(2), which raise
/// `SIGPIPE` after the peer has closed it. The `Write` of any other type can do more than
/// writing, so it is called as it is.
fn socket<T: AsSource + 'static>(source: &T) -> Option<SockRef<'_>> {
    let source_type: &dyn Any = source;
    let is_socket = source_type.is::<TcpStream>()
        || source_type.is::<UnixStream>()
        || source_type.is::<Socket>();
    is_socket.then(|| SockRef::from(source))
}

/// On systems without the flag, std and socket2 set an option of the socket instead.
#[cfg(target_vendor = "apple")]
const NO_SIGNAL: libc::c_int = 0;
#[cfg(not(target_vendor = "apple"))]
const NO_SIGNAL: libc::c_int = libc::MSG_NOSIGNAL;

/// The maximum number of buffers per sendmsg(2): `IOV_MAX` of Linux and the BSDs.
const MOST_BUFFERS: usize = 1024;

/// Returns `true` if the source is not a socket, or is not connected any more.
fn has_nothing_to_end(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOTSOCK | libc::ENOTCONN))
}

impl<T: AsSource> AsyncRead for Async<T>
where
    for<'a> &'a T: Read,
{
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read(context, buffer)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read_vectored(context, buffers)
    }
}

/// Writes to sockets without raising `SIGPIPE`, see [broken pipes](Async#broken-pipes).
impl<T: AsSource> AsyncWrite for Async<T>
where
    for<'a> &'a T: Write,
{
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write(context, buffer)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write_vectored(context, buffers)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_flush(context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_close(context)
    }
}
