//! A page's end of a WebSocket.

use std::net::TcpStream;

use serde_json::Value;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Error, Message, WebSocket};

use super::Server;

/// A client that speaks the protocol well.
pub(crate) struct Tab(pub(crate) WebSocket<TcpStream>);

impl Tab {
    pub(crate) fn open(server: &Server, path: &str) -> Self {
        Self::over(server.connect().stream, path)
    }

    /// On a connection that there is already.
    pub(crate) fn over(stream: TcpStream, path: &str) -> Self {
        // What is said goes out at once, not with the answer to what was said before.
        stream.set_nodelay(true).unwrap();
        let url = format!("ws://{}{path}", stream.peer_addr().unwrap());
        Self(tungstenite::client(url, stream).unwrap().0)
    }

    pub(crate) fn say(&mut self, said: &Value) {
        self.0.send(Message::text(said.to_string())).unwrap();
    }

    /// The next that it is told.
    pub(crate) fn told(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.0.read().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// Closes as a browser does: the server hangs up first.
    pub(crate) fn close(mut self) {
        self.0.close(None).unwrap();
        loop {
            match self.0.read() {
                Ok(_) => {}
                Err(Error::ConnectionClosed) => return,
                Err(error) => panic!("no close came: {error}"),
            }
        }
    }

    /// The code of the close that ends it.
    pub(crate) fn close_code(&mut self) -> Option<CloseCode> {
        loop {
            match self.0.read() {
                Ok(Message::Close(frame)) => return frame.map(|frame| frame.code),
                Ok(_) => {}
                Err(error) => panic!("no close came: {error}"),
            }
        }
    }
}
