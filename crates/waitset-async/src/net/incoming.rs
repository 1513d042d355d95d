use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use waitset::stream::{AcceptErrors, AcceptSource};
use waitset::{AsSource, Interest};

use super::{Last, try_accept};
use crate::{Async, Sleep, sleep};

/// The connections of a listener, one after the other; see [`Async::incoming`].
///
/// With the feature `stream`, it is a `Stream` of futures-core.
#[must_use = "connections are accepted as they are awaited"]
pub struct Incoming<'a, L: AcceptSource + 'static> {
    listener: &'a Async<L>,
    errors: AcceptErrors,
    /// Before the next accept(2), after one that failed for lack of descriptors or memory.
    pause: Option<Sleep>,
    next_pause: Duration,
    has_failed: bool,
}

/// The first and the longest pause.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What a connection is accepted as.
type Accepted<L> = io::Result<Async<<L as AcceptSource>::Stream>>;

impl<L: AcceptSource + 'static> Async<L>
where
    L::Stream: AsSource,
{
    /// Returns the connections of this listener, for an accept loop that survives errors.
    ///
    /// Unlike a loop over `accept`, it does not spin while accept(2) fails for lack of
    /// descriptors or memory, or because the network is down: it returns the error once, and
    /// pauses before the next attempt, for 10 ms at first and for up to a second if that fails
    /// again. Connections wait in the backlog meanwhile. It ends with `None` after a listener has
    /// failed for good, which the error before reports.
    ///
    /// ```
    /// use std::net::{TcpListener, TcpStream};
    /// use waitset_async::Async;
    ///
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0))?;
    /// let client = TcpStream::connect(listener.get_ref().local_addr()?)?;
    /// let mut incoming = listener.incoming();
    /// while let Some(stream) = incoming.next().await {
    ///     match stream {
    ///         Ok(stream) => {
    ///             assert_eq!(stream.get_ref().peer_addr()?, client.local_addr()?);
    ///             break;
    ///         }
    ///         Err(error) => eprintln!("cannot accept: {error}"),
    ///     }
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn incoming(&self) -> Incoming<'_, L> {
        Incoming {
            listener: self,
            errors: AcceptErrors::default(),
            pause: None,
            next_pause: FIRST_PAUSE,
            has_failed: false,
        }
    }
}

impl<L: AcceptSource + 'static> Incoming<'_, L>
where
    L::Stream: AsSource,
{
    /// Waits for the next connection, as `accept` does, and returns its stream.
    ///
    /// Returns `None` if the listener has failed. Dropping the future loses no connection.
    ///
    /// # Errors
    ///
    /// Like accept(2).
    pub async fn next(&mut self) -> Option<Accepted<L>> {
        poll_fn(|context| self.poll_accept(context)).await
    }

    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<Option<Accepted<L>>> {
        if self.has_failed {
            return Poll::Ready(None);
        }
        if let Some(pause) = &mut self.pause {
            ready!(pin!(pause).poll(context));
            self.pause = None;
        }
        let mut last = Last::None;
        let accepted = self
            .listener
            .poll_with(context, Interest::READABLE, |listener| {
                try_accept(listener, &self.errors, &mut last)
            });
        let accepted = match ready!(accepted) {
            Ok((stream, _)) => {
                self.next_pause = FIRST_PAUSE;
                Async::nonblocking(stream)
            }
            Err(error) => Err(error),
        };
        match last {
            Last::None => {}
            Last::Shortage => {
                self.pause = Some(sleep(self.next_pause));
                self.next_pause = LONGEST_PAUSE.min(2 * self.next_pause);
            }
            Last::Failure => self.has_failed = true,
        }
        Poll::Ready(Some(accepted))
    }
}

#[cfg(feature = "stream")]
impl<L: AcceptSource + 'static> futures_core::Stream for Incoming<'_, L>
where
    L::Stream: AsSource,
{
    type Item = Accepted<L>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Accepted<L>>> {
        self.poll_accept(context)
    }
}

impl<L: AcceptSource + fmt::Debug> fmt::Debug for Incoming<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("listener", self.listener)
            .field("pause", &self.pause)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Failing;
    use super::*;
    use std::cell::RefCell;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::time::Instant;

    use socket2::{Domain, SockAddr, Socket, Type};

    use crate::{block_on, timeout};

    /// Awaits the first connections of a listener for which `clients` wait, and whose accepts
    /// fail with `errors` before, the last of them first. Returns their errors.
    fn first<const N: usize>(clients: usize, errors: Vec<i32>) -> [Option<Option<i32>>; N] {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        let unnamed = SockAddr::unix("").unwrap(); // the kernel makes up a name
        socket.bind(&unnamed).unwrap();
        socket.listen(8).unwrap();
        let address = socket.local_addr().unwrap();
        let clients: Vec<_> = std::iter::repeat_with(|| {
            let client = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
            client.connect(&address).unwrap();
            UnixStream::from(OwnedFd::from(client))
        })
        .take(clients)
        .collect();
        let listener = UnixListener::from(OwnedFd::from(socket));
        let errors = block_on(waitset::PollReactor::new().unwrap(), async {
            let listener = Async::new(Failing(listener, RefCell::new(errors))).unwrap();
            let mut incoming = listener.incoming();
            let mut errors = [None; N];
            for error in &mut errors {
                let next = timeout(Duration::from_secs(60), incoming.next());
                let next = next.await.unwrap();
                *error = next.map(|accepted| accepted.err().and_then(|error| error.raw_os_error()));
            }
            errors
        });
        drop(clients);
        errors.unwrap()
    }

    #[test]
    fn incoming_pauses_after_a_shortage_and_goes_on() {
        let start = Instant::now();
        let shortages = vec![libc::EMFILE, libc::ENFILE, libc::ENOBUFS];
        let errors = first(1, shortages.clone());
        let [third, second, first] = [0, 1, 2].map(|place| Some(Some(shortages[place])));
        assert_eq!(errors, [first, second, third, Some(None)]);
        assert!(start.elapsed() >= Duration::from_millis(10 + 20 + 40));
    }

    #[test]
    fn incoming_passes_over_lost_connections() {
        let lost = vec![libc::ECONNABORTED, libc::EPROTO, libc::ENETDOWN];
        assert_eq!(first(2, lost), [Some(None), Some(None)]);
    }

    #[test]
    fn incoming_ends_when_the_listener_has_failed() {
        let errors = first(1, vec![libc::EINVAL]);
        assert_eq!(errors, [Some(Some(libc::EINVAL)), None, None]);
    }
}
