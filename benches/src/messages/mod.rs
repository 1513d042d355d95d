//! Messages that go there and back over a pair of sockets, through a whole layer: what
//! `instructions` counts besides the chain of pipes.

pub mod connection;
pub mod echo;
pub mod http;

use std::fmt;
use std::io;
use std::str::FromStr;

/// The bytes of a message.
pub const MESSAGE: usize = 64;

/// A layer that answers messages, one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// An `EventLoop` echoes through a `Connection`; the client is a bare socket.
    Connection,
    /// Two tasks of one `waitset_async::Executor`, an echo and its client.
    AsyncEcho,
    /// A server of hyper's and its client, two tasks of one `waitset_async::Executor`.
    AsyncHttp,
}

impl Exchange {
    /// All of this platform's.
    pub const ALL: &[Self] = &[Self::Connection, Self::AsyncEcho, Self::AsyncHttp];

    /// The name, as it stands in tables and identifiers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::AsyncEcho => "async-echo",
            Self::AsyncHttp => "async-http",
        }
    }

    /// Exchanges `count` messages and checks each answer.
    ///
    /// # Errors
    ///
    /// Returns the error of a call of the layer, and [`InvalidData`](io::ErrorKind::InvalidData)
    /// if an answer is wrong.
    pub fn run(self, count: u64) -> io::Result<()> {
        match self {
            Self::Connection => connection::run(count),
            Self::AsyncEcho => echo::run(count),
            Self::AsyncHttp => http::run(count),
        }
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Exchange {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let named = |one: &&Self| one.name() == name;
        Self::ALL.iter().find(named).copied().ok_or(())
    }
}

/// Refuses an answer that is not what was sent.
fn expect(answer: &[u8], expected: &[u8]) -> io::Result<()> {
    match answer == expected {
        true => Ok(()),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the answer is not what was sent",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_is_answered() {
        for exchange in Exchange::ALL {
            exchange.run(100).unwrap();
            assert_eq!(exchange.to_string().parse(), Ok(*exchange));
        }
    }

    #[test]
    fn a_wrong_answer_is_refused() {
        assert!(expect(b"a", b"a").is_ok());
        assert!(expect(b"a", b"b").is_err());
    }
}
