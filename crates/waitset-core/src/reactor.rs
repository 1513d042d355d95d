use std::io;
use std::time::Duration;

use crate::{
    BorrowedSource, Capabilities, Events, Interest, Mode, ReactorWaker, Stats, Token, WaitHint,
};

/// Waits for the readiness of many sources: the demultiplexer of the Reactor pattern.
///
/// One thread owns a reactor; other threads reach it through its [`ReactorWaker`]. The trait can be used
/// generically and as `Box<dyn Reactor + Send>`.
///
/// ```
/// use std::io;
/// use waitset_core::{Events, Reactor};
///
/// /// Waits once, with any mechanism.
/// fn print_ready<R: Reactor + ?Sized>(reactor: &mut R, events: &mut Events) -> io::Result<()> {
///     reactor.wait(events, None)?;
///     for event in &*events {
///         println!("{}: source {} is ready", reactor.name(), event.token());
///     }
///     Ok(())
/// }
/// ```
///
/// # The contract
///
/// Every mechanism keeps these rules. The crate `waitset-conformance` tests each of them, and a
/// case that fails names its rule. A mechanism may differ only where [`Capabilities`] says so.
///
///  1. **Readiness.** A wait reports every source that is ready in a registered direction, with
///     its token, in one event with all of these directions. It reports nothing else, and no event
///     is empty. Urgent data is priority, and not readable. Readiness is advisory: expect
///     `WouldBlock`.
///  2. **Hang-ups and errors** read as readiness in every registered direction, or in those that
///     [`Capabilities::hangup_shows_as`] and [`error_shows_as`](Capabilities::error_shows_as)
///     name. Data that came before can still be read. Finer flags are hints, and are set for their
///     cause only.
///  3. **Waiting.** A wait without events never ends before its timeout, which is rounded up and
///     saturates: `Duration::MAX` means forever, and zero is a non-blocking check. A wake or a
///     signal handler ends a wait early, with whatever events there are, often none. So does a
///     process that is stopped and continued, if [`Capabilities::interrupted_by_stop`] says so.
///     The flags of [`Events`] report the reason, and neither hides events.
///  4. **Fairness.** Events that do not fit the buffer are neither lost nor disarmed, and no
///     source starves: ready sources take turns.
///  5. **[`Mode::Oneshot`]** reports once. The source is then silent, even about a hang-up, until
///     `modify` re-arms it; then it reports readiness that is already there.
///  6. **[`Mode::Edge`]** reports readiness that is there at registration, and then once each time
///     that it begins. `modify` re-arms it, even if nothing about the interest changed, and it
///     then reports readiness that is already there. A mechanism that has no edges refuses the
///     mode, because emulation would need to see every `WouldBlock`.
///  7. **A failed call** leaves everything as it was.
///  8. **When `deregister` returns**, neither the kernel nor the reactor holds anything of that
///     source: if you close it, its peer sees the end. No later wait reports an event of it, even
///     if its number has been given to a new file.
///  9. **Regular files, directories and `/dev/null`** are always readable and writable, as POSIX
///     defines, even if the mechanism refuses them. In [`Mode::Edge`], that is one event for the
///     registration and one for each `modify`.
/// 10. **A descriptor that was closed while registered** (a broken safety promise) does not harm
///     the other sources, and no wait spins because of it. Until it is deregistered, its
///     registration can report the old file for a while, if a duplicate keeps that open, or the
///     file that has the number now. `deregister` succeeds, rule 8 holds from then on, and the
///     number can be registered again. Unless [`Capabilities::tolerates_closed_descriptors`] says
///     otherwise.
/// 11. **Descriptors of the reactor** are close-on-exec. They are closed when the reactor and its
///     wakers have been dropped, and when the constructor fails. However long a reactor is used,
///     they do not become more.
/// 12. **`wait` replaces** the events and flags that the buffer held, whatever its capacity. If it
///     fails, the buffer is empty.
/// 13. **`modify` replaces** token, interest and mode at the same time, and the next wait uses
///     them. Of several changes between two waits, the last one counts. Other sources are not
///     affected.
/// 14. **A registration is of a descriptor number.** Duplicates are separate sources, two sources
///     can have the same token, and several reactors can watch the same source without taking each
///     other's events.
/// 15. **[`Mode::Level`]** reports readiness in every wait for as long as it lasts, and in at most
///     one event per wait. Without readiness, it is silent.
/// 16. **Invalid arguments** are refused with the error kinds that the methods document and a
///     message that names the descriptor or the limit. Valid ones are accepted, however large.
/// 17. **Wakers.** A wake before `wait` is kept, many wakes coalesce into one, and none is lost. A
///     waker ends a wait of its own reactor only, and has no effect after the reactor was dropped.
/// 18. **Threads and processes.** A reactor can be sent to another thread, even after the thread
///     that used it has ended. It keeps working after the process has given up its privileges, and
///     after a forked child has dropped its copy.
/// 19. **Cost.** If [`Capabilities::sleeps`], a wait with nothing to report sleeps and makes only
///     a few system calls. [`Stats`] counts exactly.
/// 20. **Lending.** When [`lend`](Self::lend) returns, the descriptor is readable if a wait would
///     report something or be woken; otherwise it becomes readable when that changes, also for
///     those who watch it edge-triggered. If nothing is ready, it is silent after a few waits. A
///     reactor that was lent waits as before.
///
/// Do not use a reactor in a child after `fork`: mechanisms whose state lives in the kernel share
/// it with the parent (epoll(7)). Create a new one there.
///
/// To write a mechanism, see the [crate documentation](crate#writing-a-mechanism).
pub trait Reactor {
    /// Registers `source`: waits report when it is ready for `interest`, with `token`.
    ///
    /// # Safety
    ///
    /// `source` must stay open until it is deregistered or the reactor is dropped. So a reactor may
    /// keep its descriptor beyond the borrow.
    ///
    /// # Errors
    ///
    /// - `AlreadyExists` if the descriptor is already registered.
    /// - `Unsupported` for a mode that the mechanism does not support.
    /// - `InvalidInput` for a token above [`Token::MAX`], for a descriptor beyond
    ///   [`Capabilities::descriptor_limit`], and for one that is closed or was opened with
    ///   `O_PATH`. A mechanism that [reports closed
    ///   descriptors](Capabilities::reports_closed_descriptors) can accept the last two, and then
    ///   reports the source once as an error.
    /// - Other kinds if the kernel runs out of memory or watches.
    #[allow(unsafe_code, reason = "the registration outlives the borrow")]
    unsafe fn register(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()>;

    /// Replaces the token, interest and mode of a registered source, and re-arms it.
    ///
    /// # Errors
    ///
    /// `NotFound` if the descriptor is not registered, otherwise those of
    /// [`register`](Self::register).
    fn modify(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()>;

    /// Deregisters `source`.
    ///
    /// # Errors
    ///
    /// `NotFound` if the descriptor is not registered. Other kinds if the mechanism needs a
    /// resource that has run out, such as a descriptor for the ring of another thread; the source
    /// is then still registered, and must stay open.
    fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()>;

    /// Waits until a source is ready, the timeout expires or something interrupts the wait
    /// ([rule 3](Self#the-contract)). Returns the number of events in `events`.
    ///
    /// `None` waits forever. A timeout of zero is a non-blocking check.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the capacity of `events` is zero. Otherwise the errors of the system call,
    /// such as a limit that is exceeded; the registrations stay as they were.
    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize>;

    /// Returns a handle that ends the current or the next wait from any thread.
    fn waker(&self) -> ReactorWaker;

    /// Returns what this mechanism provides, emulates or refuses.
    fn capabilities(&self) -> Capabilities;

    /// Returns exact counts of what the reactor has done since it was created.
    fn stats(&self) -> Stats;

    /// Returns the mechanism's name: lower case, as `waitset::Backend` spells it, and the first
    /// word of its error messages.
    fn name(&self) -> &'static str;

    /// Notes why the next wait will be short, for a reactor that watches its caller.
    ///
    /// A reactor that detects spins cannot distinguish a loop that has work left from one that
    /// spins, unless the loop says so. Mechanisms ignore the hint, as this default does; a reactor
    /// around another must forward it.
    #[inline]
    fn hint(&mut self, hint: WaitHint) {
        let _ = hint;
    }

    /// Lends a descriptor that is readable as long as a wait would not block, so that another
    /// event loop can watch it.
    ///
    /// All changes that were made before reach the kernel in this call, even those that would
    /// otherwise wait for the next wait. After further calls of other methods, call it again: their
    /// changes may have to reach the kernel, and the descriptor can be a different one. It can be
    /// readable although a wait reports nothing.
    ///
    /// A reactor around another must forward it, unless it has a waker of its own.
    ///
    /// # Errors
    ///
    /// `Unsupported` if the mechanism has no such descriptor, as this default returns. Those of the
    /// system calls that bring the changes to the kernel.
    fn lend(&mut self) -> io::Result<BorrowedSource<'_>> {
        let text = format!(
            "{}: cannot lend a descriptor: the mechanism does not have any; use one that does, \
             such as epoll",
            self.name()
        );
        Err(io::Error::new(io::ErrorKind::Unsupported, text))
    }
}

/// The number of rules in the contract.
#[doc(hidden)]
pub const RULES: u8 = 20;

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
                // SAFETY: the caller makes the same promise.
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

            fn waker(&self) -> ReactorWaker {
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

            fn lend(&mut self) -> io::Result<BorrowedSource<'_>> {
                (**self).lend()
            }
        }
    };
}

forward!(&mut R);
forward!(Box<R>);

#[cfg(test)]
mod tests {
    /// `waitset-conformance` checks that each rule has a case, and takes their number from here.
    #[test]
    fn the_rules_of_the_contract_are_numbered_from_one_without_a_gap() {
        let numbers = include_str!("reactor.rs").lines().filter_map(|line| {
            let (number, _) = line.strip_prefix("/// ")?.split_once(". **")?;
            number.trim().parse::<u8>().ok()
        });
        let numbers: Vec<_> = numbers.collect();
        let expected: Vec<_> = (1..=super::RULES).collect();
        assert_eq!(numbers, expected);
    }
}
