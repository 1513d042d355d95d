use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_io::{AsyncRead, AsyncWrite};
use hyper::rt::ReadBufCursor;
use waitset::AsSource;

use crate::{Async, Sleep, sleep, sleep_until, spawn};

/// The executor of this thread, as hyper's `Executor` and `Timer`.
///
/// [`Async`] implements hyper's `Read` and `Write` itself. The connection of a server:
///
/// ```no_run
/// use http_body_util::Full;
/// use hyper::body::{Bytes, Incoming};
/// use hyper::{Request, Response, server::conn::http1, service::service_fn};
/// use std::{convert::Infallible, io, net::TcpStream};
/// use waitset_async::{Async, Hyper};
///
/// async fn serve(stream: Async<TcpStream>) -> hyper::Result<()> {
///     let hello = service_fn(async |_: Request<Incoming>| {
///         Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
///     });
///     http1::Builder::new().timer(Hyper).serve_connection(stream, hello).await
/// }
/// ```
///
/// HTTP/2 takes `Hyper` as its executor: `http2::Builder::new(Hyper)`. A TLS stream over an
/// [`Async`] implements the traits of futures-io; `FuturesIo` of the crate smol-hyper makes it
/// hyper's IO.
///
/// # Panics
///
/// Like [`spawn`] and [`sleep`], if no executor is running on this thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hyper;

impl<F: Future + 'static> hyper::rt::Executor<F> for Hyper {
    fn execute(&self, future: F) {
        drop(spawn(future));
    }
}

impl hyper::rt::Timer for Hyper {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(sleep(duration))
    }

    fn sleep_until(&self, due: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(sleep_until(due))
    }

    fn reset(&self, timer: &mut Pin<Box<dyn hyper::rt::Sleep>>, due: Instant) {
        match timer.as_mut().downcast_mut_pin::<Sleep>() {
            Some(timer) => timer.get_mut().reset(due),
            None => *timer = self.sleep_until(due),
        }
    }
}

impl hyper::rt::Sleep for Sleep {}

/// The maximum number of bytes per read: twice as many as hyper's buffer has room for at first.
const CHUNK: usize = 16 * 1024;

impl<T: AsSource> hyper::rt::Read for Async<T>
where
    Self: AsyncRead,
{
    /// Reads into the stack and copies. hyper's buffer is uninitialized, and reading into it
    /// takes `unsafe`, which is not worth saving a copy of this size.
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut chunk = [0; CHUNK];
        let room = CHUNK.min(buffer.remaining());
        let count = ready!(AsyncRead::poll_read(self, context, &mut chunk[..room]))?;
        buffer.put_slice(&chunk[..count]);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsSource> hyper::rt::Write for Async<T>
where
    Self: AsyncWrite,
{
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(self, context, buffer)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(self, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_close(self, context)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write_vectored(self, context, buffers)
    }
}
