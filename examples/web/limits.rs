//! What one peer may take of the server, each with its reason.
//!
//! A connection holds at most one head and what a read brought behind it, one piece of an
//! answer and one open file; a WebSocket one message and its queue. So the memory of a
//! server is bounded by [`Limits::connections`] times the sum of these.

use std::time::Duration;

/// A request line and its fields. Browsers send less than 2 KiB without cookies; nginx
/// takes 8 KiB a line.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;

/// More than a browser's dozen or two.
pub const HEADERS_MAX: usize = 64;

/// RFC 9110, 4.1: at least 8,000 bytes should be taken.
pub const TARGET_BYTES_MAX: usize = 8 * 1024;

/// What is read and thrown away of a body that nobody asked for, so that the connection
/// can be used again. Longer ones are refused.
pub const BODY_BYTES_MAX: u64 = 64 * 1024;

/// One piece of an answer: what is read of a file at a time, and about what is queued
/// for a peer before it has taken some.
pub const PIECE_BYTES: usize = 64 * 1024;

/// What one read takes.
pub const READ_BYTES: usize = 16 * 1024;

/// How many pieces one connection may send in a turn before it is the others' turn.
pub const PIECES_A_TURN: usize = 4;

/// What is thrown away of what a peer still sends after the last answer to it.
pub const LINGER_BYTES_MAX: usize = 1024 * 1024;

/// The longest frame of a WebSocket, however long a message may be in several: a peer that
/// announces a frame makes the server reserve memory for it.
pub const FRAME_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How many peers there may be, and how long each may take for what.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time; further ones wait in the listener's backlog.
    pub connections: usize,
    /// From the first byte of a head to its last, and for a body that is thrown away.
    pub head: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// For a peer to take one piece of an answer: at 10 seconds, 6.4 KiB a second.
    pub send: Duration,
    /// For a peer to close after the last answer to it.
    pub linger: Duration,
    /// One message of a WebSocket, in one frame or in many.
    pub message_bytes: usize,
    /// What is queued for a WebSocket's peer that does not read.
    pub queue_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 12_000,
            head: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            send: Duration::from_secs(10),
            linger: Duration::from_secs(2),
            message_bytes: 16 * 1024,
            queue_bytes: 256 * 1024,
        }
    }
}
