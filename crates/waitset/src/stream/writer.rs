use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSlice};
use std::net::Shutdown;

use socket2::SockRef;
use waitset_core::{AsSource, BorrowedSource, Interest};

use super::OutputError;
use super::sys::Descriptor;

/// The output of a stream: writes what a socket, a pipe or a terminal takes, and keeps the rest
/// until it is writable.
///
/// It is for programs that own their sockets and their loop, over a bare
/// [`Reactor`](crate::Reactor) or a [`WaitSet`](crate::WaitSet). In an
/// [`EventLoop`](crate::EventLoop), a [`Connection`](super::Connection) has one, and flushes it
/// by itself.
///
/// | to | call |
/// |---|---|
/// | send | [`send`](Self::send), [`send_vectored`](Self::send_vectored) |
/// | know what fits | [`send_capacity`](Self::send_capacity) |
/// | know the interest to register | [`interest`](Self::interest) |
/// | write the rest when the socket is writable | [`flush`](Self::flush) |
/// | close the writing half after the last byte | [`shutdown`](Self::shutdown), [`is_shut_down`](Self::is_shut_down) |
/// | know what waits | [`len`](Self::len), [`is_empty`](Self::is_empty) |
///
/// What it gets right:
///
/// - **Write interest only while there is something to write.** A socket is writable
///   nearly always, so that an interest that nobody uses spins.
/// - **A bound.** What a slow peer does not take is kept up to the limit; beyond it
///   [`send`](Self::send) takes nothing and returns [`OutputError::Full`]. Read less (see
///   [`send_capacity`](Self::send_capacity)), drop the message or close the connection.
/// - **No `SIGPIPE` from sockets.** Writing to a connection that was reset is an error, also
///   in a program with the signal's default action. Pipes have no flag for that: writing to
///   one that nobody reads is an error if the program ignores the signal, as Rust programs do
///   unless told otherwise.
/// - **The error comes from one place.** A send that fails returns [`OutputError::Closed`], and
///   so does each later one; the next [`flush`](Self::flush) returns why, and
///   [`interest`](Self::interest) asks for that event: a socket that has failed is writable.
/// - **[`shutdown`](Self::shutdown) closes the writing half** once all is written, and not
///   before. What is no socket has no halves, and its reader sees the end when the descriptor
///   is closed.
///
/// ```
/// use std::io::Read;
/// use std::os::unix::net::UnixStream;
/// use waitset::Interest;
/// use waitset::stream::WriteBuffer;
///
/// let (near, mut far) = UnixStream::pair()?;
/// near.set_nonblocking(true)?;
/// let mut output = WriteBuffer::new(1 << 20);
/// // More than the socket takes.
/// output.send(&near, &[b'!'; 1 << 20])?;
/// output.shutdown(&near);
/// assert_eq!(output.interest(), Some(Interest::WRITABLE));
/// let reader = std::thread::spawn(move || {
///     let mut bytes = Vec::new();
///     far.read_to_end(&mut bytes).map(|_| bytes.len())
/// });
/// while !output.flush(&near)? {
///     std::thread::yield_now(); // wait(2) until `near` is writable
/// }
/// assert_eq!(output.interest(), None);
/// assert_eq!(reader.join().unwrap()?, 1 << 20);
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias("EPOLLOUT", "SIGPIPE", "MSG_NOSIGNAL", "shutdown", "backpressure"))]
pub struct WriteBuffer {
    queue: VecDeque<u8>,
    limit: usize,
    state: State,
    /// Until send(2) or sendmsg(2) says otherwise.
    is_socket: bool,
}

enum State {
    Open,
    /// The writing half is to be closed when the queue is empty.
    Finishing,
    Finished,
    /// The error is there until it is told.
    Failed(Option<io::Error>),
}

/// The most parts that one system call takes on Linux (`IOV_MAX`, sendmsg(2)).
const MOST_PARTS: usize = 1024;
/// How much memory an empty queue keeps, in bytes.
const KEPT: usize = 64 * 1024;

impl WriteBuffer {
    /// Creates a buffer for `limit` bytes, at least one. It allocates when a socket first takes less than it
    /// is given.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            limit: if limit == 0 { 1 } else { limit },
            state: State::Open,
            is_socket: true,
        }
    }

    /// Writes `bytes` to `socket`, or keeps what it does not take for [`flush`](Self::flush).
    ///
    /// # Errors
    ///
    /// [`OutputError::Full`] if not all of it fits into [`send_capacity`](Self::send_capacity),
    /// and [`OutputError::Closed`] once the output is shut down or the socket has failed, in this
    /// call or before. Nothing is taken then.
    ///
    /// [`flush`](Self::flush) returns why the socket has failed. The kernel reports that only
    /// once: after a reset that a send has met, a read returns 0, which is not the end of file.
    /// So call `flush` before you believe that.
    ///
    /// # Platform notes
    ///
    /// send(2) with `MSG_NOSIGNAL`, unless something is queued already. The first time that this
    /// fails with `ENOTSOCK`, and from then on, writev(2).
    pub fn send(&mut self, socket: &impl AsSource, bytes: &[u8]) -> Result<(), OutputError> {
        self.admit(bytes.len())?;
        let mut sent = 0;
        if self.queue.is_empty() && !bytes.is_empty() {
            sent = match write_once(socket, Parts::One(bytes), &mut self.is_socket) {
                Ok(count) => count,
                Err(error) => self.fail_to_send(error)?,
            };
        }
        if sent < bytes.len() {
            self.queue.extend(&bytes[sent..]);
        }
        Ok(())
    }

    /// Writes several parts, such as a header and its body, with one system call for each 1024.
    ///
    /// # Errors
    ///
    /// Like [`send`](Self::send), for all of the parts together.
    ///
    /// # Platform notes
    ///
    /// Like [`send`](Self::send), with sendmsg(2).
    pub fn send_vectored(
        &mut self,
        socket: &impl AsSource,
        parts: &[IoSlice<'_>],
    ) -> Result<(), OutputError> {
        let len = parts.iter().map(|part| part.len()).sum();
        self.admit(len)?;
        let mut sent = 0;
        if self.queue.is_empty() && len > 0 {
            sent = match write_until_full(socket, parts, &mut self.is_socket) {
                Ok(count) => count,
                Err(error) => self.fail_to_send(error)?,
            };
        }
        for part in parts {
            let skipped = sent.min(part.len());
            sent -= skipped;
            self.queue.extend(&part[skipped..]);
        }
        Ok(())
    }

    /// Writes what is queued. Returns `true` if all of it is written, which means handed to the
    /// kernel, and the writing half is closed if it was shut down.
    ///
    /// It stops where the socket takes no more, so that under
    /// [`Mode::Edge`](waitset_core::Mode::Edge) an event follows. It is bounded by what is
    /// queued.
    ///
    /// # Errors
    ///
    /// Like sendmsg(2), `BrokenPipe` and `ConnectionReset` above all, and the error that an
    /// earlier send has met. What was queued is dropped, and the error is returned once.
    pub fn flush(&mut self, socket: &impl AsSource) -> io::Result<bool> {
        if let State::Failed(error) = &mut self.state {
            return error.take().map_or(Ok(true), Err);
        }
        match self.write(socket) {
            Ok(false) => Ok(false),
            Ok(true) => {
                self.queue.shrink_to(KEPT);
                if matches!(self.state, State::Finishing) {
                    self.state = State::Finished;
                    close_half(socket)?;
                }
                Ok(true)
            }
            Err(error) => {
                self.state = State::Failed(None);
                self.queue = VecDeque::new();
                Err(error)
            }
        }
    }

    fn write(&mut self, socket: &impl AsSource) -> io::Result<bool> {
        if self.queue.is_empty() {
            return Ok(true);
        }
        let (front, back) = self.queue.as_slices();
        let parts = [IoSlice::new(front), IoSlice::new(back)];
        match write_once(socket, Parts::Many(&parts), &mut self.is_socket) {
            // A stream that takes less than it is given is full (epoll(7)).
            Ok(count) => drop(self.queue.drain(..count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(self.queue.is_empty())
    }

    /// Closes it from the start: the descriptor is open for reading only.
    pub(super) fn close(&mut self) {
        self.state = State::Finished;
    }

    /// Closes it and drops what is queued, because the connection is closed.
    pub(super) fn abort(&mut self) {
        self.close();
        self.queue = VecDeque::new();
    }

    /// Whether more can be sent, once there is room for it.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Closes the writing half of `socket`: immediately if nothing is queued, otherwise in the
    /// [`flush`](Self::flush) that writes the last of it. From now on nothing can be sent.
    pub fn shutdown(&mut self, socket: &impl AsSource) {
        if !matches!(self.state, State::Open) {
            return;
        }
        self.state = State::Finishing;
        if self.queue.is_empty() {
            self.state = match close_half(socket) {
                Ok(()) => State::Finished,
                Err(error) => State::Failed(Some(error)),
            };
        }
    }

    /// Has the next [`flush`](Self::flush) tell this error, which the socket has told a reader.
    pub(super) fn fail(&mut self, error: io::Error) {
        self.state = State::Failed(Some(error));
    }

    /// Returns how many bytes wait to be written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Returns `true` if no byte waits to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Returns how many bytes [`send`](Self::send) takes at the moment; 0 if the output is
    /// closed.
    #[must_use]
    pub fn send_capacity(&self) -> usize {
        match self.state {
            State::Open => self.limit.saturating_sub(self.queue.len()),
            State::Finishing | State::Finished | State::Failed(_) => 0,
        }
    }

    /// Returns `true` if the writing half has been closed after all was written, or has failed.
    #[must_use]
    pub const fn is_shut_down(&self) -> bool {
        matches!(self.state, State::Finished | State::Failed(None))
    }

    /// Returns `true` if a send has failed and [`flush`](Self::flush) has not returned why.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        matches!(self.state, State::Failed(Some(_)))
    }

    /// Whether that failure is a reset: the peer's end had not come before it.
    pub(super) fn has_met_reset(&self) -> bool {
        match &self.state {
            State::Failed(Some(error)) => error.kind() == io::ErrorKind::ConnectionReset,
            _ => false,
        }
    }

    /// Returns the interest to register: [`WRITABLE`](Interest::WRITABLE) while [`flush`](Self::flush) has
    /// something to do.
    #[must_use]
    pub fn interest(&self) -> Option<Interest> {
        let has_work = match self.state {
            State::Open => !self.queue.is_empty(),
            State::Finishing | State::Failed(Some(_)) => true,
            State::Finished | State::Failed(None) => false,
        };
        has_work.then_some(Interest::WRITABLE)
    }

    /// Whether so many bytes can be sent.
    #[inline]
    fn admit(&self, len: usize) -> Result<(), OutputError> {
        let unsent = self.queue.len();
        match self.state {
            State::Open if len <= self.limit.saturating_sub(unsent) => Ok(()),
            State::Open => Err(OutputError::Full {
                refused: len,
                unsent,
                limit: self.limit,
            }),
            _ => Err(OutputError::Closed),
        }
    }

    /// What a first attempt to write has met, unless the stream is only full.
    #[cold]
    fn fail_to_send(&mut self, error: io::Error) -> Result<usize, OutputError> {
        if error.kind() == io::ErrorKind::WouldBlock {
            return Ok(0);
        }
        self.state = State::Failed(Some(error));
        Err(OutputError::Closed)
    }
}

/// Writes the parts, as many at a time as a system call takes, until the stream takes less
/// than it is given. Nothing that it would take may be left: only a full stream tells an edge.
fn write_until_full(
    to: &impl AsSource,
    parts: &[IoSlice<'_>],
    is_socket: &mut bool,
) -> io::Result<usize> {
    let mut sent = 0;
    for some in parts.chunks(MOST_PARTS) {
        let given: usize = some.iter().map(|part| part.len()).sum();
        match write_once(to, Parts::Many(some), is_socket) {
            Ok(count) => {
                sent += count;
                if count < given {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}

/// What one system call writes.
#[derive(Clone, Copy)]
enum Parts<'a> {
    One(&'a [u8]),
    Many(&'a [IoSlice<'a>]),
}

/// Writes once, and again only if a signal interrupted it, or if it is no socket after all.
#[inline(always)]
fn write_once(to: &impl AsSource, parts: Parts<'_>, is_socket: &mut bool) -> io::Result<usize> {
    loop {
        if !*is_socket {
            return write_to_pipe(to.as_fd(), parts);
        }
        let socket = SockRef::from(to);
        let answer = match parts {
            Parts::One(bytes) => socket.send_with_flags(bytes, NO_SIGNAL),
            Parts::Many(parts) => socket.send_vectored_with_flags(parts, NO_SIGNAL),
        };
        match answer {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_no_socket(&error) => *is_socket = false,
            answer => return answer,
        }
    }
}

#[cold]
#[inline(never)]
fn write_to_pipe(pipe: BorrowedSource<'_>, parts: Parts<'_>) -> io::Result<usize> {
    let one;
    let parts = match parts {
        Parts::One(bytes) => {
            one = [IoSlice::new(bytes)];
            &one[..]
        }
        Parts::Many(parts) => parts,
    };
    loop {
        match Descriptor(pipe).write_parts(parts) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            answer => return answer,
        }
    }
}

fn is_no_socket(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENOTSOCK)
}

/// Where there is no such flag, sockets have an option that the standard library sets.
#[cfg(target_vendor = "apple")]
const NO_SIGNAL: libc::c_int = 0;
#[cfg(not(target_vendor = "apple"))]
const NO_SIGNAL: libc::c_int = libc::MSG_NOSIGNAL;

fn close_half(socket: &impl AsSource) -> io::Result<()> {
    match SockRef::from(socket).shutdown(Shutdown::Write) {
        // The peer has reset the connection: there is nothing left to close.
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        Err(error) if is_no_socket(&error) => Ok(()), // it has no halves
        answer => answer,
    }
}

impl fmt::Debug for WriteBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteBuffer")
            .field("len", &self.len())
            .field("limit", &self.limit)
            .field("is_shut_down", &self.is_shut_down())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn memory_that_a_slow_peer_took_is_given_back_when_all_is_written() {
        let (near, mut far) = UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        let mut output = WriteBuffer::new(1 << 20);
        output.send(&near, &[b'!'; 1 << 20]).unwrap();
        assert!(output.queue.capacity() > 2 * KEPT, "the socket takes less");
        let mut bytes = [0; 4096];
        while !output.flush(&near).unwrap() {
            far.read_exact(&mut bytes).unwrap();
        }
        let kept = output.queue.capacity();
        assert!((KEPT..2 * KEPT).contains(&kept), "{kept} bytes are kept");
    }
}
