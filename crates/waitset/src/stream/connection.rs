//! A stream with both buffers in an event loop, which reads and writes by itself.

use std::cell::{Cell, RefCell, RefMut};
use std::fmt;
use std::io::{self, IoSlice, Read};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use socket2::SockRef;
use waitset_core::{AsSource, Event, Interest, Mode, Reactor};

use super::arm::{Rest, arm};
use super::{Filled, Overflow, ReadBuffer, WriteBuffer};
use crate::{Handle, Key};

/// A stream in an [`EventLoop`](crate::EventLoop) that reads while its input has room and
/// writes while its output has bytes. [`Handle::open`] makes it.
///
/// Clones are the same connection; keep one wherever it is written to from. Its callback is
/// told what happened as a [`Notice`].
///
/// Back-pressure needs no code: input that is not consumed stops the reading once it is
/// [full](ReadBuffer::is_full), and consuming it goes on with it. A proxy
/// [forwards](Self::forward) what there is room for, when one side has received or the other
/// has drained.
///
/// While the input is full and the output empty nothing is asked of the stream, and a peer
/// that is gone is noticed when reading goes on.
pub struct Connection<S>(Rc<Shared<S>>);

struct Shared<S> {
    stream: S,
    key: Cell<Option<Key>>,
    mode: Mode,
    input: RefCell<ReadBuffer>,
    output: RefCell<WriteBuffer>,
    /// What the stream is asked for, as far as it will tell by itself.
    armed: Cell<Option<Interest>>,
    /// Its callback runs, after which it is armed anew.
    is_told: Cell<bool>,
}

/// What a [`Connection`]'s callback is told.
#[derive(Debug)]
pub enum Notice {
    /// There is more [input](Connection::input).
    Received,
    /// The peer will send no more. It may still read: [`finish`](Connection::finish) when
    /// all is said, or [`close`](Connection::close). Until then the connection stays.
    Ended,
    /// The stream had not taken all that was sent, and now has: there is room again.
    Drained,
    /// It is over, and out of the loop: after an error, or when the peer has ended and the
    /// output is finished. No other notice follows. What is left of the input can still be
    /// read.
    Closed(io::Result<()>),
}

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

impl<State, R: Reactor + 'static> Handle<'_, State, R> {
    /// Reads and writes `stream` by itself, with the default [`Limits`], and tells
    /// `callback` what happened.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert) and fcntl(2); the stream is closed.
    ///
    /// ```
    /// use std::os::unix::net::UnixStream;
    /// use waitset::stream::Notice;
    /// use waitset::{EventLoop, Mode};
    ///
    /// let (near, far) = UnixStream::pair()?;
    /// let mut event_loop: EventLoop<Vec<u8>> = EventLoop::new()?;
    /// let mut handle = event_loop.handle();
    /// let near = handle.open(near, Mode::Level, |_, _, _, _| ())?;
    /// handle.open(far, Mode::Level, |text: &mut Vec<u8>, connection, notice, handle| {
    ///     match notice {
    ///         Notice::Received => text.extend(connection.input().as_slice()),
    ///         Notice::Ended => connection.finish(handle),
    ///         Notice::Closed(_) => handle.stop(),
    ///         Notice::Drained => {}
    ///     }
    /// })?;
    /// near.send(b"hello", &mut event_loop.handle())?;
    /// near.finish(&mut event_loop.handle());
    /// let mut text = Vec::new();
    /// event_loop.run(&mut text)?;
    /// assert_eq!(text, b"hello");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn open<S, F>(&mut self, stream: S, mode: Mode, callback: F) -> io::Result<Connection<S>>
    where
        S: AsSource + 'static,
        for<'s> &'s S: Read,
        F: FnMut(&mut State, &Connection<S>, Notice, &mut Handle<'_, State, R>) + 'static,
    {
        self.open_with(stream, mode, Limits::default(), callback)
    }

    /// As [`open`](Self::open), with other limits.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with<S, F>(
        &mut self,
        stream: S,
        mode: Mode,
        limits: Limits,
        mut callback: F,
    ) -> io::Result<Connection<S>>
    where
        S: AsSource + 'static,
        for<'s> &'s S: Read,
        F: FnMut(&mut State, &Connection<S>, Notice, &mut Handle<'_, State, R>) + 'static,
    {
        SockRef::from(&stream).set_nonblocking(true)?;
        let interest = match mode {
            // It costs nothing until there is room again.
            Mode::Edge => Interest::READABLE | Interest::WRITABLE,
            Mode::Level | Mode::Oneshot => Interest::READABLE,
        };
        let connection = Connection(Rc::new(Shared {
            stream,
            key: Cell::new(None),
            mode,
            input: RefCell::new(ReadBuffer::new(limits.input)),
            output: RefCell::new(WriteBuffer::new(limits.output)),
            armed: Cell::new(Some(interest)),
            is_told: Cell::new(false),
        }));
        let tell = move |state: &mut State,
                         connection: &Connection<S>,
                         event,
                         handle: &mut Handle<'_, State, R>| {
            connection.serve(event, state, &mut callback, handle);
        };
        let key = self.insert(connection.clone(), interest, mode, tell)?;
        connection.0.key.set(Some(key));
        Ok(connection)
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

    /// What was read and is not consumed.
    ///
    /// If it is consumed outside of this connection's own callback, call
    /// [`resume`](Self::resume) afterwards.
    ///
    /// # Panics
    ///
    /// While another borrow of the same input is alive.
    #[must_use]
    pub fn input(&self) -> RefMut<'_, ReadBuffer> {
        self.0.input.borrow_mut()
    }

    /// How many bytes [`send`](Self::send) takes.
    #[must_use]
    pub fn room(&self) -> usize {
        self.0.output.borrow().room()
    }

    /// How many bytes have been sent and are not written yet.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.0.output.borrow().len()
    }

    /// Writes `bytes`, or as much as the stream takes, and the rest when it takes more.
    ///
    /// Where it fails its own callback is told, as [`Notice::Closed`].
    ///
    /// # Errors
    ///
    /// [`Overflow`] if there is no room for all of it; nothing is taken then.
    pub fn send<State, R: Reactor + 'static>(
        &self,
        bytes: &[u8],
        handle: &mut Handle<'_, State, R>,
    ) -> Result<(), Overflow> {
        self.send_vectored(&[IoSlice::new(bytes)], handle)
    }

    /// Writes several parts, a header and its body say, with one system call.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), all of the parts together.
    pub fn send_vectored<State, R: Reactor + 'static>(
        &self,
        parts: &[IoSlice<'_>],
        handle: &mut Handle<'_, State, R>,
    ) -> Result<(), Overflow> {
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
    /// `to` has drained. To an echo, both are the same connection.
    ///
    /// # Panics
    ///
    /// While a borrow of the [input](Self::input) is alive.
    pub fn forward<T: AsSource, State, R: Reactor + 'static>(
        &self,
        to: &Connection<T>,
        handle: &mut Handle<'_, State, R>,
    ) {
        let mut input = self.input();
        let count = input.len().min(to.room());
        if !to.is_gone(handle) {
            let mut output = to.0.output.borrow_mut();
            // There is room for it.
            let _ = output.send(&to.0.stream, &input.as_slice()[..count]);
        }
        input.consume(count);
        let is_all = input.has_ended() && input.is_empty();
        drop(input);
        match is_all {
            true => to.finish(handle),
            false => to.resume(handle),
        }
        self.resume(handle);
    }

    /// Closes the writing half once all that was sent is written. The peer reads on to the
    /// end, and may still send.
    pub fn finish<State, R: Reactor + 'static>(&self, handle: &mut Handle<'_, State, R>) {
        if !self.is_gone(handle) {
            self.0.output.borrow_mut().finish(&self.0.stream);
            self.resume(handle);
        }
    }

    /// Takes the connection out of the loop, and closes it without more ado: what is queued
    /// is dropped, and its callback is told nothing.
    ///
    /// The descriptor is closed with the last clone; the peer sees the end at once.
    pub fn close<State, R: Reactor + 'static>(&self, handle: &mut Handle<'_, State, R>) {
        // Within its own callback the loop has a clone, which goes when that returns.
        let is_last = self.0.is_told.get() && Rc::strong_count(&self.0) == 1;
        if handle.remove(self.key()) && !is_last {
            // It fails if the peer has closed it before.
            let _ = SockRef::from(&self.0.stream).shutdown(Shutdown::Both);
        }
    }

    /// Goes on reading after input was consumed outside of the connection's own callback,
    /// which does so by itself.
    pub fn resume<State, R: Reactor + 'static>(&self, handle: &mut Handle<'_, State, R>) {
        let Shared { mode, armed, .. } = &*self.0;
        if self.0.is_told.get() || self.is_gone(handle) {
            return;
        }
        let wanted = self.wanted();
        if wanted == armed.get() || wanted.is_none() && *mode != Mode::Level {
            return;
        }
        let key = self.key();
        match wanted {
            None => drop(handle.disable(key)),
            Some(interest) => {
                let rest = match armed.get() {
                    None if *mode == Mode::Level => Rest::Ended,
                    _ => Rest::Left,
                };
                arm(handle, key, interest, *mode, rest);
            }
        }
        armed.set(wanted);
    }

    /// What is to be asked of the stream that it would not tell by itself.
    fn wanted(&self) -> Option<Interest> {
        let both = Interest::READABLE | Interest::WRITABLE;
        let (input, output) = (self.0.input.borrow(), self.0.output.borrow());
        if input.has_ended() && output.is_finished() {
            // Both halves are closed, which is an event.
            return Some(both);
        }
        let reading = input.interest();
        match self.0.mode {
            Mode::Edge => {
                let is_cut_short = input.has_more() && reading.is_some();
                let has_failed = output.has_failed();
                (is_cut_short || has_failed).then_some(both)
            }
            Mode::Level | Mode::Oneshot => match (reading, output.interest()) {
                (Some(reading), Some(writing)) => Some(reading | writing),
                (reading, writing) => reading.or(writing),
            },
        }
    }

    fn is_gone<State, R: Reactor + 'static>(&self, handle: &Handle<'_, State, R>) -> bool {
        !handle.contains(self.key())
    }
}

/// What an event comes to.
impl<S: AsSource> Connection<S>
where
    for<'s> &'s S: Read,
{
    fn serve<State, R: Reactor + 'static>(
        &self,
        event: Event,
        state: &mut State,
        callback: &mut impl FnMut(&mut State, &Self, Notice, &mut Handle<'_, State, R>),
        handle: &mut Handle<'_, State, R>,
    ) {
        if self.0.mode != Mode::Level {
            self.0.armed.set(None); // it has been used up
        }
        self.0.is_told.set(true);
        let mut told = Told {
            connection: self,
            handle,
        };
        let mut tell = |notice, handle: &mut Handle<'_, State, R>| {
            callback(state, self, notice, handle);
            !self.is_gone(handle)
        };
        let ended = told.exchange(event, &mut tell);
        if let Some(answer) = ended {
            told.handle.remove(self.key());
            tell(Notice::Closed(answer), told.handle);
        }
    }
}

/// A connection whose callback runs. It is armed again when that returns, and when it
/// panics.
struct Told<'a, 'h, S: AsSource, State, R: Reactor + 'static> {
    connection: &'a Connection<S>,
    handle: &'a mut Handle<'h, State, R>,
}

impl<'h, S: AsSource, State, R: Reactor + 'static> Told<'_, 'h, S, State, R>
where
    for<'s> &'s S: Read,
{
    /// Reads and writes; how the connection has ended, if it has. `tell` says whether it is
    /// still there.
    fn exchange(
        &mut self,
        event: Event,
        tell: &mut impl FnMut(Notice, &mut Handle<'h, State, R>) -> bool,
    ) -> Option<io::Result<()>> {
        let Shared {
            stream,
            mode,
            input,
            output,
            ..
        } = &*self.connection.0;
        if event.is_readable() {
            let (had, has_ended) = (input.borrow().len(), input.borrow().has_ended());
            let mut filled = input.borrow_mut().fill(stream, *mode);
            if matches!(filled, Ok(Filled::Ended)) && output.borrow().has_met_reset() {
                // The socket tells an error once. A send was told, and what is read as an
                // end after it is none.
                input.borrow_mut().unread_end();
                filled = output.borrow_mut().flush(stream).map(|_| Filled::Drained);
            }
            let has = input.borrow().len();
            if has > had && !tell(Notice::Received, self.handle) {
                return None;
            }
            match filled {
                Ok(Filled::Ended) if !has_ended => {
                    if !tell(Notice::Ended, self.handle) {
                        return None;
                    }
                }
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
        }
        if event.is_writable() && output.borrow().interest().is_some() {
            let flushed = output.borrow_mut().flush(stream);
            match flushed {
                Ok(false) => {}
                Ok(true) => {
                    if !tell(Notice::Drained, self.handle) {
                        return None;
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
        let is_over = input.borrow().has_ended() && output.borrow().is_finished();
        is_over.then_some(Ok(()))
    }
}

impl<S: AsSource, State, R: Reactor + 'static> Drop for Told<'_, '_, S, State, R> {
    fn drop(&mut self) {
        self.connection.0.is_told.set(false);
        self.connection.resume(self.handle);
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
