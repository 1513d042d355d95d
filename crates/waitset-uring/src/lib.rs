//! io_uring(7) as a [`Reactor`]: level-, edge- and one-shot-triggered, Linux 5.17 or
//! later.
//!
//! ```
//! use std::io::{ErrorKind, Write};
//! use std::os::fd::AsFd;
//! use waitset_core::{Events, Interest, Mode, Reactor, Token};
//! use waitset_uring::Uring;
//!
//! let mut uring = match Uring::new() {
//!     Err(error) if error.kind() == ErrorKind::Unsupported => {
//!         return Ok(());
//!     }
//!     opened => opened?,
//! };
//! let (mut near, far) = std::os::unix::net::UnixStream::pair()?;
//! // SAFETY: `far` stays open until it is deregistered.
//! unsafe { uring.register(far.as_fd(), Token(7), Interest::READABLE, Mode::Edge)? };
//! near.write_all(b"!")?;
//! let mut events = Events::with_capacity(256);
//! uring.wait(&mut events, None)?;
//! assert_eq!(events.as_slice()[0].token(), Token(7));
//! uring.deregister(far.as_fd())?;
//! # Ok::<(), std::io::Error>(())
//! ```
#![cfg(target_os = "linux")]

mod absence;
mod arm;
mod cancel;
#[cfg(test)]
mod older_kernels;
mod reap;
mod ring;
mod source;
mod sys;
#[cfg(test)]
mod tests;
mod wait;

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use waitset_core::{
    BorrowedSource, Capabilities, Events, Interest, Mode, Reactor, Stats, Support, Token, WakeFlag,
    Waker,
};
use waitset_unix::{Bell, FdTable, Registration, refusal};

use ring::Ring;
use source::Source;

const NAME: &str = "uring";

/// A reactor over the polls of io_uring(7).
///
/// An edge-triggered source is one multishot poll, which the kernel answers without being
/// asked again. A level-triggered one is a poll that is armed again, after it was told,
/// by the same system call that waits next; so is a one-shot source after `modify`.
/// Changes of interest wait for that call, too, and cost nothing if they cancel out.
///
/// Deregistering cancels the poll and returns when its last completion is there, because a
/// poll that is armed, or has yet to run, keeps the file open and the peer without its end
/// of file. A source that was told and not armed again costs no system call to deregister.
///
/// The ring belongs to the thread that first uses the reactor. A reactor that is sent to
/// another thread, or whose thread has ended, opens a new ring and arms everything again; an
/// edge that lasts is then told once more, and what was armed in the old ring is let go a
/// moment later. `wait` and `deregister` fail with `EMFILE` if that ring cannot be opened,
/// and change nothing: free a descriptor and call them again.
///
/// An edge-triggered source that another ring signals (its eventfd, the ring itself, or an
/// epoll set that watches one) is armed again for each event, and what the program has not
/// taken by the next wait is told once more.
///
/// # Platform notes
///
/// `io_uring_setup` and `eventfd` at birth, with an `io_uring_enter` and an
/// `io_uring_register` that see whether these are allowed; another of the latter at first use,
/// `io_uring_enter` to wait and to deregister; a wait that finds its answer in the ring
/// makes no system call; `poll` to see whether urgent data is there where it is asked for
/// and claimed, as every arrival at a socket does; `fstat` where a multishot poll ends by
/// itself, to learn whether the file can be waited for.
/// `IORING_SETUP_SINGLE_ISSUER | DEFER_TASKRUN` from Linux 6.1, which makes it faster than epoll; `COOP_TASKRUN` from 5.19; neither before. Credentials
/// are those of the thread that opened the ring, which does not matter to polls. A little
/// after a ring was closed, the kernel interrupts the thread that used it once: a wait of
/// another reactor in that thread can then end early, as after a signal.
#[doc(alias("io_uring_setup", "io_uring_enter", "IORING_OP_POLL_ADD"))]
#[derive(Debug)]
pub struct Uring {
    ring: Ring,
    wake: WakeFlag<Bell>,
    bell_is_armed: bool,
    sources: FdTable<Source>,
    /// Descriptors whose poll may not be as it is wanted.
    queue: Vec<RawFd>,
    /// Those whose poll completed in this wait without an event to tell.
    silenced: Vec<RawFd>,
    /// How many polls were cancelled and have yet to complete for the last time, as far as
    /// completions were taken. Until then they hold their files.
    doomed: usize,
    generations: Generations,
    stats: Stats,
}

/// Numbers that tell the polls of one descriptor apart.
#[derive(Debug)]
struct Generations(u32);

impl Generations {
    /// A repetition would need 2³² changes while one completion waits in the ring.
    fn next(&mut self) -> u32 {
        self.0 = self.0.checked_add(1).unwrap_or(1);
        self.0
    }
}

/// The bell's user data; those of sources have a generation of at least 1.
const BELL: u64 = 0;

impl Uring {
    /// Opens a ring and its waker.
    ///
    /// # Errors
    ///
    /// `Unsupported`, with the reason, where io_uring can't be had: the kernel has none or
    /// is too old, the sysctl `kernel.io_uring_disabled` switches it off, or a seccomp
    /// filter or a security module forbids it. Else as io_uring_setup(2) and eventfd(2), `EMFILE` above all.
    pub fn new() -> io::Result<Self> {
        Self::over(Ring::open()?)
    }

    fn over(ring: Ring) -> io::Result<Self> {
        let bell = Bell::new();
        let refused = |error| refusal::by_kernel(NAME, "cannot open a reactor", &error);
        Ok(Self {
            ring,
            wake: WakeFlag::new(bell.map_err(refused)?),
            bell_is_armed: false,
            sources: FdTable::default(),
            queue: Vec::new(),
            silenced: Vec::new(),
            doomed: 0,
            generations: Generations(0),
            stats: Stats::default(),
        })
    }

    /// Opens a ring for this thread and arms everything in it.
    #[cold]
    fn move_here(&mut self) -> io::Result<()> {
        self.ring = self.ring.reopen()?;
        self.stats.control_calls += Ring::CALLS_TO_OPEN;
        self.bell_is_armed = false;
        self.doomed = 0;
        self.queue.clear();
        let descriptors: Vec<_> = self.sources.descriptors().collect();
        for fd in descriptors {
            let generation = self.generations.next();
            if let Some(source) = self.sources.get_mut(fd) {
                source.forget(generation);
                source.queued = true;
                self.queue.push(fd);
            }
        }
        Ok(())
    }
}

#[cold]
fn not_deregistered(fd: RawFd, error: &io::Error) -> io::Error {
    let text = format!(
        "{NAME}: cannot deregister descriptor {fd}: {error}; free a descriptor, or deregister \
         in the thread that waits"
    );
    io::Error::new(error.kind(), text)
}

impl Reactor for Uring {
    #[allow(unsafe_code, reason = "the registration outlives the borrow")]
    unsafe fn register(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        let fd = source.as_raw_fd();
        refusal::token(NAME, fd, token)?;
        self.sources.reserve(NAME, fd)?;
        if self.sources.get(fd).is_some() {
            return Err(refusal::already_registered(NAME, fd));
        }
        let wanted = Registration {
            token,
            interest,
            mode,
        };
        let generation = self.generations.next();
        self.sources.insert(fd, Source::new(wanted, generation));
        self.queue(fd);
        Ok(())
    }

    fn modify(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        let fd = source.as_raw_fd();
        refusal::token(NAME, fd, token)?;
        let Some(source) = self.sources.get_mut(fd) else {
            return Err(refusal::not_registered(NAME, fd));
        };
        source.want(Registration {
            token,
            interest,
            mode,
        });
        if !mem::replace(&mut source.queued, true) {
            self.queue(fd);
        }
        Ok(())
    }

    fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()> {
        let fd = source.as_raw_fd();
        if self.sources.get(fd).is_none() {
            return Err(refusal::not_registered(NAME, fd));
        }
        if let Err(error) = self.let_go(fd) {
            // It is still registered, and its poll may have gone.
            self.requeue(fd);
            return Err(not_deregistered(fd, &error));
        }
        self.sources.remove(fd);
        Ok(())
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        events.begin()?;
        let waited = match timeout {
            None => self.wait_in_ring(events, None),
            Some(_) => self.wait_for(events, timeout),
        };
        if let Err(error) = waited {
            wait::refused(events, &error)?;
        }
        self.stats.count_wait(events.len());
        Ok(events.len())
    }

    fn waker(&self) -> Waker {
        self.wake.waker()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            level: Support::Emulated,
            oneshot: Support::Emulated,
            reports_closed_descriptors: true,
            rechecks_events: false,
            interrupted_by_stop: true,
            ..Capabilities::FULL
        }
    }

    fn stats(&self) -> Stats {
        Stats {
            control_calls: self.stats.control_calls + self.sources.checks() + self.ring.enablings(),
            wake_calls: self.wake.calls(),
            ..self.stats
        }
    }

    fn name(&self) -> &'static str {
        NAME
    }
}

/// Closing a ring lets go of its polls some time later; cancelling them first, now.
impl Drop for Uring {
    fn drop(&mut self) {
        if !self.ring.is_inherited() {
            // In another thread, the kernel cancels them when the ring is closed.
            let _ = self.let_all_go();
        }
    }
}
