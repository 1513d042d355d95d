//! Why something was not sent.

use std::error::Error;
use std::fmt;
use std::io;

/// The reason why [`WriteBuffer::send`](super::WriteBuffer::send) or
/// [`Connection::send`](super::Connection::send) took nothing.
///
/// `?` converts it to an [`io::Error`]: `QuotaExceeded` if the output is full, and `BrokenPipe` if
/// it is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputError {
    /// The bytes do not fit. Send them when some of the others are written, send less, or drop
    /// the message.
    Full {
        /// The number of bytes to send.
        refused: usize,
        /// The number of bytes that wait to be written.
        unsent: usize,
        /// The maximum number of bytes that wait.
        limit: usize,
    },
    /// Nothing can be sent any more. The output was shut down or closed, the peer is gone, or
    /// the descriptor is open for reading only.
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
                "cannot send {refused} bytes: {unsent} of {limit} wait for a peer that reads too \
                 slowly; send less at a time, drop the message or close the connection"
            ),
            Self::Closed => f.write_str(
                "cannot send: the output is closed, because it was shut down, the peer is gone or \
                 the descriptor is open for reading only; stop sending",
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

/// The side that [`Connection::forward`](super::Connection::forward) found closed. Close the
/// other one.
///
/// `?` converts it to an [`io::Error`]: `UnexpectedEof` or `BrokenPipe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForwardError {
    /// The connection that is read was closed before its input had ended.
    SourceClosed,
    /// The connection that is written to takes nothing any more.
    DestinationClosed,
}

impl fmt::Display for ForwardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SourceClosed => {
                "cannot forward: the source was closed before the end of its input; close the \
                 destination"
            }
            Self::DestinationClosed => {
                "cannot forward: the destination is closed; close the source"
            }
        })
    }
}

impl Error for ForwardError {}

impl From<ForwardError> for io::Error {
    fn from(error: ForwardError) -> Self {
        let kind = match error {
            ForwardError::SourceClosed => io::ErrorKind::UnexpectedEof,
            ForwardError::DestinationClosed => io::ErrorKind::BrokenPipe,
        };
        Self::new(kind, error)
    }
}
