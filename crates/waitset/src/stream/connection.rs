//! A stream with both buffers in an event loop, which reads and writes by itself.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use waitset_core::{Interest, Mode};

use super::hearing::Hearing;
use super::{ReadBuffer, WriteBuffer};
use crate::{Key, LocalHandle};

/// A stream in an [`EventLoop`](crate::EventLoop) that reads while its input has room, and
/// writes while its output has bytes.
///
/// A connection is for sockets, pipes and terminals that carry a byte stream: you say what to
/// do with the input and what to send, and the connection makes the system calls.
/// [`Handle::insert_stream`](crate::LocalHandle::insert_stream) makes it. Its callback receives a
/// [`Notice`](super::Notice) of each thing that happens.
///
/// | to | call |
/// |---|---|
/// | read a line, or a frame with a length | [`take_line`](Self::take_line), [`take_frame`](Self::take_frame) |
/// | read bytes | [`take`](Self::take), or [`input`](Self::input) without a copy |
/// | send | [`send`](Self::send), [`send_vectored`](Self::send_vectored) |
/// | know what fits, or what the peer has not taken | [`send_capacity`](Self::send_capacity), [`unsent`](Self::unsent) |
/// | echo, or pass everything on to another connection | [`forward`](Self::forward) |
/// | read no more for a while | [`pause_reading`](Self::pause_reading), [`resume_reading`](Self::resume_reading) |
/// | say that nothing more will be sent | [`shutdown`](Self::shutdown) |
/// | drop the connection now | [`close`](Self::close) |
/// | know it in a map | [`key`](Self::key) |
/// | set a socket option | [`stream`](Self::stream) |
///
/// Clones are the same connection; keep one wherever you write to it from. What only writes
/// takes a [`LocalHandle`], so that tasks and other code outside of callbacks can send, too.
///
/// # Backpressure
///
/// Backpressure needs no code. Input that is not consumed stops the reading once it is
/// [full](super::Notice::InputFull), which in the end stops the peer; consuming some of it
/// continues the reading. A proxy [forwards](Self::forward) what fits when one side has received
/// or the other has been [flushed](super::Notice::Flushed). To stop the reading before the input
/// is full, [pause](Self::pause_reading) it.
///
/// # Pipes, terminals and files
///
/// A pipe, a FIFO or a terminal works like a socket, opened for reading, for writing or for
/// both. Pass a child's standard streams as they are or as a [`File`](std::fs::File). Inserting
/// makes the descriptor non-blocking, for all who share its open file description: the shell of
/// a terminal, for example.
///
/// A regular file works on every mechanism, too, so that a program's standard input may be
/// redirected from one. It is always ready: reading it waits for the disk in this thread.
///
/// # A peer that leaves
///
/// A connection that has nothing to read and nothing to write - after
/// [`EndOfFile`](super::Notice::EndOfFile), or because its input is full - still notices that its
/// peer has left: a reset, or a hang-up of a Unix socket, closes it. If the peer leaves while the
/// input is full, all that it had sent before is read first, whatever the
/// [limit](super::Limits::input); the kernel bounds how much that can be (`tcp_rmem` in tcp(7)).
/// While reading is paused, only sending notices it.
///
/// # When to take the next layer
///
/// For a protocol that does not fit into "read, then answer" - a dialogue of several steps, a
/// deadline for each - write an `async fn` over waitset-async. For TLS, datagrams, or a socket
/// that you read into your own memory, register the source with
/// [`Handle::insert`](crate::LocalHandle::insert), and use [`ReadBuffer`] and [`WriteBuffer`] where
/// they help.
///
/// # Platform notes
///
/// read(2); send(2) and sendmsg(2) with `MSG_NOSIGNAL`, and writev(2) for what is no socket;
/// fcntl(2) when it is inserted, and shutdown(2) at the end. An event that comes while there is
/// nothing to read or write costs one poll(2).
///
/// In level-triggered and one-shot mode, such a connection calls poll(2) with a zero timeout
/// every 500 ms while its input is full, because a half-close is reported to readers only. On
/// select, which reports hang-ups to readers only, it does so whenever it has nothing to read
/// or write.
pub struct Connection<S>(pub(super) Rc<Shared<S>>);

pub(super) struct Shared<S> {
    pub(super) stream: S,
    pub(super) key: Cell<Option<Key>>,
    pub(super) mode: Mode,
    pub(super) input: RefCell<ReadBuffer>,
    pub(super) output: RefCell<WriteBuffer>,
    pub(super) watch: Watch,
    pub(super) hearing: Hearing,
    /// Its callback runs, after which it is armed again.
    pub(super) is_told: Cell<bool>,
    /// It was closed, even if the mechanism has not let go of it.
    pub(super) is_closed: Cell<bool>,
    /// Nothing is to be read.
    pub(super) is_paused: Cell<bool>,
}

/// What the loop watches a connection for.
pub(super) struct Watch {
    /// The interest that will be reported; none when a report has used it up.
    pub(super) armed: Cell<Option<Interest>>,
    /// The interest that is registered; none while the source is disabled.
    pub(super) registered: Cell<Option<Interest>>,
    /// The mechanism has refused a change, and a timer asks again.
    pub(super) asks_later: Cell<bool>,
}

pub(super) const BOTH: Interest =
    Interest::from_bits(Interest::READABLE.bits() | Interest::WRITABLE.bits()).unwrap();

impl<S> Connection<S> {
    /// A connection that is not in a loop yet.
    pub(super) fn new(stream: S, mode: Mode, input: ReadBuffer, output: WriteBuffer) -> Self {
        let watch = Watch {
            armed: Cell::new(None),
            registered: Cell::new(None),
            asks_later: Cell::new(false),
        };
        Self(Rc::new(Shared {
            stream,
            key: Cell::new(None),
            mode,
            input: RefCell::new(input),
            output: RefCell::new(output),
            watch,
            hearing: Hearing::default(),
            is_told: Cell::new(false),
            is_closed: Cell::new(false),
            is_paused: Cell::new(false),
        }))
    }

    /// The stream of the last clone.
    pub(super) fn into_stream(self) -> S {
        let shared = Rc::into_inner(self.0);
        let shared = shared.expect("a connection that was not inserted has no other clone");
        shared.stream
    }

    /// Returns its key in the loop.
    ///
    /// # Panics
    ///
    /// Never: it has one from the start.
    #[must_use]
    pub fn key(&self) -> Key {
        self.0.key.get().expect("a connection has been inserted")
    }

    /// Returns the stream, for its addresses and options.
    ///
    /// Bytes that you read or write past the buffers are missing there.
    #[must_use]
    pub fn stream(&self) -> &S {
        &self.0.stream
    }

    /// Returns how many bytes [`send`](Self::send) takes at the moment; 0 when the output is
    /// closed.
    #[must_use]
    pub fn send_capacity(&self) -> usize {
        self.0.output.borrow().send_capacity()
    }

    /// Returns how many bytes have been sent and are not written yet.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.0.output.borrow().len()
    }

    /// Returns `true` while [reading is paused](Self::pause_reading).
    #[must_use]
    pub fn is_reading_paused(&self) -> bool {
        self.0.is_paused.get()
    }

    /// Whether it has been closed, or removed from its loop.
    #[inline]
    pub(super) fn is_gone<State>(&self, handle: &LocalHandle<State>) -> bool {
        let Shared {
            is_closed, is_told, ..
        } = &*self.0;
        // Without a change since its callback began, it is where it was then.
        let is_unchanged = is_told.get() && !handle.has_changes();
        is_closed.get() || !is_unchanged && !handle.contains(self.key())
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
            .field("armed", &self.0.watch.armed.get())
            .field("is_closed", &self.0.is_closed.get())
            .field("is_paused", &self.0.is_paused.get())
            .finish_non_exhaustive()
    }
}
