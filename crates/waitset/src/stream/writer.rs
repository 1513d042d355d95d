use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice};
use std::net::Shutdown;

use socket2::SockRef;
use waitset_core::{AsSource, BorrowedSource, Interest};

use super::sys::Descriptor;

/// Writes to a socket, a pipe or a terminal what it takes, and keeps the rest until it is
/// writable.
///
/// - **Write interest only while there is something to write.** A socket is writable
///   nearly always, so that an interest that nobody uses spins.
/// - **A bound.** What a slow peer does not take is kept up to the limit; beyond it
///   [`send`](Self::send) takes nothing and says so, as [`OutputError`]. Whether to read less
///   (see [`send_capacity`](Self::send_capacity)), to drop the message or to close the connection is yours.
/// - **No `SIGPIPE` from sockets.** Writing to a connection that was reset is an error, also
///   in a program with the signal's default action. Pipes have no flag for that: writing to
///   one that nobody reads is an error if the program ignores the signal, as Rust programs do
///   unless told otherwise.
/// - **Errors come from one place.** A send that fails is told by the next
///   [`flush`](Self::flush), for which [`interest`](Self::interest) asks: a socket that has
///   failed is writable.
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
    /// Until sendmsg(2) says otherwise.
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
    /// A buffer for `limit` bytes. It allocates when a socket first takes less than it is
    /// given.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            limit,
            state: State::Open,
            is_socket: true,
        }
    }

    /// Writes `bytes` to `socket`, or keeps what it does not take for [`flush`](Self::flush).
    ///
    /// Once the socket has failed this takes everything and drops it. The socket tells its
    /// error only once: after a `ConnectionReset` here a read returns 0, which is no end, so
    /// [`flush`](Self::flush) before that is believed.
    ///
    /// # Errors
    ///
    /// [`OutputError`] if there is no [`send_capacity`](Self::send_capacity) for all of it. Nothing is taken
    /// then.
    ///
    /// # Platform notes
    ///
    /// sendmsg(2) with `MSG_NOSIGNAL`, unless something is queued already. The first time
    /// that this fails with `ENOTSOCK`, and from then on, writev(2).
    pub fn send(&mut self, socket: &impl AsSource, bytes: &[u8]) -> Result<(), OutputError> {
        self.send_vectored(socket, &[IoSlice::new(bytes)])
    }

    /// Writes several parts, a header and its body say, with one system call for each 1024.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), all of the parts together.
    pub fn send_vectored(
        &mut self,
        socket: &impl AsSource,
        parts: &[IoSlice<'_>],
    ) -> Result<(), OutputError> {
        let len = parts.iter().map(|part| part.len()).sum();
        if len > self.send_capacity() {
            return Err(self.refusal(len));
        }
        if len == 0 || matches!(self.state, State::Failed(_)) {
            return Ok(());
        }
        let mut sent = 0;
        if self.queue.is_empty() {
            sent = match write_until_full(socket, parts, &mut self.is_socket) {
                Ok(count) => count,
                Err(error) => {
                    self.state = State::Failed(Some(error));
                    return Ok(());
                }
            };
        }
        for part in parts {
            let skipped = sent.min(part.len());
            sent -= skipped;
            self.queue.extend(&part[skipped..]);
        }
        Ok(())
    }

    /// Writes what is queued, and says whether all of it is written: handed to the kernel,
    /// that is, and the writing half closed if it was to be.
    ///
    /// It stops where the socket takes no more, so that under
    /// [`Mode::Edge`](waitset_core::Mode::Edge) an event follows. It is bounded by what is
    /// queued.
    ///
    /// # Errors
    ///
    /// As sendmsg(2), `BrokenPipe` and `ConnectionReset` above all, and what an earlier send
    /// met. What was queued is dropped, and the error is told once.
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
        match write_once(socket, &parts, &mut self.is_socket) {
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

    /// Closes the writing half of `socket`: at once if nothing is queued, else in the
    /// [`flush`](Self::flush) that writes the last of it. There is no room for more from here
    /// on.
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

    /// How many bytes wait to be written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many bytes [`send`](Self::send) takes.
    #[must_use]
    pub fn send_capacity(&self) -> usize {
        match self.state {
            State::Open => self.limit.saturating_sub(self.queue.len()),
            State::Finishing | State::Finished => 0,
            State::Failed(_) => usize::MAX,
        }
    }

    /// Whether the writing half has been closed, all having been written, or has failed.
    #[must_use]
    pub const fn is_shut_down(&self) -> bool {
        matches!(self.state, State::Finished | State::Failed(None))
    }

    /// Whether a send has failed and [`flush`](Self::flush) has not told it yet.
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

    /// What to ask for: [`WRITABLE`](Interest::WRITABLE) while [`flush`](Self::flush) has
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

    #[cold]
    fn refusal(&self, refused: usize) -> OutputError {
        match self.state {
            State::Open => OutputError::Full {
                refused,
                unsent: self.queue.len(),
                limit: self.limit,
            },
            _ => OutputError::Closed,
        }
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
        match write_once(to, some, is_socket) {
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

/// Writes once, and again only if a signal interrupted it, or if it is no socket after all.
#[inline(always)]
fn write_once(
    to: &impl AsSource,
    parts: &[IoSlice<'_>],
    is_socket: &mut bool,
) -> io::Result<usize> {
    loop {
        if !*is_socket {
            return write_to_pipe(to.as_fd(), parts);
        }
        match SockRef::from(to).send_vectored_with_flags(parts, NO_SIGNAL) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_no_socket(&error) => *is_socket = false,
            answer => return answer,
        }
    }
}

#[cold]
#[inline(never)]
fn write_to_pipe(pipe: BorrowedSource<'_>, parts: &[IoSlice<'_>]) -> io::Result<usize> {
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

/// The reason why [`WriteBuffer::send`] or [`Connection::send`](super::Connection::send) took
/// nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputError {
    /// The bytes do not fit. Try again when some are written, send less, or drop the message.
    Full {
        /// How many bytes were to be sent.
        refused: usize,
        /// How many bytes are waiting to be written.
        unsent: usize,
        /// How many bytes may wait.
        limit: usize,
    },
    /// Nothing can be sent any more.
    Closed,
}

impl fmt::Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full {
                refused,
                unsent,
                limit,
            } => write!(
                f,
                "cannot send {refused} bytes: {unsent} of {limit} are waiting for a peer that reads \
                 too slowly; send less at a time, drop the message or close the connection"
            ),
            Self::Closed => f.write_str(
                "cannot send: the output was shut down, or the descriptor is open for reading only",
            ),
        }
    }
}

impl Error for OutputError {}

impl From<OutputError> for io::Error {
    fn from(error: OutputError) -> Self {
        let kind = match error {
            OutputError::Full { .. } => io::ErrorKind::QuotaExceeded,
            OutputError::Closed => io::ErrorKind::BrokenPipe,
        };
        Self::new(kind, error)
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
