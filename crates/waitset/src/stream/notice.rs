//! What the callback of a connection is told.

use std::io;

/// What has happened to a [`Connection`](super::Connection), as its callback is told.
///
/// Match what you handle and end with `_ => {}`: there may be more of them one day.
///
/// | notice | what to do |
/// |---|---|
/// | [`Received`](Self::Received) | consume the input, or [`forward`](super::Connection::forward) it |
/// | [`InputFull`](Self::InputFull) | consume some, or [`close`](super::Connection::close) if it cannot be consumed |
/// | [`HalfClosed`](Self::HalfClosed) | nothing, or stop producing for a peer that asks for no more |
/// | [`EndOfFile`](Self::EndOfFile) | [`shutdown`](super::Connection::shutdown) when all is sent, or `close` |
/// | [`Flushed`](Self::Flushed) | send what did not fit before |
/// | [`Closed`](Self::Closed) | forget the connection |
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice {
    /// There is more [input](super::Connection::input).
    Received,
    /// The input is full after `Received`, and nothing is read until some of it is consumed.
    ///
    /// If the input does not hold a whole message, it never will:
    /// [`close`](super::Connection::close) the connection, or its peer can keep it open
    /// forever. This notice comes once each time that the input fills up, whether the input is
    /// consumed in a callback or outside.
    InputFull,
    /// The peer has closed its writing half while the input is full.
    ///
    /// Part of what it sent may still have to be read; consuming input leads to `EndOfFile`.
    /// This notice comes at most once.
    HalfClosed,
    /// The peer will send no more, and all that it has sent is in the input.
    ///
    /// It may still read: call [`shutdown`](super::Connection::shutdown) when all is sent, or
    /// [`close`](super::Connection::close). Until then the connection stays, unless the peer
    /// leaves.
    EndOfFile,
    /// The stream had not taken all that was sent, and now it has: the output is empty.
    Flushed,
    /// The connection is closed and out of the loop: after an error, or because both halves
    /// are closed, or because the peer has left.
    ///
    /// No other notice follows. The rest of the input can still be read. The error is that of
    /// read(2) or sendmsg(2), `ConnectionReset` and `BrokenPipe` above all.
    Closed(io::Result<()>),
}
