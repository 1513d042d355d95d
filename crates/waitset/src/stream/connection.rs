//! A stream with both buffers in an event loop, which reads and writes by itself.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::ops::DerefMut;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use socket2::SockRef;
use waitset_core::{AsSource, Interest, Mode};

use super::arm::{PAUSE, Rest, arm};
use super::hearing::Hearing;
use super::input::Input;
use super::sys::{Access, Descriptor};
use super::{OutputError, ReadBuffer, WriteBuffer};
use crate::{Handle, InsertError, Key, LocalHandle};

/// A stream in an [`EventLoop`](crate::EventLoop) that reads while its input has room and
/// writes while its output has bytes. [`Handle::insert_stream`] makes it.
///
/// Clones are the same connection; keep one wherever it is written to from. Its callback is
/// told what happened as a [`Notice`].
///
/// Backpressure needs no code: input that is not consumed stops the reading once it is
/// [full](ReadBuffer::is_full), and consuming some of it resumes the reading. A proxy
/// [forwards](Self::forward) what there is room for, when one side has received or the other
/// has drained.
///
/// The stream is usually a socket. A pipe, a FIFO or a terminal works as well, opened for
/// reading, for writing or for both; pass a child's standard streams as a
/// [`File`](std::fs::File) or as they are. Opening makes the descriptor non-blocking, and so
/// for all who share its open file description: a terminal's shell, for example.
///
/// # A peer that leaves
///
/// A connection that has nothing to read and nothing to write - after [`Notice::EndOfFile`], or
/// because its input is full - still notices that its peer has gone: a reset, or a hang-up of
/// a Unix socket, closes it. If the peer goes while the input is full, all that it had sent
/// before is read first, whatever the [limit](Limits::input); the kernel bounds how much that
/// can be (`tcp_rmem` in tcp(7)).
///
/// # Platform notes
///
/// read(2), sendmsg(2) with `MSG_NOSIGNAL`, and writev(2) for what is no socket; fcntl(2) when
/// it is opened, and shutdown(2) at the end. An event that comes while there is nothing to
/// read or write costs one poll(2).
///
/// In level-triggered and one-shot mode, such a connection calls poll(2) with a zero timeout
/// every 500 ms while its input is full, because a half-close is reported to readers only. On
/// select, which reports hang-ups to readers only, it does so whenever it has nothing to read
/// or write.
pub struct Connection<S>(pub(super) Rc<Shared<S>>);

pub(super) struct Shared<S> {
    pub(super) stream: S,
    key: Cell<Option<Key>>,
    pub(super) mode: Mode,
    pub(super) input: RefCell<ReadBuffer>,
    pub(super) output: RefCell<WriteBuffer>,
    /// What the stream is asked for, as far as it will tell by itself.
    pub(super) armed: Cell<Option<Interest>>,
    /// Its callback runs, after which it is armed again.
    pub(super) is_told: Cell<bool>,
    /// The mechanism has refused a change, and a timer asks again.
    asks_later: Cell<bool>,
    pub(super) hearing: Hearing,
}

/// What a [`Connection`]'s callback is told.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice {
    /// There is more [input](Connection::input).
    Received,
    /// The input is full after `Received`, and nothing more is read until some of it is
    /// consumed. If it does not hold a whole message, it never will:
    /// [`close`](Connection::close) the connection, or its peer can keep it open forever. This
    /// comes once each time that the input fills up.
    InputFull,
    /// The peer has closed its writing half while the input is full. Part of what it sent may
    /// still have to be read; consuming input leads to `Ended`. This comes at most once.
    HalfClosed,
    /// The peer will send no more, and all that it has sent is in the input. It may still
    /// read: [`shutdown`](Connection::shutdown) when all is sent, or
    /// [`close`](Connection::close). Until then the connection stays, unless the peer goes.
    EndOfFile,
    /// The stream had not taken all that was sent, and now has: there is room again.
    Flushed,
    /// It is over, and out of the loop: after an error, or when the peer has ended and the
    /// output is finished, or when the peer has gone altogether. No other notice follows. What
    /// is left of the input can still be read.
    Closed(io::Result<()>),
}

pub(super) const BOTH: Interest =
    Interest::from_bits(Interest::READABLE.bits() | Interest::WRITABLE.bits()).unwrap();

/// How much a [`Connection`] keeps, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of what was read and is not consumed. 64 KiB by default.
    pub input: usize,
    /// Of what was sent and is not written. 256 KiB by default.
    pub output: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            input: 64 * 1024,
            output: 256 * 1024,
        }
    }
}

impl<State> LocalHandle<State> {
    /// Reads and writes `stream` by itself, with the default [`Limits`], and tells
    /// `callback` what happened.
    ///
    /// If the descriptor is open for reading only, its output is finished from the start:
    /// [`send`](Connection::send) returns an error, and the connection closes at the end of
    /// the input. If it is open for writing only, its input has ended from the start, without
    /// a notice.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert) and fcntl(2); the stream comes back in the error.
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
    ///         Notice::Received => text.extend(connection.input(handle).as_slice()),
    ///         Notice::EndOfFile => connection.shutdown(handle),
    ///         Notice::Closed(_) => handle.stop(),
    ///         Notice::InputFull | Notice::HalfClosed | Notice::Flushed | _ => {}
    ///     }
    /// })?;
    /// near.send(b"hello", &mut event_loop.handle())?;
    /// near.shutdown(&mut event_loop.handle());
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

    /// As [`insert_stream`](Self::insert_stream), with other limits.
    ///
    /// # Errors
    ///
    /// As [`insert_stream`](Self::insert_stream).
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
        let connection = Connection(Rc::new(Shared {
            stream,
            key: Cell::new(None),
            mode,
            input: RefCell::new(input),
            output: RefCell::new(output),
            armed: Cell::new(None),
            is_told: Cell::new(false),
            asks_later: Cell::new(false),
            hearing: Hearing::default(),
        }));
        let interest = match mode {
            // It costs nothing until there is room again.
            Mode::Edge => BOTH,
            Mode::Level | Mode::Oneshot => connection.wanted().unwrap_or(BOTH),
        };
        connection.0.armed.set(Some(interest));
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

impl<S> Connection<S> {
    /// The stream of the last clone.
    fn into_stream(self) -> S {
        let shared = Rc::into_inner(self.0);
        shared
            .expect("a connection that was not inserted has no other clone")
            .stream
    }
}

impl<S: AsSource> Connection<S> {
    /// Its key in the loop.
    ///
    /// # Panics
    ///
    /// Never: it has one from the start.
    #[must_use]
    pub fn key(&self) -> Key {
        self.0.key.get().expect("a connection has been inserted")
    }

    /// The stream: its addresses and options. What is read or written past the buffers is
    /// missing there.
    #[must_use]
    pub fn stream(&self) -> &S {
        &self.0.stream
    }

    /// How many bytes [`send`](Self::send) takes.
    #[must_use]
    pub fn send_capacity(&self) -> usize {
        self.0.output.borrow().send_capacity()
    }

    /// How many bytes have been sent and are not written yet.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.0.output.borrow().len()
    }

    pub(super) fn is_gone<State>(&self, handle: &LocalHandle<State>) -> bool {
        !handle.contains(self.key())
    }
}

/// What it is to be asked for.
impl<S> Connection<S> {
    /// What is to be asked of the stream that it would not tell by itself.
    #[inline]
    fn wanted(&self) -> Option<Interest> {
        let (input, output) = (self.0.input.borrow(), self.0.output.borrow());
        if input.is_eof() && output.is_shut_down() {
            // Both halves are closed, which is an event.
            return Some(BOTH);
        }
        let (reading, writing) = (input.interest(), output.interest());
        if reading.is_none() && writing.is_none() {
            return self.lifeline();
        }
        match self.0.mode {
            Mode::Edge => {
                let is_cut_short = input.has_more() && reading.is_some();
                let has_failed = output.has_failed();
                (is_cut_short || has_failed).then_some(BOTH)
            }
            Mode::Level | Mode::Oneshot => match (reading, writing) {
                (Some(reading), Some(writing)) => Some(reading | writing),
                (reading, writing) => reading.or(writing),
            },
        }
    }
}

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
    ///             return connection.close(handle); // it does not read
    ///         }
    ///     }
    ///     match notice {
    ///         Notice::InputFull => connection.close(handle), // a line without an end
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
    /// ```compile_fail,E0499
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
    /// If the input is [full](Notice::InputFull) without one, it will never have one.
    pub fn take_line<State>(&self, handle: &mut Handle<'_, State>) -> Option<Vec<u8>> {
        self.input(handle).take_line().map(Into::into)
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
    /// Where it fails its own callback is told, as [`Notice::Closed`].
    ///
    /// # Errors
    ///
    /// [`OutputError`] if there is no room for all of it; nothing is taken then.
    pub fn send<State>(
        &self,
        bytes: &[u8],
        handle: &mut Handle<'_, State>,
    ) -> Result<(), OutputError> {
        self.send_vectored(&[IoSlice::new(bytes)], handle)
    }

    /// Writes several parts, a header and its body say, with one system call.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), all of the parts together.
    pub fn send_vectored<State>(
        &self,
        parts: &[IoSlice<'_>],
        handle: &mut Handle<'_, State>,
    ) -> Result<(), OutputError> {
        if self.is_gone(handle) {
            return Ok(());
        }
        let answer = self
            .0
            .output
            .borrow_mut()
            .send_vectored(&self.0.stream, parts);
        self.resume(handle);
        answer
    }

    /// Sends `to` as much of the input as it has room for, consumes that, and finishes `to`
    /// when the input has ended and all of it is sent.
    ///
    /// This is a proxy: call it when this connection has received or has ended, and when
    /// `to` has drained. To an echo, both are the same connection. If `to` has been closed,
    /// the input stays as it is.
    pub fn forward<T: AsSource + 'static, State>(
        &self,
        to: &Connection<T>,
        handle: &mut Handle<'_, State>,
    ) {
        if to.is_gone(handle) {
            return;
        }
        let mut input = self.0.input.borrow_mut();
        let mut output = to.0.output.borrow_mut();
        // Again if the stream took all: then nothing is queued, and no `Flushed` follows.
        while !input.is_empty() {
            let count = input.len().min(output.send_capacity());
            if count == 0 {
                break;
            }
            // There is room for it.
            let _ = output.send(&to.0.stream, &input.as_slice()[..count]);
            input.consume(count);
        }
        let is_all = input.is_eof() && input.is_empty();
        drop((input, output));
        match is_all {
            true => to.shutdown(handle),
            false => to.resume(handle),
        }
        self.resume(handle);
    }

    /// Closes the writing half once all that was sent is written. The peer reads to the end,
    /// and may still send. What is no socket has no halves: the reader of a pipe sees the end
    /// when the last clone is dropped.
    pub fn shutdown<State>(&self, handle: &mut Handle<'_, State>) {
        if !self.is_gone(handle) {
            self.0.output.borrow_mut().shutdown(&self.0.stream);
            self.resume(handle);
        }
    }

    /// Takes the connection out of the loop, and closes it immediately: what is queued is
    /// dropped, and its callback does not run again.
    ///
    /// The descriptor is closed with the last clone; the peer of a socket sees the end before
    /// that.
    pub fn close<State>(&self, handle: &mut Handle<'_, State>) {
        // Within its own callback the loop has a clone, which goes when that returns.
        let is_last = self.0.is_told.get() && Rc::strong_count(&self.0) == 1;
        if handle.remove(self.key()) && !is_last {
            // It fails if the peer has closed it before.
            let _ = SockRef::from(&self.0.stream).shutdown(Shutdown::Both);
        }
    }

    /// Asks for what the buffers have become ready for, unless its callback runs, after which
    /// that is done anyway.
    #[inline]
    pub(super) fn resume<State>(&self, handle: &LocalHandle<State>) {
        let Shared { mode, armed, .. } = &*self.0;
        if self.0.is_told.get() || self.is_gone(handle) {
            return;
        }
        let wanted = self.wanted();
        if wanted == armed.get() || wanted.is_none() && *mode != Mode::Level {
            return;
        }
        self.ask(wanted, handle);
        if wanted.is_none_or(|wanted| wanted == Interest::PRIORITY) {
            self.listen_for_leaving(handle);
        }
    }

    /// Asks for this, or if that fails, a little later for what is wanted then.
    #[inline(never)]
    pub(super) fn ask<State>(&self, wanted: Option<Interest>, handle: &LocalHandle<State>) {
        let Shared { mode, armed, .. } = &*self.0;
        let key = self.key();
        let asked = match wanted {
            None => {
                handle.disable(key);
                Ok(())
            }
            Some(interest) => {
                let rest = match armed.get() {
                    None if *mode == Mode::Level => Rest::Ended,
                    _ => Rest::Left,
                };
                arm(handle, key, interest, *mode, rest)
            }
        };
        match asked {
            Ok(()) => armed.set(wanted),
            Err(_) => self.ask_later(handle),
        }
    }

    #[cold]
    fn ask_later<State>(&self, handle: &LocalHandle<State>) {
        if self.0.asks_later.replace(true) {
            return;
        }
        let own = Rc::downgrade(&self.0);
        handle.arm_after(PAUSE, move |_, _, handle| {
            if let Some(shared) = own.upgrade() {
                shared.asks_later.set(false);
                Self(shared).resume(handle);
            }
        });
    }
}

impl<S> Clone for Connection<S> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<S: AsFd> AsFd for Connection<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.stream.as_fd()
    }
}

impl<S> fmt::Debug for Connection<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("key", &self.0.key.get())
            .field("mode", &self.0.mode)
            .field("armed", &self.0.armed.get())
            .finish_non_exhaustive()
    }
}
