use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use socket2::{SockAddr, SockRef, Socket};
use waitset_core::AsSource;

use super::{AcceptErrors, AcceptVerdict};

/// What an [`Acceptor`] takes connections from.
pub trait AcceptSource: AsSource + Sized {
    /// A connection.
    type Stream;
    /// Who is at its other end.
    type Peer: fmt::Debug;

    /// Takes one connection, which neither blocks nor is inherited by programs that are
    /// executed, without waiting for it.
    ///
    /// # Errors
    ///
    /// As accept(2), `WouldBlock` if there is none.
    fn try_accept(&self) -> io::Result<(Self::Stream, Self::Peer)>;

    /// Makes [`try_accept`](Self::try_accept) answer `WouldBlock` instead of waiting.
    ///
    /// # Errors
    ///
    /// As fcntl(2).
    fn set_nonblocking(&self) -> io::Result<()> {
        SockRef::from(self).set_nonblocking(true)
    }

    /// Has small writes to the connections sent immediately, where the protocol would delay
    /// them: `TCP_NODELAY` for TCP, nothing for others.
    ///
    /// # Errors
    ///
    /// As setsockopt(2).
    ///
    /// # Platform notes
    ///
    /// One setsockopt(2) on the listening socket. The connections that it accepts inherit
    /// the option (tcp(7)), which costs them no system call.
    fn set_nodelay(&self) -> io::Result<()> {
        Ok(())
    }
}

impl AcceptSource for TcpListener {
    type Stream = TcpStream;
    type Peer = SocketAddr;

    fn try_accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (socket, address) = accept(self)?;
        let peer = address.as_socket();
        let peer = peer.ok_or_else(|| io::Error::from_raw_os_error(libc::EAFNOSUPPORT))?;
        Ok((socket.into(), peer))
    }

    fn set_nodelay(&self) -> io::Result<()> {
        SockRef::from(self).set_tcp_nodelay(true)
    }
}

impl AcceptSource for UnixListener {
    type Stream = UnixStream;
    /// Who connects to a Unix socket has no name.
    type Peer = ();

    fn try_accept(&self) -> io::Result<(UnixStream, ())> {
        let (socket, _) = accept(self)?;
        Ok((socket.into(), ()))
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn accept(listener: &impl AsSource) -> io::Result<(Socket, SockAddr)> {
    SockRef::from(listener).accept4(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn accept(listener: &impl AsSource) -> io::Result<(Socket, SockAddr)> {
    let (socket, peer) = SockRef::from(listener).accept()?;
    socket.set_nonblocking(true)?;
    Ok((socket, peer))
}

/// Takes connections from a listener, and goes on where accept loops break.
///
/// - **A turn is bounded.** [`accept_batch`](Self::accept_batch) takes 32 connections at most, so that a
///   flood of them leaves the others their time. [`has_more`](Self::has_more) says
///   whether to come back without being told: an edge has been used up.
/// - **Descriptors that run out** (`EMFILE`, `ENFILE`) would leave the connection in the
///   backlog and the listener readable, and the loop would spin. The acceptor keeps one
///   descriptor in reserve: it gives that up, takes the connection, closes it, and takes
///   the descriptor back. The peer sees an end instead of silence, and you see
///   [`AcceptError::DescriptorLimit`]. Where that is not to be, or fails, the turn ends and
///   [`backoff`](Self::backoff) says for how long to leave the listener alone.
/// - **Connections that are gone** before they are taken (`ECONNABORTED` and the network's
///   errors, which Linux passes on through accept(2)) are passed over, as
///   [`AcceptError::Aborted`]. If such errors last, the listener rests as it does without
///   descriptors, or [has failed](AcceptError::Failed); see the table below.
/// - **Small answers are sent immediately**: TCP connections have `TCP_NODELAY` set, because
///   Nagle's algorithm and the peer's delayed acknowledgements together hold back the second
///   of two small writes for about 40 ms. To turn it off, call `set_nodelay(false)` on an
///   accepted stream, or clear the option of [`get_ref`](Self::get_ref) for all of them.
///
/// [`Handle::listen`](crate::LocalHandle::listen) does all that is left to do in an event loop.
///
/// # Platform notes
///
/// accept4(2) with `SOCK_NONBLOCK | SOCK_CLOEXEC` on Linux: one call a connection, and one
/// more a turn that finds the backlog empty. Elsewhere accept(2) and fcntl(2). The
/// reserve is a duplicate of the listener, made by fcntl(2). `TCP_NODELAY` is set once, on the
/// listening socket, by [`new`](Self::new).
///
/// The backlog is the listener's: 128 in the standard library on Linux, capped by
/// `net.core.somaxconn`, and where it is full connections wait with their sender and are
/// tried again (listen(2)). None of them is lost.
///
/// ```
/// use std::net::{TcpListener, TcpStream};
/// use waitset::stream::Acceptor;
/// use waitset::{Interest, Mode, WaitSet};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let address = listener.local_addr()?;
/// let mut set = WaitSet::new()?;
/// let key = set.insert(Acceptor::new(listener)?, Interest::READABLE, Mode::Level)?;
/// let client = TcpStream::connect(address)?;
/// set.wait(None)?;
/// for accepted in set.get(key).unwrap().accept_batch() {
///     match accepted {
///         Ok((_stream, peer)) => assert_eq!(peer, client.local_addr()?),
///         Err(refusal) => eprintln!("{refusal}"),
///     }
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias("accept", "accept4", "EMFILE", "ENFILE", "ECONNABORTED", "backlog"))]
pub struct Acceptor<L> {
    listener: L,
    keeps_reserve: bool,
    reserve: RefCell<Option<OwnedFd>>,
    most: usize,
    has_more: Cell<bool>,
    pause: Cell<Option<Duration>>,
    /// The pause to ask for next time; doubles until a connection is taken.
    next_pause: Cell<Duration>,
    errors: AcceptErrors,
}

/// How many connections a turn takes unless told otherwise.
const TURN: usize = 32;

/// The first and the longest pause that is asked for.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl<L: AcceptSource> Acceptor<L> {
    /// Makes `listener` non-blocking, sets `TCP_NODELAY` for its connections, and opens the
    /// reserve.
    ///
    /// # Errors
    ///
    /// `EMFILE` if not even the reserve is available, else as fcntl(2).
    pub fn new(listener: L) -> io::Result<Self> {
        listener.set_nonblocking()?;
        // It fails only on what is no TCP socket, and accept(2) has the better error for that.
        let _ = listener.set_nodelay();
        let reserve = open_reserve(&listener)?;
        Ok(Self {
            listener,
            keeps_reserve: true,
            reserve: RefCell::new(Some(reserve)),
            most: TURN,
            has_more: Cell::new(false),
            pause: Cell::new(None),
            next_pause: Cell::new(FIRST_PAUSE),
            errors: AcceptErrors::default(),
        })
    }

    /// Lets connections wait in the backlog when descriptors run out, instead of refusing
    /// them: [`backoff`](Self::backoff) each time.
    #[must_use]
    pub fn without_reserve(self) -> Self {
        Self {
            keeps_reserve: false,
            reserve: RefCell::new(None),
            ..self
        }
    }

    /// Takes `most` connections a turn, at least one, instead of 32.
    #[must_use]
    pub fn with_batch(self, most: usize) -> Self {
        Self {
            most: most.max(1),
            ..self
        }
    }

    /// Takes what is in the backlog, as much as a turn has.
    ///
    /// What is not iterated over is left there. One turn at a time: a second begins anew.
    pub fn accept_batch(&self) -> AcceptBatch<'_, L> {
        self.has_more.set(false);
        self.pause.set(None);
        if self.keeps_reserve && self.reserve.borrow().is_none() {
            *self.reserve.borrow_mut() = open_reserve(&self.listener).ok();
        }
        AcceptBatch {
            acceptor: self,
            left: self.most,
        }
    }

    /// Whether the last turn ended at its bound: there may be more, and an edge-triggered
    /// or one-shot listener tells of it only if it is re-armed.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.has_more.get()
    }

    /// For how long to leave the listener alone, if the last turn ended because the system
    /// has no more descriptors or memory, or because the network keeps failing: 10 ms at
    /// first, doubling to a second until a connection is taken.
    #[must_use]
    pub fn backoff(&self) -> Option<Duration> {
        self.pause.get()
    }

    /// The listener.
    #[must_use]
    pub fn get_ref(&self) -> &L {
        &self.listener
    }

    /// Gives the listener back.
    #[must_use]
    pub fn into_inner(self) -> L {
        self.listener
    }

    /// Takes one connection with the descriptor of the reserve, and closes it.
    fn refuse(&self, error: io::Error) -> Step<L> {
        if self.reserve.borrow_mut().take().is_none() {
            return self.rest(error);
        }
        let answer = self.listener.try_accept();
        // The stream is closed before the reserve is opened in its place.
        let answer = answer.map(|(_, peer)| peer);
        *self.reserve.borrow_mut() = open_reserve(&self.listener).ok();
        match answer {
            Ok(peer) => Step::Told(Err(AcceptError::DescriptorLimit { peer, error })),
            Err(again) => match self.errors.judge(&self.listener, &again) {
                // Another thread was faster, or the whole system has none.
                AcceptVerdict::DescriptorLimit => self.rest(again),
                verdict => self.after(verdict, again),
            },
        }
    }

    fn rest(&self, error: io::Error) -> Step<L> {
        let pause = self.next_pause.get();
        self.next_pause.set(LONGEST_PAUSE.min(2 * pause));
        self.pause.set(Some(pause));
        Step::Last(AcceptError::Backoff { error, pause })
    }

    fn after(&self, verdict: AcceptVerdict, error: io::Error) -> Step<L> {
        match verdict {
            AcceptVerdict::WouldBlock => Step::Empty,
            AcceptVerdict::Interrupted => Step::Again,
            AcceptVerdict::Aborted => Step::Told(Err(AcceptError::Aborted(error))),
            AcceptVerdict::DescriptorLimit => self.refuse(error),
            AcceptVerdict::Backoff => self.rest(error),
            AcceptVerdict::Failed => Step::Last(AcceptError::Failed(error)),
            AcceptVerdict::ShutDown => {
                let error = io::Error::from_raw_os_error(libc::EINVAL);
                Step::Last(AcceptError::Failed(error))
            }
        }
    }
}

/// A descriptor that needs neither a path nor a socket more, which a sandbox might refuse.
fn open_reserve(listener: &impl AsSource) -> io::Result<OwnedFd> {
    listener.as_fd().try_clone_to_owned()
}

/// What one accept(2) came to.
enum Step<L: AcceptSource> {
    Told(Taken<L>),
    /// What ends the turn.
    Last(AcceptError<L::Peer>),
    Again,
    Empty,
}

/// A connection and its peer, or why there is none.
type Taken<L> = Result<
    (<L as AcceptSource>::Stream, <L as AcceptSource>::Peer),
    AcceptError<<L as AcceptSource>::Peer>,
>;

/// The connections of one [`Acceptor::accept_batch`].
#[derive(Debug)]
#[must_use = "connections are taken as it is iterated over"]
pub struct AcceptBatch<'a, L> {
    acceptor: &'a Acceptor<L>,
    /// How many times it may still call accept(2).
    left: usize,
}

impl<L: AcceptSource> Iterator for AcceptBatch<'_, L> {
    type Item = Taken<L>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.left > 0 {
            self.left -= 1;
            // Until the backlog is seen to be empty.
            self.acceptor.has_more.set(true);
            let step = match self.acceptor.listener.try_accept() {
                Ok(taken) => {
                    self.acceptor.next_pause.set(FIRST_PAUSE);
                    self.acceptor.errors.clear();
                    Step::Told(Ok(taken))
                }
                Err(error) => {
                    let Acceptor {
                        listener, errors, ..
                    } = self.acceptor;
                    let verdict = errors.judge(listener, &error);
                    self.acceptor.after(verdict, error)
                }
            };
            match step {
                Step::Told(taken) => return Some(taken),
                Step::Again => {}
                Step::Empty => {
                    self.left = 0;
                    self.acceptor.has_more.set(false);
                }
                Step::Last(refusal) => {
                    self.left = 0;
                    return Some(Err(refusal));
                }
            }
        }
        None
    }
}

/// Why a connection was not accepted.
#[derive(Debug)]
#[non_exhaustive]
pub enum AcceptError<Peer> {
    /// There was no descriptor left for it, so it was taken and closed.
    DescriptorLimit {
        /// Who was refused.
        peer: Peer,
        /// `EMFILE` or `ENFILE`.
        error: io::Error,
    },
    /// It was gone before it was taken. The listener is well.
    Aborted(io::Error),
    /// Descriptors or memory have run out, or the network keeps failing, and the connection
    /// is left in the backlog. The turn is over.
    Backoff {
        /// `EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`, or an error of the network that lasts.
        error: io::Error,
        /// For how long to leave the listener alone.
        pause: Duration,
    },
    /// The listener itself has failed, and will again: it is no listening socket, or each
    /// call is refused. The turn is over.
    Failed(io::Error),
}

impl<Peer> AcceptError<Peer> {
    /// What accept(2) answered.
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
                "closed a connection from {peer:?} at once: {error}; raise RLIMIT_NOFILE or \
                 close idle connections earlier"
            ),
            Self::Aborted(error) => write!(f, "a connection was gone before it was taken: {error}"),
            Self::Backoff { error, pause } => {
                write!(f, "accepting nothing for {pause:?}: {error}")
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

impl<L: AsFd> AsFd for Acceptor<L> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl<L> fmt::Debug for Acceptor<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor")
            .field("has_reserve", &self.reserve.borrow().is_some())
            .field("turn", &self.most)
            .field("has_more", &self.has_more.get())
            .field("pause", &self.pause.get())
            .finish_non_exhaustive()
    }
}
