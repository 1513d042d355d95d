//! What a connection is lent by its server while it has its turn.

use std::time::{Instant, SystemTime};

use tungstenite::Message;

use super::limits::Limits;
use super::narrator::Narrator;
use super::tree::Tree;

/// The server's buffers, limits and files. One set serves all connections, so that
/// thousands that wait hold none.
#[derive(Debug)]
pub struct Desk<'a> {
    /// The files.
    pub tree: &'a Tree,
    /// The paths that are WebSockets.
    pub sockets: &'static [&'static str],
    /// What a peer may take.
    pub limits: &'a Limits,
    /// Tells what happens.
    pub narrator: Narrator,
    /// The value of `Date`, if the clock has a date.
    pub date: Option<&'a str>,
    /// The time of day.
    pub clock: SystemTime,
    /// When the turn began.
    pub now: Instant,
    /// What a read fills.
    pub input: &'a mut [u8],
    /// What is to be sent next.
    pub output: &'a mut Vec<u8>,
    /// The messages that a WebSocket has brought.
    pub heard: &'a mut Vec<Message>,
    /// The path of the WebSocket that was opened in this turn.
    pub opened: Option<&'static str>,
    /// How many requests were answered so far.
    pub requests: &'a mut u64,
}
