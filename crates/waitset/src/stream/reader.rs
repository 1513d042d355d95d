use std::fmt;
use std::io::{self, Read};

use waitset_core::{Interest, Mode};

/// The input of a stream: takes a bounded amount of what there is to read, and keeps it until it
/// is consumed.
///
/// It is for programs that own their sockets and their loop, over a bare
/// [`Reactor`](crate::Reactor) or a [`WaitSet`](crate::WaitSet). In an
/// [`EventLoop`](crate::EventLoop), a [`Connection`](super::Connection) has one, and fills it by
/// itself; [`Connection::input`](super::Connection::input) lends it.
///
/// | to | call |
/// |---|---|
/// | know the interest to register | [`interest`](Self::interest) |
/// | read when the stream is readable | [`fill`](Self::fill) |
/// | take a line, or a frame with a length | [`take_line`](Self::take_line), [`take_frame`](Self::take_frame) |
/// | look at the bytes, and drop those you are done with | [`as_slice`](Self::as_slice), [`consume`](Self::consume) |
/// | give it to a parser that takes a reader | [`Read`] |
/// | know whether the peer has ended | [`is_eof`](Self::is_eof) |
/// | know whether to re-arm | [`has_more`](Self::has_more) |
///
/// What it gets right:
///
/// - **Only `read() = 0` is the end.** A hang-up is a reason to read: what the peer sent
///   before it comes first.
/// - **In edge-triggered mode, only reading until `WouldBlock` is enough**: a read ends short at
///   a mark of urgent data, too. If `fill` stops earlier, [`has_more`](Self::has_more) is `true`:
///   the rest is not reported unless the source is re-armed, with `modify`.
/// - **A full buffer stops the reading**, and so, in the end, the peer's writing. That is
///   backpressure: consume, and the reading continues.
///
/// ```
/// use std::io::Write;
/// use std::os::unix::net::UnixStream;
/// use waitset::Mode;
/// use waitset::stream::{Fill, ReadBuffer};
///
/// let (mut near, far) = UnixStream::pair()?;
/// far.set_nonblocking(true)?;
/// let mut input = ReadBuffer::new(4096);
/// near.write_all(b"one\ntw")?;
/// assert_eq!(input.fill(&far, Mode::Edge)?, Fill::WouldBlock);
/// assert_eq!(input.take_line(), Some(&b"one\n"[..]));
/// assert_eq!(input.take_line(), None);
/// assert_eq!(input.as_slice(), b"tw");
/// drop(near);
/// assert_eq!(input.fill(&far, Mode::Edge)?, Fill::EndOfFile);
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias("EPOLLRDHUP", "EPOLLET", "backpressure"))]
pub struct ReadBuffer {
    /// Allocated as it is needed, and wholly initialised.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// How many of the bytes there are have no line feed.
    searched: usize,
    limit: usize,
    has_more: bool,
    is_eof: bool,
}

/// Why [`ReadBuffer::fill`] stopped reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fill {
    /// Another read would block, or the mechanism reports the rest.
    WouldBlock,
    /// The buffer is full, or it has read as much as it does per call; there may be more.
    LimitReached,
    /// The peer will send no more, and all of it has been read.
    EndOfFile,
}

/// How much one call of `fill` reads at most, in bytes.
const MOST: usize = 64 * 1024;
/// How much room a buffer has at first, in bytes. It doubles when a read fills it.
const FIRST_ROOM: usize = 4 * 1024;

impl ReadBuffer {
    /// Creates a buffer for `limit` bytes, at least one. It allocates when it first reads.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            start: 0,
            end: 0,
            searched: 0,
            limit: if limit == 0 { 1 } else { limit },
            has_more: false,
            is_eof: false,
        }
    }

    /// Reads what `from` has, 64 KiB at most and no more than there is room for.
    ///
    /// In edge-triggered mode it reads until `WouldBlock`. Otherwise it saves that call and stops
    /// at a read that was not filled: the next wait reports what is left.
    ///
    /// # Errors
    ///
    /// Like read(2), `ConnectionReset` above all. What was read before is in the buffer.
    ///
    /// # Platform notes
    ///
    /// read(2) or recv(2), depending on `from`.
    pub fn fill(&mut self, mut from: impl Read, mode: Mode) -> io::Result<Fill> {
        self.has_more = false;
        if self.is_eof {
            return Ok(Fill::EndOfFile);
        }
        let mut left = MOST;
        loop {
            let asked = left.min(self.make_room());
            if asked == 0 {
                self.has_more = true;
                return Ok(Fill::LimitReached);
            }
            match from.read(&mut self.bytes[self.end..self.end + asked]) {
                Ok(0) => {
                    self.is_eof = true;
                    return Ok(Fill::EndOfFile);
                }
                Ok(count) => {
                    self.end += count;
                    left -= count;
                    if count < asked && mode != Mode::Edge {
                        return Ok(Fill::WouldBlock);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Fill::WouldBlock);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes room behind the bytes there are: how much.
    fn make_room(&mut self) -> usize {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        if self.end == self.bytes.len() && self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.bytes.len() {
            let doubled = FIRST_ROOM.max(2 * self.bytes.len());
            self.bytes.resize(doubled.min(self.limit), 0);
        }
        self.bytes.len() - self.end
    }

    /// Returns what was read and has not been consumed.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Drops the first `count` bytes, or all if there are fewer.
    pub fn consume(&mut self, count: usize) {
        let count = count.min(self.len());
        self.start += count;
        self.searched = self.searched.saturating_sub(count);
    }

    /// Consumes and returns the first line with its line feed, if there is a whole one.
    ///
    /// A buffer that [is full](Self::is_full) without one will never have one.
    pub fn take_line(&mut self) -> Option<&[u8]> {
        let bytes = &self.bytes[self.start..self.end];
        let found = bytes[self.searched..]
            .iter()
            .position(|byte| *byte == b'\n');
        let Some(position) = found else {
            self.searched = bytes.len();
            return None;
        };
        let line = self.start..self.start + self.searched + position + 1;
        self.start = line.end;
        self.searched = 0;
        Some(&self.bytes[line])
    }

    /// Consumes and returns the first frame, if there is a whole one.
    ///
    /// `frame_len` receives the bytes there are and returns the length of the first frame, its
    /// header included, or `None` if it cannot tell yet. A length of 0 counts as `None`.
    ///
    /// A buffer that [is full](Self::is_full) without a whole frame will never have one.
    ///
    /// ```
    /// use waitset::Mode;
    /// use waitset::stream::ReadBuffer;
    ///
    /// // A frame is a byte with the length of the rest, and the rest.
    /// let frame_len = |input: &[u8]| Some(1 + usize::from(*input.first()?));
    /// let mut input = ReadBuffer::new(256);
    /// input.fill(&b"\x03one\x03tw"[..], Mode::Level)?;
    /// assert_eq!(input.take_frame(frame_len), Some(&b"\x03one"[..]));
    /// assert_eq!(input.take_frame(frame_len), None);
    /// assert_eq!(input.as_slice(), b"\x03tw");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take_frame(&mut self, frame_len: impl FnOnce(&[u8]) -> Option<usize>) -> Option<&[u8]> {
        let len = frame_len(self.as_slice())?;
        if len == 0 || len > self.len() {
            return None;
        }
        let start = self.start;
        self.consume(len);
        Some(&self.bytes[start..start + len])
    }

    /// Returns how many bytes there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.end - self.start
    }

    /// Returns `true` if there is no byte.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Returns `true` if there is no room for more, so that reading has to wait.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.len() >= self.limit
    }

    /// Returns `true` if the stream has ended: a read has returned 0.
    #[must_use]
    pub const fn is_eof(&self) -> bool {
        self.is_eof
    }

    /// Ends it from the start: the descriptor is open for writing only.
    pub(super) const fn end(&mut self) {
        self.is_eof = true;
    }

    /// Makes room for all that the kernel still has, after the peer has gone.
    pub(super) const fn lift_limit(&mut self) {
        self.limit = usize::MAX;
    }

    /// Takes back that the stream has ended, where it turns out to be broken off.
    pub(super) const fn unread_end(&mut self) {
        self.is_eof = false;
    }

    /// Returns `true` if the last [`fill`](Self::fill) stopped before it had drained the stream:
    /// an edge-triggered source reports the rest only if it is re-armed.
    #[must_use]
    pub const fn has_more(&self) -> bool {
        self.has_more
    }

    /// Returns the interest to register: [`READABLE`](Interest::READABLE) while there is room and
    /// the stream has not ended.
    #[must_use]
    pub fn interest(&self) -> Option<Interest> {
        (!self.is_eof && !self.is_full()).then_some(Interest::READABLE)
    }
}

/// Reads what was filled in. Returns `WouldBlock` while there is nothing and the stream has not
/// ended.
impl Read for ReadBuffer {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.is_empty() && !self.is_eof {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = self.as_slice().read(into)?;
        self.consume(count);
        Ok(count)
    }
}

impl fmt::Debug for ReadBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadBuffer")
            .field("len", &self.len())
            .field("limit", &self.limit)
            .field("has_more", &self.has_more)
            .field("is_eof", &self.is_eof)
            .finish_non_exhaustive()
    }
}
