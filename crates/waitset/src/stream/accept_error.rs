//! Why a connection was not accepted.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

/// The reason why a connection was not accepted.
///
/// accept(2) returns errors of the network that belong to one connection, so that the next call
/// accepts the next one. The same errors also report conditions that last: from the eighth in a
/// row on, they count as lasting.
///
/// | error of accept(2) | is |
/// |---|---|
/// | `EAGAIN`, `EINTR` | no error: the batch ends, or the call is repeated |
/// | `ECONNABORTED`, `ECONNRESET`, `EPROTO`, `ETIMEDOUT` | `Aborted` |
/// | `ENETDOWN`, `ENETUNREACH`, `EHOSTDOWN`, `EHOSTUNREACH`, `ENONET` | `Aborted`; `Backoff` if it lasts |
/// | `EPERM`, `ENOPROTOOPT`, `EOPNOTSUPP` | `Aborted`; `Failed` if it lasts |
/// | `EOPNOTSUPP` of a socket that is neither `SOCK_STREAM` nor `SOCK_SEQPACKET` | `Failed` |
/// | `EMFILE`, `ENFILE` | `DescriptorLimit`; `Backoff` without a reserve |
/// | `ENOBUFS`, `ENOMEM` | `Backoff` |
/// | all others: `EINVAL`, `EBADF`, `ENOTSOCK`, … | `Failed` |
///
/// ```
/// use std::net::SocketAddr;
/// use waitset::stream::AcceptError;
///
/// /// Whether an operator has to do something.
/// fn is_serious(error: &AcceptError<SocketAddr>) -> bool {
///     !matches!(error, AcceptError::Aborted(_))
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum AcceptError<Peer> {
    /// There was no descriptor left for the connection, so it was accepted and closed. Raise
    /// `RLIMIT_NOFILE`, or close idle connections earlier.
    DescriptorLimit {
        /// The address of the client.
        peer: Peer,
        /// `EMFILE` or `ENFILE`.
        error: io::Error,
    },
    /// The connection was gone before it was accepted. The listener is well.
    Aborted(io::Error),
    /// Descriptors or memory have run out, or the network keeps failing, and the connection
    /// stays in the backlog. The batch is over.
    Backoff {
        /// `EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`, or an error of the network that lasts.
        error: io::Error,
        /// For how long to leave the listener alone.
        delay: Duration,
    },
    /// The listener itself has failed, and will again: it is no listening socket, or each
    /// call is refused. The batch is over.
    Failed(io::Error),
}

impl<Peer> AcceptError<Peer> {
    /// Returns the error of accept(2).
    #[must_use]
    pub const fn error(&self) -> &io::Error {
        match self {
            Self::DescriptorLimit { error, .. } | Self::Backoff { error, .. } => error,
            Self::Aborted(error) | Self::Failed(error) => error,
        }
    }
}

impl<Peer: fmt::Debug> fmt::Display for AcceptError<Peer> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DescriptorLimit { peer, error } => write!(
                f,
                "closed a connection from {peer:?} immediately: {error}; raise RLIMIT_NOFILE or \
                 close idle connections earlier"
            ),
            Self::Aborted(error) => {
                write!(f, "a connection was gone before it was accepted: {error}")
            }
            Self::Backoff { error, delay } => {
                write!(f, "accepting nothing for {delay:?}: {error}")
            }
            Self::Failed(error) => write!(f, "the listener has failed: {error}"),
        }
    }
}

impl<Peer: fmt::Debug> Error for AcceptError<Peer> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.error())
    }
}
