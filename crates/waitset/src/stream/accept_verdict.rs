//! What an error of accept(2) means for the listener.

use std::cell::Cell;
use std::io;

use socket2::{SockRef, Type};
use waitset_core::AsSource;

use super::sys::Descriptor;

/// What to do after accept(2) has failed, as [`AcceptErrors::judge`] finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcceptVerdict {
    /// No connection is waiting (`EAGAIN`). Wait until the listener is readable.
    WouldBlock,
    /// A signal handler ran (`EINTR`). Call accept(2) again.
    Interrupted,
    /// One connection was gone before it was taken. Call accept(2) again: the listener is
    /// well.
    Aborted,
    /// No descriptor is left for the connection, which stays in the backlog (`EMFILE`,
    /// `ENFILE`).
    DescriptorLimit,
    /// The system cannot accept at the moment: memory has run out (`ENOBUFS`, `ENOMEM`), or
    /// the network has failed several times in a row. Leave the listener alone for a while.
    Backoff,
    /// The listener will never accept, and calling accept(2) again is pointless.
    Failed,
    /// The same: it is a Unix listener that was shut down, which reads as readable forever
    /// while accept(2) returns `EAGAIN`. Report `EINVAL`, as TCP does.
    ShutDown,
}

/// Judges the errors of accept(2) for one listener.
///
/// accept(2) lists errors of the network that Linux passes on and that you should treat as
/// `EAGAIN`, "by retrying". They belong to one connection, and the next call takes the next
/// one. The same numbers also report conditions that last: a network that is down, a filter
/// that refuses every call, a socket that has no connections at all. So this counts how many
/// calls in a row fail in this way. From the eighth on ([`MOST_ABORTED`](Self::MOST_ABORTED)), the
/// condition lasts.
///
/// [`Acceptor`](super::Acceptor) and the async listeners use this. It is for callers of
/// [`AcceptSource::try_accept`](super::AcceptSource::try_accept).
///
/// [`AcceptError`](super::AcceptError) lists which error is what. Here, `EAGAIN` twice in a row of
/// a socket that has hung up is `ShutDown`.
///
/// # Platform notes
///
/// For `EOPNOTSUPP`, a getsockopt(2) of `SO_TYPE`; for an `EAGAIN` that follows another
/// without a connection between them, a poll(2); otherwise no system call.
///
/// ```
/// use std::io::Error;
/// use std::net::{TcpListener, UdpSocket};
/// use waitset::stream::{AcceptErrors, AcceptVerdict};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let errors = AcceptErrors::default();
/// let judge = |number| errors.judge(&listener, &Error::from_raw_os_error(number));
/// assert_eq!(judge(libc::ECONNABORTED), AcceptVerdict::Aborted);
/// for _ in 1..AcceptErrors::MOST_ABORTED {
///     assert_eq!(judge(libc::ENETDOWN), AcceptVerdict::Aborted);
/// }
/// assert_eq!(judge(libc::ENETDOWN), AcceptVerdict::Backoff);
///
/// let datagrams = UdpSocket::bind("127.0.0.1:0")?;
/// let error = Error::from_raw_os_error(libc::EOPNOTSUPP);
/// assert_eq!(errors.judge(&datagrams, &error), AcceptVerdict::Failed);
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias("accept", "ECONNABORTED", "ENETDOWN", "EOPNOTSUPP", "EPERM"))]
#[derive(Debug, Default)]
pub struct AcceptErrors {
    /// How many calls in a row have failed in a way that may last.
    in_a_row: Cell<u32>,
    /// Whether no connection was waiting the last time.
    was_empty: Cell<bool>,
}

impl AcceptErrors {
    /// The number of calls in a row that fail with errors of the network before those errors
    /// count as lasting.
    pub const MOST_ABORTED: u32 = 8;

    /// Returns what `error`, which accept(2) on `listener` returned, means.
    pub fn judge(&self, listener: &impl AsSource, error: &io::Error) -> AcceptVerdict {
        let Some(number) = error.raw_os_error() else {
            return Self::of_kind(error.kind());
        };
        match number {
            libc::EAGAIN => self.none_waiting(listener),
            libc::EINTR => AcceptVerdict::Interrupted,
            libc::ECONNABORTED | libc::ECONNRESET | libc::EPROTO | libc::ETIMEDOUT => {
                AcceptVerdict::Aborted
            }
            libc::EMFILE | libc::ENFILE => AcceptVerdict::DescriptorLimit,
            libc::ENOBUFS | libc::ENOMEM => AcceptVerdict::Backoff,
            libc::EOPNOTSUPP if !has_connections(listener) => AcceptVerdict::Failed,
            libc::EPERM | libc::ENOPROTOOPT | libc::EOPNOTSUPP => {
                self.lost_or(AcceptVerdict::Failed)
            }
            _ if is_of_the_network(number) => self.lost_or(AcceptVerdict::Backoff),
            _ => AcceptVerdict::Failed,
        }
    }

    /// Notes that a connection was taken.
    pub fn clear(&self) {
        self.in_a_row.set(0);
        self.was_empty.set(false);
    }

    fn none_waiting(&self, listener: &impl AsSource) -> AcceptVerdict {
        self.in_a_row.set(0);
        // To be called again for nothing is unusual: others take the connections, or it is dead.
        let is_suspect = self.was_empty.replace(true);
        match is_suspect && Descriptor(listener.as_fd()).look().is_hung_up() {
            true => AcceptVerdict::ShutDown,
            false => AcceptVerdict::WouldBlock,
        }
    }

    /// Errors that a [`AcceptSource`](super::AcceptSource) of your own makes have no number.
    fn of_kind(kind: io::ErrorKind) -> AcceptVerdict {
        match kind {
            io::ErrorKind::WouldBlock => AcceptVerdict::WouldBlock,
            io::ErrorKind::Interrupted => AcceptVerdict::Interrupted,
            io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset => {
                AcceptVerdict::Aborted
            }
            _ => AcceptVerdict::Failed,
        }
    }

    fn lost_or(&self, lasting: AcceptVerdict) -> AcceptVerdict {
        let in_a_row = self.in_a_row.get().saturating_add(1);
        self.in_a_row.set(in_a_row);
        match in_a_row < Self::MOST_ABORTED {
            true => AcceptVerdict::Aborted,
            false => lasting,
        }
    }
}

/// Whether accept(2) is made for sockets of this type.
fn has_connections(listener: &impl AsSource) -> bool {
    let style = SockRef::from(listener).r#type();
    style.is_ok_and(|style| style == Type::STREAM || style == Type::SEQPACKET)
}

fn is_of_the_network(number: i32) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if number == libc::ENONET {
        return true;
    }
    matches!(
        number,
        libc::ENETDOWN | libc::ENETUNREACH | libc::EHOSTDOWN | libc::EHOSTUNREACH
    )
}
