//! Registration on behalf of [`WaitSet`](crate::WaitSet) and
//! [`EventLoop`](crate::EventLoop): the promise that the trait asks for is kept by ownership
//! there.
#![allow(unsafe_code, reason = "the one place that registers for safe code")]

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use waitset_core::{AsSource, BorrowedSource, Interest, Mode, Reactor, Token};

/// A descriptor as it was when its source was inserted.
///
/// Kept beside the source, so that a source that lends another descriptor the second time
/// cannot leave the first one registered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registered(RawFd);

/// Registers `source`, which the caller owns.
///
/// The caller keeps it, lends it by shared reference only, and gives it away or drops it
/// only after [`Registered::source`] was deregistered or the reactor was dropped.
pub(crate) fn register<R: Reactor>(
    reactor: &mut R,
    source: &(impl AsSource + ?Sized),
    token: Token,
    interest: Interest,
    mode: Mode,
) -> io::Result<Registered> {
    let source = source.as_fd();
    // SAFETY: as said above, the descriptor stays open at least until it is deregistered
    // or the reactor is dropped.
    unsafe { reactor.register(source, token, interest, mode)? };
    Ok(Registered(source.as_raw_fd()))
}

impl Registered {
    /// The descriptor again, borrowed for as long as `owner` is: the source itself, or the
    /// entry that the caller keeps for as long as it keeps the source.
    pub(crate) fn source<O>(self, _owner: &O) -> BorrowedSource<'_> {
        // SAFETY: it was lent by a source that is alive while its owner is and has not been
        // handed out mutably since, so the descriptor is open.
        unsafe { BorrowedSource::borrow_raw(self.0) }
    }

    /// Deregisters the descriptor. Returns `false` if the reactor cannot let go of it, so that
    /// it has to stay open.
    #[must_use]
    pub(crate) fn deregister<R: Reactor, O>(self, owner: &O, reactor: &mut R) -> bool {
        match reactor.deregister(self.source(owner)) {
            Ok(()) => true,
            // The mechanism has lost it already: it was closed, and reported as dead.
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// Registers the descriptor once more after it was deregistered, on the terms of
    /// [`register`].
    pub(crate) fn register_again<R: Reactor, O>(
        self,
        owner: &O,
        reactor: &mut R,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        let source = self.source(owner);
        // SAFETY: as for the first registration, the descriptor stays open at least until
        // it is deregistered or the reactor is dropped.
        unsafe { reactor.register(source, token, interest, mode) }
    }
}
