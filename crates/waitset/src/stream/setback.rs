//! What an error of accept(2) means for the listener.

use std::cell::Cell;
use std::io;

use socket2::{SockRef, Type};
use waitset_core::AsSource;

use super::sys::Descriptor;

/// What to do after accept(2) has failed, as [`Setbacks::judge`] finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Setback {
    /// No connection is waiting (`EAGAIN`). Wait until the listener is readable.
    NoneWaiting,
    /// A signal handler ran (`EINTR`). Call accept(2) again.
    Interrupted,
    /// One connection was gone before it was taken. Call accept(2) again: the listener is
    /// well.
    Lost,
    /// No descriptor is left for the connection, which stays in the backlog (`EMFILE`,
    /// `ENFILE`).
    NoDescriptor,
    /// The system cannot accept at the moment: memory has run out (`ENOBUFS`, `ENOMEM`), or
    /// the network has failed several times in a row. Leave the listener alone for a while.
    Pause,
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
/// calls in a row fail in this way. From the eighth on ([`MOST_LOST`](Self::MOST_LOST)), the
/// condition lasts.
///
/// [`Acceptor`](super::Acceptor) and the async listeners use this. It is for callers of
/// [`Listener::accept`](super::Listener::accept).
///
/// | error | is |
/// |---|---|
/// | `EAGAIN`, `EINTR` | `NoneWaiting`, `Interrupted` |
/// | `EAGAIN` twice in a row, of a socket that has hung up | `ShutDown` |
/// | `ECONNABORTED`, `ECONNRESET`, `EPROTO`, `ETIMEDOUT` | `Lost` |
/// | `ENETDOWN`, `ENETUNREACH`, `EHOSTDOWN`, `EHOSTUNREACH`, `ENONET` | `Lost`; `Pause` if it lasts |
/// | `EPERM`, `ENOPROTOOPT`, `EOPNOTSUPP` | `Lost`; `Failed` if it lasts |
/// | `EOPNOTSUPP` of a socket that is neither `SOCK_STREAM` nor `SOCK_SEQPACKET` | `Failed` |
/// | `EMFILE`, `ENFILE` | `NoDescriptor` |
/// | `ENOBUFS`, `ENOMEM` | `Pause` |
/// | all others: `EINVAL`, `EBADF`, `ENOTSOCK`, … | `Failed` |
///
/// # Platform notes
///
/// For `EOPNOTSUPP`, a getsockopt(2) of `SO_TYPE`; for an `EAGAIN` that follows another
/// without a connection between them, a poll(2); otherwise no system call.
///
/// ```
/// use std::io::Error;
/// use std::net::{TcpListener, UdpSocket};
/// use waitset::stream::{Setback, Setbacks};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let setbacks = Setbacks::default();
/// let judge = |number| setbacks.judge(&listener, &Error::from_raw_os_error(number));
/// assert_eq!(judge(libc::ECONNABORTED), Setback::Lost);
/// for _ in 1..Setbacks::MOST_LOST {
///     assert_eq!(judge(libc::ENETDOWN), Setback::Lost);
/// }
/// assert_eq!(judge(libc::ENETDOWN), Setback::Pause);
///
/// let datagrams = UdpSocket::bind("127.0.0.1:0")?;
/// let error = Error::from_raw_os_error(libc::EOPNOTSUPP);
/// assert_eq!(setbacks.judge(&datagrams, &error), Setback::Failed);
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias("accept", "ECONNABORTED", "ENETDOWN", "EOPNOTSUPP", "EPERM"))]
#[derive(Debug, Default)]
pub struct Setbacks {
    /// How many calls in a row have failed in a way that may last.
    in_a_row: Cell<u32>,
    /// Whether no connection was waiting the last time.
    was_empty: Cell<bool>,
}

impl Setbacks {
    /// The number of calls in a row that fail with errors of the network before those errors
    /// count as lasting.
    pub const MOST_LOST: u32 = 8;

    /// Returns what `error`, which accept(2) on `listener` returned, means.
    pub fn judge(&self, listener: &impl AsSource, error: &io::Error) -> Setback {
        let Some(number) = error.raw_os_error() else {
            return Self::of_kind(error.kind());
        };
        match number {
            libc::EAGAIN => self.none_waiting(listener),
            libc::EINTR => Setback::Interrupted,
            libc::ECONNABORTED | libc::ECONNRESET | libc::EPROTO | libc::ETIMEDOUT => Setback::Lost,
            libc::EMFILE | libc::ENFILE => Setback::NoDescriptor,
            libc::ENOBUFS | libc::ENOMEM => Setback::Pause,
            libc::EOPNOTSUPP if !has_connections(listener) => Setback::Failed,
            libc::EPERM | libc::ENOPROTOOPT | libc::EOPNOTSUPP => self.lost_or(Setback::Failed),
            _ if is_of_the_network(number) => self.lost_or(Setback::Pause),
            _ => Setback::Failed,
        }
    }

    /// Notes that a connection was taken.
    pub fn clear(&self) {
        self.in_a_row.set(0);
        self.was_empty.set(false);
    }

    fn none_waiting(&self, listener: &impl AsSource) -> Setback {
        self.in_a_row.set(0);
        // To be called again for nothing is unusual: others take the connections, or it is dead.
        let is_suspect = self.was_empty.replace(true);
        match is_suspect && Descriptor(listener.as_fd()).look().is_hung_up() {
            true => Setback::ShutDown,
            false => Setback::NoneWaiting,
        }
    }

    /// Errors that a [`Listener`](super::Listener) of your own makes have no number.
    fn of_kind(kind: io::ErrorKind) -> Setback {
        match kind {
            io::ErrorKind::WouldBlock => Setback::NoneWaiting,
            io::ErrorKind::Interrupted => Setback::Interrupted,
            io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset => Setback::Lost,
            _ => Setback::Failed,
        }
    }

    fn lost_or(&self, lasting: Setback) -> Setback {
        let in_a_row = self.in_a_row.get().saturating_add(1);
        self.in_a_row.set(in_a_row);
        match in_a_row < Self::MOST_LOST {
            true => Setback::Lost,
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
