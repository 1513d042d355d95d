use std::io;
use std::time::Duration;

use crate::{BorrowedSource, Capabilities, Events, Interest, Mode, Stats, Token, WaitHint, Waker};

/// Waits for readiness of many descriptors: the demultiplexer of the Reactor pattern.
///
/// One thread owns a reactor; others reach it through its [`Waker`]. The trait can be
/// used generically and as `Box<dyn Reactor + Send>`.
///
/// # The contract
///
/// Every mechanism keeps it, and the crate `waitset-conformance` tests it. A difference
/// between two mechanisms is allowed only where [`Capabilities`] says so.
///
///  1. Readiness is advisory: expect `WouldBlock`. No event is empty.
///  2. A hang-up or an error reads as readiness in every direction that was asked for.
///     Finer flags are hints.
///  3. A wake or a signal handler ends a wait early, with whatever events there are, often
///     none. So does a process that is stopped and continued, if
///     [`Capabilities::interrupted_by_stop`] says so. Otherwise a wait without events never
///     ends before its timeout, which is rounded up and saturates: `Duration::MAX` means
///     forever. A wake before `wait` is kept; many wakes coalesce into one.
///  4. Events that do not fit the buffer are neither lost nor disarmed, and none
///     starves.
///  5. [`Mode::Oneshot`] reports once and is silent, hang-up included, until `modify`
///     re-arms it. `modify` re-arms [`Mode::Edge`] too, also when nothing about the
///     interest changed.
///  6. [`Mode::Edge`] is refused by mechanisms that have no edge: emulation would need
///     to see every `WouldBlock`.
///  7. A failed call leaves the state as it was.
///  8. When `deregister` returns, neither the kernel nor the backend holds anything of
///     that descriptor, and no later wait delivers an event of it, even if its number
///     has been given to a new file.
///  9. Regular files, directories and `/dev/null` are always readable and writable, as
///     POSIX has them, also where the mechanism refuses them; under `Edge` that is one
///     event for the registration and one for each `modify`.
/// 10. A descriptor that was closed while registered (a broken safety promise) does not harm
///     the other sources, and no wait spins because of it. Until it is deregistered, its
///     registration can report the old file for a while, if a duplicate keeps that open, or the
///     file that has the number now. `deregister` succeeds, point 8 holds from then on, and the number
///     can be registered again.
/// 11. Every descriptor a reactor opens is close-on-exec.
/// 12. `wait` replaces what the buffer held.
///
/// A reactor must not be used in a child after `fork`: mechanisms whose state lives in
/// the kernel share it with the parent (epoll(7)). Make a new one there.
pub trait Reactor {
    /// Starts watching `source`.
    ///
    /// # Safety
    ///
    /// `source` must stay open until it is deregistered or the reactor is dropped.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if the descriptor is registered, `Unsupported` for a mode or a
    /// descriptor the mechanism does not take, `InvalidInput` for a token above
    /// [`Token::MAX`] or a descriptor that is closed or was opened with `O_PATH`; other kinds
    /// as the kernel has them when it runs out of memory or watches. A mechanism that
    /// [sees dead descriptors](Capabilities::reports_closed_descriptors) can accept a descriptor
    /// that is closed or was opened with `O_PATH`, and reports it once as an error.
    #[allow(unsafe_code, reason = "the registration outlives the borrow")]
    unsafe fn register(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()>;

    /// Replaces what is asked of a registered source, and re-arms it.
    ///
    /// # Errors
    ///
    /// `NotFound` if the descriptor is not registered, else as
    /// [`register`](Self::register).
    fn modify(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()>;

    /// Stops watching `source`.
    ///
    /// # Errors
    ///
    /// `NotFound` if the descriptor is not registered. Other kinds where the mechanism needs
    /// what has run out, such as a descriptor for the ring of another thread; the source is
    /// still registered then, and must stay open.
    fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()>;

    /// Waits until a source is ready, the timeout expires or something [interrupts the
    /// wait](Self#the-contract) (point 3), and returns how many events it put into `events`.
    ///
    /// `None` waits forever. A timeout of zero is a non-blocking check.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if `events` has no room, or as the system call has it when its
    /// limits are exceeded; the registrations stay as they were.
    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize>;

    /// A handle that ends the current or the next wait from any thread.
    fn waker(&self) -> Waker;

    /// What this mechanism does, emulates or refuses.
    fn capabilities(&self) -> Capabilities;

    /// Exact counts since the reactor was made.
    fn stats(&self) -> Stats;

    /// The mechanism's name, as `waitset::Backend` spells it.
    fn name(&self) -> &'static str;

    /// Says why the next wait is to be short, for a reactor that watches its caller.
    ///
    /// A reactor that looks for waits that come to nothing cannot tell a loop that has
    /// work to go on with from one that spins, unless the loop says so. Mechanisms have no
    /// use for it and ignore it; a reactor around another passes it on.
    #[inline]
    fn hint(&mut self, hint: WaitHint) {
        let _ = hint;
    }
}

/// Forwards every method to what a reference or a box points to.
macro_rules! forward {
    ($pointer:ty) => {
        impl<R: Reactor + ?Sized> Reactor for $pointer {
            #[inline]
            #[allow(unsafe_code, reason = "the registration outlives the borrow")]
            unsafe fn register(
                &mut self,
                source: BorrowedSource<'_>,
                token: Token,
                interest: Interest,
                mode: Mode,
            ) -> io::Result<()> {
                // SAFETY: the caller's promise is the one that is asked for.
                unsafe { (**self).register(source, token, interest, mode) }
            }

            #[inline]
            fn modify(
                &mut self,
                source: BorrowedSource<'_>,
                token: Token,
                interest: Interest,
                mode: Mode,
            ) -> io::Result<()> {
                (**self).modify(source, token, interest, mode)
            }

            #[inline]
            fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()> {
                (**self).deregister(source)
            }

            #[inline]
            fn wait(
                &mut self,
                events: &mut Events,
                timeout: Option<Duration>,
            ) -> io::Result<usize> {
                (**self).wait(events, timeout)
            }

            fn waker(&self) -> Waker {
                (**self).waker()
            }

            fn capabilities(&self) -> Capabilities {
                (**self).capabilities()
            }

            fn stats(&self) -> Stats {
                (**self).stats()
            }

            fn name(&self) -> &'static str {
                (**self).name()
            }

            #[inline]
            fn hint(&mut self, hint: WaitHint) {
                (**self).hint(hint);
            }
        }
    };
}

forward!(&mut R);
forward!(Box<R>);
