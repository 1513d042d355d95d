//! Inserting a stream into an event loop.

use waitset_core::{AsSource, Mode};

use super::connection::BOTH;
use super::sys::{Access, Descriptor};
use super::{Connection, Notice, ReadBuffer, WriteBuffer};
use crate::{Handle, InsertError, LocalHandle};

/// How much a [`Connection`] keeps, in bytes.
///
/// ```
/// use waitset::stream::Limits;
///
/// /// For lines of at most 4 KiB.
/// const LIMITS: Limits = Limits::new().with_input(4096);
/// assert_eq!(LIMITS.output, 256 * 1024);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The maximum of what was read and is not consumed. 64 KiB by default, at least 1.
    pub input: usize,
    /// The maximum of what was sent and is not written. 256 KiB by default, at least 1.
    pub output: usize,
}

impl Limits {
    /// Returns the default limits.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            input: 64 * 1024,
            output: 256 * 1024,
        }
    }

    /// Returns these limits with another maximum for the input.
    #[must_use]
    pub const fn with_input(self, input: usize) -> Self {
        Self { input, ..self }
    }

    /// Returns these limits with another maximum for the output.
    #[must_use]
    pub const fn with_output(self, output: usize) -> Self {
        Self { output, ..self }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

impl<State> LocalHandle<State> {
    /// Inserts a stream that reads and writes by itself, with the default [`Limits`], and runs
    /// `callback` for each [`Notice`].
    ///
    /// The stream can be a socket, a pipe, a FIFO or a terminal; inserting makes it
    /// non-blocking. If the descriptor is open for reading only, its output is closed from the
    /// start: [`send`](Connection::send) returns an error, and the connection closes at the end
    /// of the input. If it is open for writing only, its input has ended from the start, without
    /// a notice.
    ///
    /// # Errors
    ///
    /// Like [`insert`](Self::insert) and fcntl(2); the error returns the stream.
    ///
    /// ```
    /// use std::os::unix::net::UnixStream;
    /// use waitset::stream::Notice;
    /// use waitset::{EventLoop, Mode};
    ///
    /// let (near, far) = UnixStream::pair()?;
    /// let mut event_loop: EventLoop<Vec<u8>> = EventLoop::new()?;
    /// let handle = event_loop.handle();
    /// let near = handle.insert_stream(near, Mode::Level, |_, _, _, _| ())?;
    /// handle.insert_stream(far, Mode::Level, |text: &mut Vec<u8>, connection, notice, handle| {
    ///     match notice {
    ///         Notice::Received => text.extend(connection.take(usize::MAX, handle)),
    ///         Notice::EndOfFile => connection.shutdown(handle),
    ///         Notice::Closed(_) => handle.stop(),
    ///         _ => {}
    ///     }
    /// })?;
    /// near.send(b"hello", &event_loop.handle())?;
    /// near.shutdown(&event_loop.handle());
    /// let mut text = Vec::new();
    /// event_loop.run(&mut text)?;
    /// assert_eq!(text, b"hello");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn insert_stream<S, F>(
        &self,
        stream: S,
        mode: Mode,
        callback: F,
    ) -> Result<Connection<S>, InsertError<S>>
    where
        S: AsSource + 'static,
        F: FnMut(&mut State, &Connection<S>, Notice, &mut Handle<'_, State>) + 'static,
    {
        self.insert_stream_with(stream, mode, Limits::default(), callback)
    }

    /// Like [`insert_stream`](Self::insert_stream), but with custom limits.
    ///
    /// # Errors
    ///
    /// Like [`insert_stream`](Self::insert_stream).
    pub fn insert_stream_with<S, F>(
        &self,
        stream: S,
        mode: Mode,
        limits: Limits,
        mut callback: F,
    ) -> Result<Connection<S>, InsertError<S>>
    where
        S: AsSource + 'static,
        F: FnMut(&mut State, &Connection<S>, Notice, &mut Handle<'_, State>) + 'static,
    {
        let access = match Descriptor(stream.as_fd()).prepare() {
            Ok(access) => access,
            Err(error) => return Err(InsertError::new(stream, error)),
        };
        let mut input = ReadBuffer::new(limits.input);
        let mut output = WriteBuffer::new(limits.output);
        match access {
            Access::Both => {}
            Access::ReadOnly => output.close(),
            Access::WriteOnly => input.end(),
        }
        let connection = Connection::new(stream, mode, input, output);
        let interest = match mode {
            // It costs nothing until there is room again.
            Mode::Edge => BOTH,
            Mode::Level | Mode::Oneshot => connection.wanted().unwrap_or(BOTH),
        };
        connection.0.watch.armed.set(Some(interest));
        connection.0.watch.registered.set(Some(interest));
        let tell = move |state: &mut State,
                         connection: &Connection<S>,
                         event,
                         handle: &mut Handle<'_, State>| {
            connection.serve(event, state, &mut callback, handle);
        };
        let key = match self.insert(connection.clone(), interest, mode, tell) {
            Ok(key) => key,
            Err(error) => {
                drop(connection); // or the one in the error would not be the last
                return Err(error.map(Connection::into_stream));
            }
        };
        connection.0.key.set(Some(key));
        connection.listen_for_leaving(self);
        Ok(connection)
    }
}
