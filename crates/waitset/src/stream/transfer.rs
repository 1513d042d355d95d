//! What the user of a connection reads and sends.

use std::io::IoSlice;
use std::net::Shutdown;
use std::ops::DerefMut;
use std::rc::Rc;

use socket2::SockRef;
use waitset_core::AsSource;

use super::arm::let_go;
use super::input::Input;
use super::{Connection, ForwardError, OutputError, ReadBuffer};
use crate::{Handle, LocalHandle};

impl<S: AsSource + 'static> Connection<S> {
    /// Returns what was read and is not consumed.
    ///
    /// It borrows the handle, so that nothing else happens to the connection meanwhile, and
    /// resumes the reading when it is dropped. In a loop that sends what it takes, use
    /// [`take_line`](Self::take_line) or [`take`](Self::take), which return bytes of your own:
    ///
    /// ```
    /// # use std::os::unix::net::UnixStream;
    /// # use waitset::{Handle, stream::{Connection, Notice}};
    /// fn shout(
    ///     _: &mut (),
    ///     connection: &Connection<UnixStream>,
    ///     notice: Notice,
    ///     handle: &mut Handle<'_, ()>,
    /// ) {
    ///     while let Some(mut line) = connection.take_line(handle) {
    ///         line.make_ascii_uppercase();
    ///         if connection.send(&line, handle).is_err() {
    ///             connection.close(handle); // it does not read
    ///             return;
    ///         }
    ///     }
    ///     match notice {
    ///         Notice::InputFull => drop(connection.close(handle)), // a line without an end
    ///         Notice::EndOfFile => connection.shutdown(handle),
    ///         _ => {}
    ///     }
    /// }
    /// # let (near, mut far) = UnixStream::pair()?;
    /// # let mut event_loop = waitset::EventLoop::new()?;
    /// # event_loop.handle().insert_stream(near, waitset::Mode::Level, shout)?;
    /// # use std::io::{Read, Write};
    /// # far.write_all(b"hear\nhear\n")?;
    /// # far.shutdown(std::net::Shutdown::Write)?;
    /// # while !event_loop.handle().is_empty() {
    /// #     event_loop.turn(&mut (), None)?;
    /// # }
    /// # let mut text = String::new();
    /// # far.read_to_string(&mut text)?;
    /// # assert_eq!(text, "HEAR\nHEAR\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// To send a line while the input is borrowed does not compile, and neither does a second
    /// borrow:
    ///
    /// ```compile_fail,E0502
    /// # use std::os::unix::net::UnixStream;
    /// # use waitset::{Handle, stream::Connection};
    /// # fn f(connection: &Connection<UnixStream>, handle: &mut Handle<'_, ()>) {
    /// while let Some(line) = connection.input(handle).take_line() {
    ///     let _ = connection.send(line, handle);
    /// }
    /// # }
    /// ```
    ///
    /// ```compile_fail,E0499
    /// # use std::os::unix::net::UnixStream;
    /// # use waitset::{Handle, stream::Connection};
    /// # fn f(connection: &Connection<UnixStream>, handle: &mut Handle<'_, ()>) {
    /// while let Some(line) = connection.input(handle).take_line() {
    ///     println!("{} bytes, {} left", line.len(), connection.input(handle).len());
    /// }
    /// # }
    /// ```
    ///
    /// ```compile_fail,E0499
    /// # use std::os::unix::net::UnixStream;
    /// # use waitset::{Handle, stream::Connection};
    /// # fn f(connection: &Connection<UnixStream>, handle: &mut Handle<'_, ()>) {
    /// let input = connection.input(handle);
    /// connection.forward(connection, handle);
    /// println!("{}", input.len());
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If the input is borrowed already, with the handle of another event loop.
    pub fn input<'a, State>(
        &'a self,
        handle: &'a mut Handle<'_, State>,
    ) -> impl DerefMut<Target = ReadBuffer> {
        Input::new(self, handle)
    }

    /// Consumes and returns the first line of the input with its line feed, if there is a
    /// whole one.
    ///
    /// If the input is [full](super::Notice::InputFull) without one, it will never have one.
    pub fn take_line<State>(&self, handle: &mut Handle<'_, State>) -> Option<Vec<u8>> {
        self.input(handle).take_line().map(Into::into)
    }

    /// Consumes and returns the first frame of the input, if there is a whole one.
    ///
    /// `frame_len` receives the input and returns the length of its first frame, the header
    /// included, or `None` if it cannot tell yet. See [`ReadBuffer::take_frame`].
    ///
    /// If the input is [full](super::Notice::InputFull) without a whole frame, it will never have
    /// one: check the length against the [limit](super::Limits::input), too.
    ///
    /// ```
    /// use std::os::unix::net::UnixStream;
    /// use waitset::Handle;
    /// use waitset::stream::{Connection, Notice};
    ///
    /// /// The length of a frame that begins with the number of its other bytes, in two bytes.
    /// fn frame_len(input: &[u8]) -> Option<usize> {
    ///     let (number, _) = input.split_first_chunk()?;
    ///     Some(2 + usize::from(u16::from_be_bytes(*number)))
    /// }
    ///
    /// fn echo_frames(
    ///     _: &mut (),
    ///     connection: &Connection<UnixStream>,
    ///     notice: Notice,
    ///     handle: &mut Handle<'_, ()>,
    /// ) {
    ///     while let Some(frame) = connection.take_frame(frame_len, handle) {
    ///         if connection.send(&frame, handle).is_err() {
    ///             connection.close(handle); // it does not read
    ///             return;
    ///         }
    ///     }
    ///     match notice {
    ///         Notice::EndOfFile => connection.shutdown(handle),
    ///         Notice::InputFull => drop(connection.close(handle)), // too long a frame
    ///         _ => {}
    ///     }
    /// }
    /// # let (near, mut far) = UnixStream::pair()?;
    /// # let mut event_loop = waitset::EventLoop::new()?;
    /// # event_loop.handle().insert_stream(near, waitset::Mode::Level, echo_frames)?;
    /// # use std::io::{Read, Write};
    /// # far.write_all(b"\0\x02hi\0\0\0\x05short")?;
    /// # far.shutdown(std::net::Shutdown::Write)?;
    /// # while !event_loop.handle().is_empty() {
    /// #     event_loop.turn(&mut (), None)?;
    /// # }
    /// # let mut bytes = Vec::new();
    /// # far.read_to_end(&mut bytes)?;
    /// # assert_eq!(bytes, b"\0\x02hi\0\0\0\x05short");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take_frame<State>(
        &self,
        frame_len: impl FnOnce(&[u8]) -> Option<usize>,
        handle: &mut Handle<'_, State>,
    ) -> Option<Vec<u8>> {
        self.input(handle).take_frame(frame_len).map(Into::into)
    }

    /// Consumes and returns the first `count` bytes of the input, or all if there are fewer.
    pub fn take<State>(&self, count: usize, handle: &mut Handle<'_, State>) -> Vec<u8> {
        let mut input = self.input(handle);
        let count = count.min(input.len());
        let bytes = input.as_slice()[..count].into();
        input.consume(count);
        bytes
    }

    /// Writes `bytes`, or as much as the stream takes, and the rest when it takes more.
    ///
    /// If the stream fails, the callback of this connection is told, as
    /// [`Notice::Closed`](super::Notice::Closed); so is everybody who sends from then on, by the
    /// error here.
    ///
    /// # Errors
    ///
    /// [`OutputError::Full`] if the bytes do not fit, and [`OutputError::Closed`] if the
    /// connection is closed, this half of it is shut down, or the peer is gone. Nothing is taken
    /// then.
    ///
    /// ```
    /// use std::os::unix::net::UnixStream;
    /// use waitset::stream::OutputError;
    /// use waitset::{EventLoop, Mode};
    ///
    /// let (near, _far) = UnixStream::pair()?;
    /// let mut event_loop = EventLoop::<()>::new()?;
    /// let handle = event_loop.handle();
    /// let near = handle.insert_stream(near, Mode::Level, |_, _, _, _| ())?;
    /// near.send(b"hello", &handle)?;
    /// near.shutdown(&handle);
    /// assert_eq!(near.send(b"again", &handle), Err(OutputError::Closed));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send<State>(
        &self,
        bytes: &[u8],
        handle: &LocalHandle<State>,
    ) -> Result<(), OutputError> {
        if self.is_gone(handle) {
            return Err(OutputError::Closed);
        }
        let answer = self.0.output.borrow_mut().send(&self.0.stream, bytes);
        self.resume(handle);
        answer
    }

    /// Writes several parts, such as a header and its body, with one system call.
    ///
    /// # Errors
    ///
    /// Like [`send`](Self::send), for all of the parts together.
    pub fn send_vectored<State>(
        &self,
        parts: &[IoSlice<'_>],
        handle: &LocalHandle<State>,
    ) -> Result<(), OutputError> {
        if self.is_gone(handle) {
            return Err(OutputError::Closed);
        }
        let mut output = self.0.output.borrow_mut();
        let answer = output.send_vectored(&self.0.stream, parts);
        drop(output);
        self.resume(handle);
        answer
    }

    /// Sends `to` as much of the input as fits, consumes that, and shuts down `to` when the
    /// input has ended and all of it is sent. Returns how many bytes it has sent.
    ///
    /// This is a proxy: call it when this connection has received or reached the end of file,
    /// and when `to` was flushed. To an echo, both are the same connection. The rest of the input
    /// of a connection that is closed can still be forwarded.
    ///
    /// # Errors
    ///
    /// [`ForwardError::DestinationClosed`] if `to` takes no more and there is input left, or more
    /// could come: the input stays, so [`close`](Self::close) this connection.
    /// [`ForwardError::SourceClosed`] if this connection was closed before its input had ended,
    /// and all there was has been sent: close `to`, which waits for the rest in vain.
    pub fn forward<T: AsSource + 'static, State>(
        &self,
        to: &Connection<T>,
        handle: &mut Handle<'_, State>,
    ) -> Result<usize, ForwardError> {
        let mut input = self.0.input.borrow_mut();
        if to.is_gone(handle) {
            return match input.is_empty() && input.is_eof() {
                true => Ok(0), // it has had everything
                false => Err(ForwardError::DestinationClosed),
            };
        }
        let mut output = to.0.output.borrow_mut();
        let mut sent = 0;
        // Again if the stream took all: then nothing is queued, and no `Flushed` follows.
        while !input.is_empty() {
            let count = input.len().min(output.send_capacity());
            if count == 0
                || output
                    .send(&to.0.stream, &input.as_slice()[..count])
                    .is_err()
            {
                break;
            }
            input.consume(count);
            sent += count;
        }
        let (is_empty, is_eof, is_open) = (input.is_empty(), input.is_eof(), output.is_open());
        drop((input, output));
        match is_empty && is_eof {
            true => to.shutdown(handle),
            false => to.resume(handle),
        }
        self.resume(handle);
        match (is_empty, is_eof) {
            (true, true) => Ok(sent),
            _ if !is_open => Err(ForwardError::DestinationClosed),
            (true, false) if self.is_gone(handle) => Err(ForwardError::SourceClosed),
            _ => Ok(sent),
        }
    }

    /// Closes the writing half once all that was sent is written. From now on nothing more can
    /// be sent.
    ///
    /// The peer reads to the end of file, and may still send. What is no socket has no halves:
    /// the reader of a pipe sees the end when the last clone is dropped.
    pub fn shutdown<State>(&self, handle: &LocalHandle<State>) {
        if !self.is_gone(handle) {
            self.0.output.borrow_mut().shutdown(&self.0.stream);
            self.resume(handle);
        }
    }

    /// Takes the connection out of the loop and closes it immediately: what is unsent is
    /// dropped, and its callback does not run again. Returns `false` if it was closed before.
    ///
    /// The descriptor is closed with the last clone; the peer of a socket sees the end before
    /// that.
    pub fn close<State>(&self, handle: &LocalHandle<State>) -> bool {
        if self.is_gone(handle) {
            return false;
        }
        // Within its own callback the loop has a clone, which goes when that returns.
        let is_last = self.0.is_told.get() && Rc::strong_count(&self.0) == 1;
        self.leave(handle);
        if !is_last {
            // It fails if the peer has closed it before.
            let _ = SockRef::from(&self.0.stream).shutdown(Shutdown::Both);
        }
        true
    }

    /// Leaves the loop for good, as soon as the mechanism lets go of the stream.
    pub(super) fn leave<State>(&self, handle: &LocalHandle<State>) {
        self.0.is_closed.set(true);
        self.0.output.borrow_mut().abort();
        let_go(handle, self.key());
    }
}
