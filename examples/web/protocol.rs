//! What a connection speaks: HTTP, then a WebSocket if one is opened, at last nothing.

use super::answer::Answer;
use super::connection::End;
use super::desk::Desk;
use super::files;
use super::head::Head;
use super::http::Http;
use super::limits::{LINGER_BYTES_MAX, Limits, PIECE_BYTES};
use super::patience::{Patience, Phase};
use super::status::Status;
use super::target::Target;
use super::websocket::{self, WebSocket};

/// The protocol of a connection, which does not see its socket.
#[derive(Debug)]
pub enum Protocol {
    /// From the start.
    Http(Http),
    /// After a request that opened it.
    WebSocket(WebSocket),
    /// All is said: what still comes is thrown away until the peer closes. To close
    /// first would reset the connection, and could take the last answer with it (RFC
    /// 9112, 9.6).
    Lingering {
        /// How many were thrown away.
        bytes: usize,
    },
}

impl Protocol {
    /// Whether it hears the peer, with so many bytes queued that the peer has not taken.
    #[must_use]
    pub fn may_hear(&self, queued: usize, limits: &Limits) -> bool {
        match self {
            Self::Http(http) => queued == 0 && !http.is_producing(),
            // Its own answers to it are queued too: who does not read is not heard.
            Self::WebSocket(socket) => !socket.is_over() && queued <= limits.queue_bytes / 2,
            Self::Lingering { .. } => true,
        }
    }

    /// Takes the first `count` bytes of the desk's input. What a WebSocket answers to them
    /// by itself is in the desk's output.
    ///
    /// # Errors
    ///
    /// That the peer goes on sending after the end.
    pub fn hear(&mut self, count: usize, desk: &mut Desk<'_>) -> Result<(), End> {
        let input = &desk.input[..count];
        desk.output.clear();
        match self {
            Self::Http(http) => http.receive(input),
            Self::WebSocket(socket) => socket.receive(input, desk.heard, desk.output),
            Self::Lingering { bytes } => {
                *bytes += count;
                if *bytes > LINGER_BYTES_MAX {
                    return Err(End::Excess);
                }
            }
        }
        Ok(())
    }

    /// Fills the desk's output with about a piece of answers.
    ///
    /// # Errors
    ///
    /// As pread(2) of the file that is sent.
    pub fn produce(&mut self, number: u64, desk: &mut Desk<'_>) -> Result<(), End> {
        desk.output.clear();
        while let Self::Http(http) = self {
            let room = PIECE_BYTES.saturating_sub(desk.output.len());
            if room == 0 {
                break;
            }
            if http.is_producing() {
                http.produce(desk.output, room)?;
                continue;
            }
            match http.next_request() {
                Ok(None) => break,
                Ok(Some(head)) => {
                    if let Some(socket) = answer(http, &head, number, desk) {
                        *self = Self::WebSocket(socket);
                    }
                }
                Err(status) => refuse(http, status, number, desk),
            }
        }
        Ok(())
    }

    /// Whether there is something to send that needs nothing of the peer but to take it.
    #[must_use]
    pub fn has_work(&self) -> bool {
        match self {
            Self::Http(http) => http.is_producing() || http.has_input(),
            _ => false,
        }
    }

    /// Whether all is said, though not all may be sent.
    #[must_use]
    pub fn is_over(&self) -> bool {
        match self {
            Self::Http(http) => http.is_over() && !http.is_producing(),
            Self::WebSocket(socket) => socket.is_over(),
            Self::Lingering { .. } => false,
        }
    }

    /// What the peer is waited for to do, when there is nothing to send to it.
    #[must_use]
    pub fn phase(&self, patience: &Patience) -> Phase {
        let is_still = |phase| patience.phase() == phase && !patience.has_progressed();
        match self {
            Self::Http(http) if http.is_in_request() => Phase::Request,
            // Nothing was asked so far.
            Self::Http(_) if is_still(Phase::Request) => Phase::Request,
            Self::Http(_) => Phase::Idle,
            Self::WebSocket(_) if is_still(Phase::Pinged) => Phase::Pinged,
            Self::WebSocket(_) => Phase::Listening,
            Self::Lingering { .. } => Phase::Lingering,
        }
    }
}

/// Answers a request, perhaps with a WebSocket.
fn answer(http: &mut Http, head: &Head, number: u64, desk: &mut Desk<'_>) -> Option<WebSocket> {
    let (answer, socket) = match files::refuse_method(head) {
        Some(refusal) => (refusal, None),
        None => route(head, desk),
    };
    *desk.requests += 1;
    desk.narrator.answered(number, head, &answer);
    let opens = answer.status == Status::SwitchingProtocols;
    http.answer(head, answer, desk.date, desk.output);
    if !opens {
        return None;
    }
    desk.opened = socket;
    let mut socket = WebSocket::new(desk.limits.message_bytes);
    // A client may send a first frame before it has seen the answer.
    socket.receive(&http.take_input(), desk.heard, desk.output);
    Some(socket)
}

/// Finds what a target names: a WebSocket, whose path is returned as well, or a file.
fn route(head: &Head, desk: &Desk<'_>) -> (Answer, Option<&'static str>) {
    let target = match Target::decode(&head.target) {
        Ok(target) => target,
        Err(status) => return (Answer::page(status), None),
    };
    let mut sockets = desk.sockets.iter().copied();
    match sockets.find(|socket| target.is(socket)) {
        Some(socket) => (websocket::upgrade(head, &target), Some(socket)),
        None => (files::answer(desk.tree, head, &target, desk.clock), None),
    }
}

/// Says why no more is answered.
pub(super) fn refuse(http: &mut Http, status: Status, number: u64, desk: &mut Desk<'_>) {
    http.refuse(status, desk.date, desk.output);
    desk.narrator.refused(number, status);
}
