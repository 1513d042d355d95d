//! A WebSocket without the connection: `tungstenite` on bytes in memory.
//!
//! `tungstenite` reads and writes a non-blocking stream. It is given one that holds what
//! has just been read, says `WouldBlock` at its end, and gathers what is to be written; so
//! the connection does its input and output in one place, with one bound.

use std::io::{self, Read, Write};

use http::header;
use tungstenite::error::{CapacityError, Error};
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Message, Utf8Bytes};

use super::answer::{Answer, Body};
use super::authority::Origin;
use super::head::{Field, Head};
use super::limits::FRAME_BYTES_MAX;
use super::status::Status;
use super::target::Target;

/// How many bytes a message may take on the wire, for each that it may have: one of a
/// byte a frame takes seven of them, and empty frames would go on for ever.
const WIRE_FACTOR: usize = 16;

/// `tungstenite` allocates this much for a socket at once.
const READ_BYTES: usize = 1024;

/// Answers the request that opens a WebSocket (RFC 6455, 4.2).
#[must_use]
pub fn upgrade(head: &Head, target: &Target) -> Answer {
    if !head.lists(header::UPGRADE, "websocket") {
        return Answer::page(Status::UpgradeRequired)
            .with("Upgrade", "websocket")
            .with("Connection", "Upgrade");
    }
    match head.field(header::SEC_WEBSOCKET_VERSION) {
        Field::Value("13") => {}
        Field::Unusable => return Answer::page(Status::BadRequest),
        Field::Absent | Field::Value(_) => {
            return Answer::page(Status::UpgradeRequired).with("Sec-WebSocket-Version", "13");
        }
    }
    let key = match head.field(header::SEC_WEBSOCKET_KEY) {
        Field::Value(key) if is_key(key) => key,
        _ => return Answer::page(Status::BadRequest),
    };
    if !can_change_protocol(head) {
        return Answer::page(Status::BadRequest);
    }
    if !is_of_same_site(head, target) {
        return Answer::page(Status::Forbidden);
    }
    let answer = Answer {
        status: Status::SwitchingProtocols,
        fields: String::new(),
        body: Body::None,
    };
    answer
        .with("Upgrade", "websocket")
        .with("Connection", "Upgrade")
        .with("Sec-WebSocket-Accept", &derive_accept_key(key.as_bytes()))
}

/// Whether it is 16 bytes in base64.
fn is_key(key: &str) -> bool {
    let digits = key.strip_suffix("==").unwrap_or_default();
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    digits.len() == 22 && digits.bytes().all(is_digit)
}

/// Whether what follows the head can be frames and nothing else: there is no body, and the
/// connection does not end with the answer.
fn can_change_protocol(head: &Head) -> bool {
    head.method == "GET"
        && !head.is_old
        && head.lists(header::CONNECTION, "upgrade")
        && head.body_bytes == 0
        && head.keeps_alive
}

/// A browser opens a WebSocket to any server for any page, and says which page it was:
/// another site's has no business here. What is no browser need not say. Of a whole URI as the
/// target the authority outweighs `Host` (RFC 9112, 3.2.2).
fn is_of_same_site(head: &Head, target: &Target) -> bool {
    let server = target.authority.as_ref().or(head.host.as_ref());
    match head.field(header::ORIGIN) {
        Field::Absent => true,
        Field::Unusable => false,
        Field::Value(origin) => match (Origin::read(origin), server) {
            (Some(origin), Some(server)) => origin.is_of(server),
            _ => false,
        },
    }
}

/// One end of a WebSocket: the server's.
#[derive(Debug)]
pub struct WebSocket {
    context: WebSocketContext,
    message_bytes: usize,
    /// On the wire, since a message was last complete.
    unfinished: usize,
    /// What it did wrong, until it is told so.
    fault: Option<CloseCode>,
    is_over: bool,
}

impl WebSocket {
    /// A socket whose opening has been answered, for messages of at most `message_bytes`.
    #[must_use]
    pub fn new(message_bytes: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(usize::MAX)
            .max_message_size(Some(message_bytes))
            .max_frame_size(Some(message_bytes.min(FRAME_BYTES_MAX)));
        Self {
            context: WebSocketContext::new(Role::Server, Some(config)),
            message_bytes,
            unfinished: 0,
            fault: None,
            is_over: false,
        }
    }

    /// Whether one side has said that it closes: nothing is taken from it or sent to it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Takes what the peer has sent, appends to `heard` the messages that are complete
    /// and to `output` what the protocol answers by itself. A peer that did something
    /// wrong [is at fault](Self::is_at_fault) from then on, and is heard no more.
    pub fn receive(&mut self, bytes: &[u8], heard: &mut Vec<Message>, output: &mut Vec<u8>) {
        if self.is_over || self.is_at_fault() {
            return;
        }
        self.unfinished = self.unfinished.saturating_add(bytes.len());
        let mut wire = Wire {
            input: bytes,
            output,
        };
        let error = loop {
            match self.context.read(&mut wire) {
                Ok(message @ (Message::Text(_) | Message::Binary(_))) => {
                    self.unfinished = wire.input.len();
                    heard.push(message);
                }
                // By now a ping is answered, and so is a close. A control frame of a client
                // has six bytes beside its payload, and is no part of a message.
                Ok(Message::Ping(payload) | Message::Pong(payload)) => {
                    self.unfinished = self.unfinished.saturating_sub(6 + payload.len());
                }
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        let code = match error {
            Error::Io(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if self.unfinished <= self.message_bytes.saturating_mul(WIRE_FACTOR) {
                    return;
                }
                CloseCode::Size
            }
            Error::ConnectionClosed | Error::AlreadyClosed => {
                self.is_over = true;
                return;
            }
            Error::Utf8(_) => CloseCode::Invalid,
            Error::Capacity(CapacityError::MessageTooLong { .. }) => CloseCode::Size,
            _ => CloseCode::Protocol,
        };
        self.fault = Some(code);
    }

    /// Whether the peer did something wrong and has not been told. What it had said
    /// before can still be answered.
    #[must_use]
    pub fn is_at_fault(&self) -> bool {
        self.fault.is_some()
    }

    /// Closes on a peer that is at fault.
    pub fn conclude(&mut self, output: &mut Vec<u8>) {
        if let Some(code) = self.fault.take() {
            self.close(code, "", output);
        }
    }

    /// Appends a message to `output`. After the end it is dropped.
    pub fn send(&mut self, message: Message, output: &mut Vec<u8>) {
        let mut wire = Wire { input: &[], output };
        // Memory takes it all; it fails only after the end.
        let _ = self.context.write(&mut wire, message);
    }

    /// Appends the end and its reason to `output`.
    pub fn close(&mut self, code: CloseCode, reason: &'static str, output: &mut Vec<u8>) {
        self.is_over = true;
        let reason = Utf8Bytes::from_static(reason);
        let mut wire = Wire { input: &[], output };
        // As `send`.
        let _ = self
            .context
            .close(&mut wire, Some(CloseFrame { code, reason }));
    }
}

/// What `tungstenite` takes for a stream.
struct Wire<'a> {
    input: &'a [u8],
    output: &'a mut Vec<u8>,
}

impl Read for Wire<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.input.is_empty() {
            true => Err(io::ErrorKind::WouldBlock.into()),
            false => self.input.read(into),
        }
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
