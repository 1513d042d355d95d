//! The two halves of a source that is read and written in different tasks.

use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};
use socket2::SockRef;
use waitset::AsSource;

use crate::{Async, sys};

/// The half of an [`Async`] that reads; see [`Async::into_split`].
pub struct ReadHalf<T: AsSource + 'static> {
    source: Rc<Async<T>>,
}

/// The half of an [`Async`] that writes; see [`Async::into_split`].
///
/// Dropping it ends the writing half of a socket, so that its peer reads end of file;
/// [`forget`](Self::forget) drops it without that. A source that is not a socket stays open until
/// both halves have been dropped.
pub struct WriteHalf<T: AsSource + 'static> {
    source: Rc<Async<T>>,
    ends_writing: bool,
    /// What [`sys::forks`] returned in the process that created it.
    forks: u32,
}

impl<T: AsSource + 'static> Async<T>
where
    for<'a> &'a T: Read + Write,
{
    /// Splits the source into halves that two tasks can own, one to read and one to write.
    ///
    /// The halves share the source, its descriptor and its registration, which ends when both
    /// have been dropped. Within one task, or to lend the halves, use `&source` twice instead:
    /// a reference is an `AsyncRead` and an `AsyncWrite` of its own.
    ///
    /// Like the halves of tokio's `into_split`, and unlike those of `futures::io::split`, they
    /// have no lock, and dropping the write half of a socket ends its writing.
    ///
    /// ```
    /// use futures::io::{AsyncReadExt, AsyncWriteExt};
    /// use std::os::unix::net::UnixStream;
    /// use waitset_async::{Async, spawn};
    ///
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let (near, far) = Async::<UnixStream>::pair()?;
    /// let echo = spawn(async move { futures::io::copy(&far, &mut &far).await });
    ///
    /// let (mut read, mut write) = near.into_split();
    /// let writing = spawn(async move { write.write_all(b"hello").await }); // and drops it
    /// let mut text = String::new();
    /// read.read_to_string(&mut text).await?;
    /// assert_eq!(text, "hello");
    /// writing.await??;
    /// echo.await??;
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn into_split(self) -> (ReadHalf<T>, WriteHalf<T>) {
        let source = Rc::new(self);
        let read = ReadHalf {
            source: Rc::clone(&source),
        };
        let write = WriteHalf {
            source,
            ends_writing: true,
            forks: sys::forks(),
        };
        (read, write)
    }
}

impl<T: AsSource + 'static> ReadHalf<T> {
    /// Returns the source, for everything else: its addresses, options, readiness.
    #[must_use]
    pub fn get_ref(&self) -> &Async<T> {
        &self.source
    }

    /// Joins the halves to the source that they were split from.
    ///
    /// # Errors
    ///
    /// Returns both halves if they belong to different sources.
    ///
    /// ```
    /// use std::os::unix::net::UnixStream;
    /// use waitset_async::Async;
    ///
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let (near, far) = Async::<UnixStream>::pair()?;
    /// let (near_read, near_write) = near.into_split();
    /// let (far_read, far_write) = far.into_split();
    /// let error = near_read.reunite(far_write).unwrap_err();
    /// let near: Async<UnixStream> = error.read.reunite(near_write).unwrap();
    /// # drop((near, far_read));
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn reunite(self, write: WriteHalf<T>) -> Result<Async<T>, ReuniteError<T>> {
        if !Rc::ptr_eq(&self.source, &write.source) {
            return Err(ReuniteError { read: self, write });
        }
        write.forget();
        let Some(source) = Rc::into_inner(self.source) else {
            unreachable!("a source has one half that reads and one that writes");
        };
        Ok(source)
    }
}

impl<T: AsSource + 'static> WriteHalf<T> {
    /// Returns the source, for everything else: its addresses, options, readiness.
    #[must_use]
    pub fn get_ref(&self) -> &Async<T> {
        &self.source
    }

    /// Drops this half without ending the writing half of the socket.
    ///
    /// ```
    /// use futures::io::AsyncWriteExt;
    /// use std::os::unix::net::UnixStream;
    /// use waitset_async::Async;
    ///
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let (near, _far) = Async::<UnixStream>::pair()?;
    /// let (read, write) = near.into_split();
    /// write.forget();
    /// read.get_ref().write_with(|mut near| std::io::Write::write(&mut near, b"!")).await?;
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn forget(mut self) {
        self.ends_writing = false;
    }
}

impl<T: AsSource + 'static> Drop for WriteHalf<T> {
    fn drop(&mut self) {
        // A forked child shares the socket with its parent, which has not finished writing.
        if self.ends_writing && self.forks == sys::forks() {
            // It fails only where there is nothing to end: not a socket, or no peer.
            let _ = SockRef::from(self.source.get_ref()).shutdown(Shutdown::Write);
        }
    }
}

impl<T: AsSource> AsyncRead for ReadHalf<T>
where
    for<'a> &'a T: Read,
{
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self.source).poll_read(context, buffer)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self.source).poll_read_vectored(context, buffers)
    }
}

/// Writes to sockets without raising `SIGPIPE`, see [broken pipes](Async#broken-pipes).
impl<T: AsSource> AsyncWrite for WriteHalf<T>
where
    for<'a> &'a T: Write,
{
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self.source).poll_write(context, buffer)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self.source).poll_write_vectored(context, buffers)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self.source).poll_flush(context)
    }

    /// Flushes, and ends the writing half of a socket immediately, as dropping this does.
    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self.source).poll_close(context)
    }
}

impl<T: AsSource + fmt::Debug> fmt::Debug for ReadHalf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadHalf").field(&self.source).finish()
    }
}

impl<T: AsSource + fmt::Debug> fmt::Debug for WriteHalf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WriteHalf").field(&self.source).finish()
    }
}

/// The halves of different sources, which [`ReadHalf::reunite`] returns as its error.
#[non_exhaustive]
pub struct ReuniteError<T: AsSource + 'static> {
    /// The half that reads.
    pub read: ReadHalf<T>,
    /// The half that writes.
    pub write: WriteHalf<T>,
}

impl<T: AsSource> fmt::Debug for ReuniteError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReuniteError").finish_non_exhaustive()
    }
}

impl<T: AsSource> fmt::Display for ReuniteError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot reunite halves of different sources")
    }
}

impl<T: AsSource> Error for ReuniteError<T> {}
