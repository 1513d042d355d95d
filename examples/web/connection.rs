//! One peer: its socket, what it speaks, what is queued for it, and until when it may
//! take for what it does.

use std::io::{self, Read};
use std::net::{Shutdown, TcpStream};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tungstenite::Message;
use tungstenite::protocol::frame::coding::CloseCode;
use waitset::stream::WriteBuffer;
use waitset::{Event, Interest};

use super::desk::Desk;
use super::files;
use super::head::Head;
use super::http::Http;
use super::limits::{LINGER_BYTES_MAX, Limits, PIECE_BYTES, PIECES_A_TURN};
use super::status::Status;
use super::websocket::{self, WebSocket};

/// A connection that was accepted.
#[derive(Debug)]
pub struct Connection {
    /// Counts them, for the narration.
    pub number: u64,
    stream: Rc<TcpStream>,
    protocol: Protocol,
    output: WriteBuffer,
    phase: Phase,
    deadline: Instant,
    /// Whether something was brought to its end, so that the next has its whole time.
    has_progressed: bool,
    has_peer_ended: bool,
}

#[derive(Debug)]
enum Protocol {
    Http(Http),
    WebSocket(WebSocket),
    /// All is said: what still comes is thrown away until the peer closes. To close
    /// first would reset the connection, and could take the last answer with it (RFC
    /// 9112, 9.6).
    Lingering {
        bytes: usize,
    },
}

/// What a peer is waited for to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// To ask.
    Idle,
    /// To complete what it has begun to ask.
    Request,
    /// To take what is queued for it.
    Sending,
    /// To say anything, on a WebSocket.
    Listening,
    /// To answer a ping, or show some other sign of life.
    Pinged,
    /// To close.
    Lingering,
}

/// Why a connection is closed.
#[derive(Debug)]
pub enum End {
    /// The peer has closed it, and everything was answered.
    Peer,
    /// The peer took too long.
    Late(Phase),
    /// It has more to say than anyone wants to hear.
    Excess,
    /// The socket has failed, or the file that was sent.
    Failed(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl Connection {
    /// A peer that has said nothing so far. It has the time for a head to do so.
    #[must_use]
    pub fn new(number: u64, stream: Rc<TcpStream>, limits: &Limits, now: Instant) -> Self {
        Self {
            number,
            stream,
            protocol: Protocol::Http(Http::default()),
            // Room for a piece and the heads around it; a WebSocket has its own bound.
            output: WriteBuffer::new(4 * PIECE_BYTES + 2 * limits.queue_bytes),
            phase: Phase::Request,
            deadline: now + limits.head,
            has_progressed: false,
            has_peer_ended: false,
        }
    }

    /// Its socket.
    #[must_use]
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Until when the peer may take.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Does what an event allows: writes what is queued, reads once, answers.
    ///
    /// # Errors
    ///
    /// Why the connection is to be closed.
    pub fn turn(&mut self, event: Event, desk: &mut Desk<'_>) -> Result<(), End> {
        if event.is_writable() && !self.output.flush(&*self.stream)? {
            return Ok(());
        }
        self.has_progressed |= event.is_writable();
        if event.is_readable() && self.may_read(desk.limits) {
            self.read(desk)?;
        }
        self.work(desk)?;
        self.settle(desk)
    }

    fn may_read(&self, limits: &Limits) -> bool {
        match &self.protocol {
            Protocol::Http(http) => self.output.is_empty() && !http.is_producing(),
            // Its own answers to it are queued too: who does not read is not heard.
            Protocol::WebSocket(socket) => {
                !socket.is_over() && self.output.len() < limits.queue_bytes / 2
            }
            Protocol::Lingering { .. } => true,
        }
    }

    fn read(&mut self, desk: &mut Desk<'_>) -> Result<(), End> {
        let count = match (&*self.stream).read(desk.input) {
            Ok(0) => {
                self.has_peer_ended = true;
                return Ok(());
            }
            Ok(count) => count,
            Err(error) if is_transient(&error) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        desk.narrator.received(self.number, count);
        let bytes = &desk.input[..count];
        match &mut self.protocol {
            Protocol::Http(http) => http.receive(bytes),
            Protocol::WebSocket(socket) => {
                desk.output.clear();
                socket.receive(bytes, desk.heard, desk.output);
                self.has_progressed |= self.output.is_empty();
                self.send(desk)?;
            }
            Protocol::Lingering { bytes } => {
                *bytes += count;
                if *bytes > LINGER_BYTES_MAX {
                    return Err(End::Excess);
                }
            }
        }
        Ok(())
    }

    /// Answers what was asked, as far as the peer takes the answers, and no more in one
    /// turn than others can wait for.
    fn work(&mut self, desk: &mut Desk<'_>) -> Result<(), End> {
        for _ in 0..PIECES_A_TURN {
            if !self.output.is_empty() {
                break;
            }
            desk.output.clear();
            self.produce(desk)?;
            if desk.output.is_empty() {
                break;
            }
            self.send(desk)?;
            self.has_progressed = true;
        }
        Ok(())
    }

    /// Fills the desk's output with about a piece of answers.
    fn produce(&mut self, desk: &mut Desk<'_>) -> Result<(), End> {
        while let Protocol::Http(http) = &mut self.protocol {
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
                Ok(Some(head)) => self.answer(&head, desk),
                Err(status) => {
                    http.refuse(status, desk.date, desk.output);
                    desk.narrator.refused(self.number, status);
                }
            }
        }
        Ok(())
    }

    fn answer(&mut self, head: &Head, desk: &mut Desk<'_>) {
        let Protocol::Http(http) = &mut self.protocol else {
            return;
        };
        let path = socket_of(head, desk);
        let answer = match path {
            Some(_) => websocket::upgrade(head),
            None => files::answer(desk.tree, head),
        };
        *desk.requests += 1;
        desk.narrator.answered(self.number, head, &answer);
        let opens = answer.status == Status::SwitchingProtocols;
        http.answer(head, answer, desk.date, desk.output);
        if opens {
            let mut socket = WebSocket::new(desk.limits.message_bytes);
            // A client may send a first frame before it has seen the answer.
            let early = http.take_input();
            socket.receive(&early, desk.heard, desk.output);
            self.protocol = Protocol::WebSocket(socket);
            desk.opened = path;
        }
    }

    /// Sends the desk's output, or queues it.
    fn send(&mut self, desk: &mut Desk<'_>) -> Result<(), End> {
        desk.narrator.sent(self.number, desk.output.len());
        let sent = self.output.send(&*self.stream, desk.output);
        sent.map_err(|overflow| End::Failed(overflow.into()))
    }

    /// Queues a message for a WebSocket; one that does not take what it is sent is closed.
    ///
    /// # Errors
    ///
    /// Why the connection is to be closed at once.
    pub fn tell(&mut self, message: Message, desk: &mut Desk<'_>) -> Result<(), End> {
        let Protocol::WebSocket(socket) = &mut self.protocol else {
            return Ok(());
        };
        if self.output.len() + message.len() > desk.limits.queue_bytes {
            return self.close_slow(desk);
        }
        desk.output.clear();
        socket.send(message, desk.output);
        self.send(desk)?;
        self.settle(desk)
    }

    /// Whether a WebSocket's peer did something wrong and has not been told.
    #[must_use]
    pub fn is_at_fault(&self) -> bool {
        matches!(&self.protocol, Protocol::WebSocket(socket) if socket.is_at_fault())
    }

    /// Closes on a peer that did something wrong, what it had said before being answered.
    ///
    /// # Errors
    ///
    /// Why the connection is to be closed at once.
    pub fn conclude(&mut self, desk: &mut Desk<'_>) -> Result<(), End> {
        if let Protocol::WebSocket(socket) = &mut self.protocol {
            desk.output.clear();
            socket.conclude(desk.output);
            self.send(desk)?;
        }
        self.settle(desk)
    }

    fn close_slow(&mut self, desk: &mut Desk<'_>) -> Result<(), End> {
        if let Protocol::WebSocket(socket) = &mut self.protocol {
            if !socket.is_over() {
                desk.output.clear();
                socket.close(CloseCode::Policy, "too slow to read", desk.output);
                self.send(desk)?;
            }
        }
        self.settle(desk)
    }

    /// Goes on when the deadline is over: with a last word, or not at all.
    ///
    /// # Errors
    ///
    /// That the peer was late, unless it is told so first.
    pub fn expire(&mut self, desk: &mut Desk<'_>) -> Result<(), End> {
        desk.output.clear();
        self.has_progressed = true;
        match (&mut self.protocol, self.phase) {
            (Protocol::Http(http), Phase::Request) if http.is_in_request() => {
                http.refuse(Status::RequestTimeout, desk.date, desk.output);
                desk.narrator.refused(self.number, Status::RequestTimeout);
            }
            (Protocol::WebSocket(socket), Phase::Listening) => {
                socket.send(Message::Ping(Vec::new().into()), desk.output);
                self.phase = Phase::Pinged;
                self.has_progressed = false;
                self.deadline = desk.now + desk.limits.head;
            }
            (Protocol::WebSocket(socket), Phase::Sending) if !socket.is_over() => {
                return self.close_slow(desk);
            }
            (_, phase) => return Err(End::Late(phase)),
        }
        self.send(desk)?;
        self.settle(desk)
    }

    /// Looks where that has led to: the phase, its deadline.
    fn settle(&mut self, desk: &mut Desk<'_>) -> Result<(), End> {
        let is_sent = self.output.is_empty();
        let is_over = match &self.protocol {
            Protocol::Http(http) => http.is_over() && !http.is_producing(),
            Protocol::WebSocket(socket) => socket.is_over(),
            Protocol::Lingering { .. } => false,
        };
        if self.has_peer_ended && is_sent && !self.has_work() {
            return Err(End::Peer);
        }
        if is_over && is_sent {
            // It fails only if the peer has reset the connection, which the next read tells.
            let _ = self.stream.shutdown(Shutdown::Write);
            self.protocol = Protocol::Lingering { bytes: 0 };
        }
        let phase = self.phase_now();
        if phase != self.phase || std::mem::take(&mut self.has_progressed) {
            self.phase = phase;
            self.deadline = desk.now + time_for(phase, desk.limits);
        }
        Ok(())
    }

    fn phase_now(&self) -> Phase {
        match &self.protocol {
            _ if !self.output.is_empty() || self.has_work() => Phase::Sending,
            Protocol::Http(http) if http.is_in_request() => Phase::Request,
            Protocol::Http(_) if self.phase == Phase::Request && !self.has_progressed => {
                Phase::Request // nothing was asked so far
            }
            Protocol::Http(_) => Phase::Idle,
            Protocol::WebSocket(_) if self.phase == Phase::Pinged && !self.has_progressed => {
                Phase::Pinged
            }
            Protocol::WebSocket(_) => Phase::Listening,
            Protocol::Lingering { .. } => Phase::Lingering,
        }
    }

    /// Whether there is something to send that needs nothing of the peer but to take it.
    fn has_work(&self) -> bool {
        match &self.protocol {
            Protocol::Http(http) => http.is_producing() || http.has_input(),
            _ => false,
        }
    }

    /// What to ask for.
    #[must_use]
    pub fn interest(&self, limits: &Limits) -> Interest {
        let is_to_write = self.has_work() || self.output.interest().is_some();
        match (self.may_read(limits) && !self.has_work(), is_to_write) {
            (true, true) if !self.has_peer_ended => Interest::READABLE | Interest::WRITABLE,
            (_, true) => Interest::WRITABLE,
            _ => Interest::READABLE,
        }
    }
}

/// The path of the WebSocket that is asked for.
fn socket_of(head: &Head, desk: &Desk<'_>) -> Option<&'static str> {
    let (path, _query) = head.target.split_once('?').unwrap_or((&head.target, ""));
    desk.sockets.iter().find(|socket| **socket == path).copied()
}

fn time_for(phase: Phase, limits: &Limits) -> Duration {
    match phase {
        Phase::Idle | Phase::Listening => limits.idle,
        Phase::Request | Phase::Pinged => limits.head,
        Phase::Sending => limits.send,
        Phase::Lingering => limits.linger,
    }
}

fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
