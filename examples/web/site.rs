//! What a server serves beside files.

use tungstenite::Message;
use waitset::Key;

/// What makes one server another: its WebSockets, if it has any.
pub trait Site: 'static {
    /// The paths that are WebSockets. All others are files.
    const SOCKETS: &'static [&'static str] = &[];

    /// `who` has opened the WebSocket at `path`.
    fn opened(&mut self, who: Key, path: &'static str, outbox: &mut Outbox) {
        let _ = (who, path, outbox);
    }

    /// `who` has sent a message.
    fn heard(&mut self, who: Key, message: Message, outbox: &mut Outbox) {
        let _ = (who, message, outbox);
    }

    /// `who` is gone, and what is still sent to it is dropped.
    fn left(&mut self, who: Key, outbox: &mut Outbox) {
        let _ = (who, outbox);
    }
}

/// Files and nothing else.
#[derive(Debug)]
pub struct Static;

impl Site for Static {}

/// Messages to be sent when the site has said all it has to say.
#[derive(Debug, Default)]
pub struct Outbox {
    pub(super) letters: std::collections::VecDeque<(Key, Message)>,
}

impl Outbox {
    /// Sends a message to `whom`. The bytes of a message are shared by its clones.
    pub fn send(&mut self, whom: Key, message: Message) {
        self.letters.push_back((whom, message));
    }
}
