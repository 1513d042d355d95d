use std::io;
use std::time::Duration;

use waitset_core::{
    BorrowedSource, Capabilities, Events, Interest, Mode, Reactor, ReactorWaker, Stats, Token,
    WaitHint,
};

use crate::best::Best;

/// The best mechanism among those that are compiled in.
///
/// | platform | in this order |
/// |---|---|
/// | Linux, Android | epoll, poll, select; on Linux io_uring if none of them is compiled in |
/// | other Unix systems | poll, select |
///
/// It is a type of its own: code that names it compiles whichever features other crates of
/// the program enable. Its cost is that of the mechanism inside.
///
/// ```
/// use waitset::{Backend, DefaultReactor, Reactor};
///
/// let reactor = DefaultReactor::new()?;
/// assert_eq!(reactor.name(), Backend::default().name());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct DefaultReactor(Best);

impl DefaultReactor {
    /// Opens the mechanism.
    ///
    /// # Errors
    ///
    /// `Unsupported` if no mechanism is compiled in that sleeps: none of the features
    /// `select`, `poll`, `epoll` and `uring` is enabled, or none that this platform has.
    /// Otherwise the errors of the mechanism's constructor.
    pub fn new() -> io::Result<Self> {
        Best::new().map(Self)
    }
}

impl Reactor for DefaultReactor {
    #[inline]
    #[allow(unsafe_code, reason = "the registration outlives the borrow")]
    unsafe fn register(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        // SAFETY: the caller keeps the promise that this call needs: it is the same.
        unsafe { self.0.register(source, token, interest, mode) }
    }

    #[inline]
    fn modify(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        self.0.modify(source, token, interest, mode)
    }

    #[inline]
    fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()> {
        self.0.deregister(source)
    }

    #[inline]
    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        self.0.wait(events, timeout)
    }

    #[inline]
    fn waker(&self) -> ReactorWaker {
        self.0.waker()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    #[inline]
    fn stats(&self) -> Stats {
        self.0.stats()
    }

    fn name(&self) -> &'static str {
        self.0.name()
    }

    #[inline]
    fn hint(&mut self, hint: WaitHint) {
        self.0.hint(hint);
    }

    fn lend(&mut self) -> io::Result<BorrowedSource<'_>> {
        self.0.lend()
    }
}
