//! One peer: its socket and what is queued for it, between what it speaks and how long it
//! is waited for.

use std::io::{self, Read};
use std::net::{Shutdown, TcpStream};
use std::rc::Rc;
use std::time::Instant;

use tungstenite::Message;
use tungstenite::protocol::frame::coding::CloseCode;
use waitset::stream::WriteBuffer;
use waitset::{Event, Interest};

use super::desk::Desk;
use super::http::Http;
use super::limits::{Limits, PIECE_BYTES, PIECES_A_TURN};
use super::patience::{Patience, Phase};
use super::protocol::{Protocol, refuse};
use super::status::Status;

/// A connection that was accepted.
#[derive(Debug)]
pub struct Connection {
    /// Counts them, for the narration.
    pub number: u64,
    stream: Rc<TcpStream>,
    protocol: Protocol,
    output: WriteBuffer,
    patience: Patience,
    has_peer_ended: bool,
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
    /// The server has, on what this peer has sent.
    Panicked,
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
            output: WriteBuffer::new(
                limits
                    .queue_bytes
                    .saturating_mul(2)
                    .saturating_add(4 * PIECE_BYTES),
            ),
            patience: Patience::new(Phase::Request, limits, now),
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
        self.patience.deadline()
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
        self.patience.progress(event.is_writable());
        if event.is_readable() && self.may_read(desk.limits) {
            self.read(desk)?;
        }
        self.work(desk)?;
        self.settle(desk)
    }

    fn may_read(&self, limits: &Limits) -> bool {
        self.protocol.may_hear(self.output.len(), limits)
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
        self.protocol.hear(count, desk)?;
        if matches!(self.protocol, Protocol::WebSocket(_)) {
            self.patience.progress(self.output.is_empty());
            self.send(desk)?;
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
            self.protocol.produce(self.number, desk)?;
            if desk.output.is_empty() {
                break;
            }
            self.send(desk)?;
            self.patience.progress(true);
        }
        Ok(())
    }

    /// Sends the desk's output, or queues it.
    fn send(&mut self, desk: &mut Desk<'_>) -> Result<(), End> {
        desk.narrator.sent(self.number, desk.output.len());
        let Err(error) = self.output.send(&*self.stream, desk.output) else {
            return Ok(());
        };
        self.output.flush(&*self.stream)?; // why it has failed, if that is the reason
        Err(End::Failed(error.into()))
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
        let phase = self.patience.phase();
        match (&mut self.protocol, phase) {
            (Protocol::Http(http), Phase::Request) if http.is_in_request() => {
                refuse(http, Status::RequestTimeout, self.number, desk);
            }
            (Protocol::WebSocket(socket), Phase::Listening) => {
                socket.send(Message::Ping(Vec::new().into()), desk.output);
                self.patience = Patience::new(Phase::Pinged, desk.limits, desk.now);
            }
            (Protocol::WebSocket(socket), Phase::Sending) if !socket.is_over() => {
                self.patience.progress(true);
                return self.close_slow(desk);
            }
            _ => return Err(End::Late(phase)),
        }
        self.send(desk)?;
        self.settle(desk)
    }

    /// Looks where that has led to: the phase, its deadline.
    fn settle(&mut self, desk: &mut Desk<'_>) -> Result<(), End> {
        let is_sent = self.output.is_empty();
        if self.has_peer_ended && is_sent && !self.protocol.has_work() {
            return Err(End::Peer);
        }
        if is_sent && self.protocol.is_over() {
            // It fails only if the peer has reset the connection, which the next read tells.
            let _ = self.stream.shutdown(Shutdown::Write);
            self.protocol = Protocol::Lingering { bytes: 0 };
        }
        let phase = match self.output.is_empty() && !self.protocol.has_work() {
            true => self.protocol.phase(&self.patience),
            false => Phase::Sending,
        };
        self.patience.settle(phase, desk.limits, desk.now);
        Ok(())
    }

    /// What to ask for.
    #[must_use]
    pub fn interest(&self, limits: &Limits) -> Interest {
        let has_work = self.protocol.has_work();
        let is_to_write = has_work || self.output.interest().is_some();
        match (self.may_read(limits) && !has_work, is_to_write) {
            (true, true) if !self.has_peer_ended => Interest::READABLE | Interest::WRITABLE,
            (_, true) => Interest::WRITABLE,
            _ => Interest::READABLE,
        }
    }
}

fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
