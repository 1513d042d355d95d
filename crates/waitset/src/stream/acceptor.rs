//! Accepting connections, a bounded number at a time.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use waitset_core::AsSource;

use super::{AcceptError, AcceptErrors, AcceptSource, AcceptVerdict};

/// Accepts connections, and continues where accept loops break.
///
/// It is a source: insert it into an [`EventLoop`](crate::EventLoop) with
/// [`Handle::listen`](crate::LocalHandle::listen), which does the rest, or into a
/// [`WaitSet`](crate::WaitSet) or a bare [`Reactor`](crate::Reactor), and call
/// [`accept_batch`](Self::accept_batch) when it is readable.
///
/// | to | call |
/// |---|---|
/// | accept what is waiting, a bounded number | [`accept_batch`](Self::accept_batch) |
/// | know whether to re-arm a source that is not level-triggered | [`has_more`](Self::has_more) |
/// | know for how long to leave it alone | [`backoff`](Self::backoff) |
/// | accept more or fewer at a time | [`with_batch`](Self::with_batch) |
/// | let connections wait instead of closing them | [`without_reserve`](Self::without_reserve) |
/// | set an option of the listener | [`get_ref`](Self::get_ref) |
///
/// What it gets right:
///
/// - **A batch is bounded.** [`accept_batch`](Self::accept_batch) accepts at most 32 connections,
///   so that a flood of them does not starve the others. [`has_more`](Self::has_more) is `true`
///   if it stopped there: an edge has been used up.
/// - **Descriptors that run out** (`EMFILE`, `ENFILE`) would leave the connection in the
///   backlog and the listener readable, and the loop would spin. The acceptor keeps one
///   descriptor in reserve: it closes that, accepts the connection, closes it, and opens the
///   reserve again. The peer sees an end instead of silence, and you get
///   [`AcceptError::DescriptorLimit`]. If you turn that off, or it fails, the batch ends and
///   [`backoff`](Self::backoff) says for how long to leave the listener alone.
/// - **Connections that are gone** before they are accepted (`ECONNABORTED` and the network's
///   errors, which Linux passes on through accept(2)) are passed over, as
///   [`AcceptError::Aborted`]. If such errors last, the listener rests as it does without
///   descriptors, or [has failed](AcceptError::Failed). [`AcceptError`] lists which error is what.
/// - **Small answers are sent immediately**: TCP connections have `TCP_NODELAY` set, because
///   Nagle's algorithm and the peer's delayed acknowledgements together hold back the second
///   of two small writes for about 40 ms. To turn it off, call `set_nodelay(false)` on an
///   accepted stream, or clear the option of [`get_ref`](Self::get_ref) for all of them.
///
/// Over waitset-async, take its `Async<TcpListener>` and `incoming` instead, which do the same.
///
/// # Platform notes
///
/// accept4(2) with `SOCK_NONBLOCK | SOCK_CLOEXEC` on Linux: one call per connection, and one
/// more per batch that finds the backlog empty. Elsewhere accept(2) and fcntl(2). The
/// reserve is a duplicate of the listener, made by fcntl(2). `TCP_NODELAY` is set once, on the
/// listening socket, by [`new`](Self::new).
///
/// The backlog is the listener's: 128 in the standard library on Linux, capped by
/// `net.core.somaxconn`. If it is full, connections wait with their sender and are
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
///         Err(error) => eprintln!("{error}"),
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
    backoff: Cell<Option<Duration>>,
    /// The delay to ask for next time; doubles until a connection is accepted.
    next_delay: Cell<Duration>,
    errors: AcceptErrors,
}

/// How many connections a batch takes unless told otherwise.
const BATCH: usize = 32;

/// The first and the longest delay that is asked for.
const FIRST_DELAY: Duration = Duration::from_millis(10);
const LONGEST_DELAY: Duration = Duration::from_secs(1);

impl<L: AcceptSource> Acceptor<L> {
    /// Makes `listener` non-blocking, sets `TCP_NODELAY` for its connections, and opens the
    /// reserve.
    ///
    /// # Errors
    ///
    /// `EMFILE` if not even the reserve is available, otherwise like fcntl(2).
    pub fn new(listener: L) -> io::Result<Self> {
        listener.set_nonblocking()?;
        // It fails only on what is no TCP socket, and accept(2) has the better error for that.
        let _ = listener.set_nodelay();
        let reserve = open_reserve(&listener)?;
        Ok(Self {
            listener,
            keeps_reserve: true,
            reserve: RefCell::new(Some(reserve)),
            most: BATCH,
            has_more: Cell::new(false),
            backoff: Cell::new(None),
            next_delay: Cell::new(FIRST_DELAY),
            errors: AcceptErrors::default(),
        })
    }

    /// Lets connections wait in the backlog when descriptors run out, instead of closing them:
    /// there is a [`backoff`](Self::backoff) each time.
    #[must_use]
    pub fn without_reserve(self) -> Self {
        Self {
            keeps_reserve: false,
            reserve: RefCell::new(None),
            ..self
        }
    }

    /// Accepts up to `most` connections per batch, at least one, instead of 32.
    #[must_use]
    pub fn with_batch(self, most: usize) -> Self {
        Self {
            most: most.max(1),
            ..self
        }
    }

    /// Accepts what is in the backlog, up to the bound of a batch, as you iterate.
    ///
    /// Connections that you do not iterate over stay in the backlog. Have one batch at a time: a
    /// second one begins again.
    pub fn accept_batch(&self) -> AcceptBatch<'_, L> {
        self.has_more.set(false);
        self.backoff.set(None);
        if self.keeps_reserve && self.reserve.borrow().is_none() {
            *self.reserve.borrow_mut() = open_reserve(&self.listener).ok();
        }
        AcceptBatch {
            acceptor: self,
            left: self.most,
        }
    }

    /// Returns `true` if the last batch ended at its bound: there may be more, and an
    /// edge-triggered or one-shot listener reports it only if it is re-armed.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.has_more.get()
    }

    /// Returns for how long to leave the listener alone, if the last batch ended because the
    /// system has no more descriptors or memory, or because the network keeps failing: 10 ms at
    /// first, doubling up to a second until a connection is accepted.
    #[must_use]
    pub fn backoff(&self) -> Option<Duration> {
        self.backoff.get()
    }

    /// Returns the listener.
    #[must_use]
    pub fn get_ref(&self) -> &L {
        &self.listener
    }

    /// Returns the listener, and closes the reserve.
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
        let delay = self.next_delay.get();
        self.next_delay.set(LONGEST_DELAY.min(2 * delay));
        self.backoff.set(Some(delay));
        Step::Last(AcceptError::Backoff { error, delay })
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
    /// What ends the batch.
    Last(AcceptError<L::Peer>),
    Again,
    Empty,
}

/// A connection and its peer, or why there is none.
type Taken<L> = Result<
    (<L as AcceptSource>::Stream, <L as AcceptSource>::Peer),
    AcceptError<<L as AcceptSource>::Peer>,
>;

/// The connections of one [`Acceptor::accept_batch`], accepted as it is iterated over.
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
                    self.acceptor.next_delay.set(FIRST_DELAY);
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

impl<L: AsFd> AsFd for Acceptor<L> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl<L> fmt::Debug for Acceptor<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor")
            .field("has_reserve", &self.reserve.borrow().is_some())
            .field("batch", &self.most)
            .field("has_more", &self.has_more.get())
            .field("backoff", &self.backoff.get())
            .finish_non_exhaustive()
    }
}
