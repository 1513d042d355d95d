//! The state of a reactor.

use std::io;
use std::os::fd::RawFd;

use waitset_core::{Stats, WakeFlag};
use waitset_unix::{Bell, FdTable, refusal};

use crate::absence::NAME;
use crate::ring::Ring;
use crate::source::Source;

/// A reactor over the polls of io_uring(7).
///
/// An edge-triggered source is one multishot poll, which completes again and again without another
/// request. A level-triggered source is a poll that the next wait's system call arms again after it
/// was reported; so is a one-shot source after `modify`. Changes of interest wait for that call,
/// too, and cost no system call if they cancel each other out.
///
/// Deregistering cancels the poll and returns when its last completion has arrived, because a poll
/// that is armed, or has yet to run, keeps the file open, so that the peer does not see its end.
/// Deregistering a source that was reported and not armed again costs no system call.
///
/// The ring belongs to the thread that first uses the reactor. A reactor that is sent to another
/// thread, or whose thread has ended, opens a new ring and arms everything again. Edge-triggered
/// sources that are ready are then reported once more, and the kernel releases the polls of the old
/// ring a moment later. If that ring cannot be opened, `wait` and `deregister` fail with `EMFILE`
/// and change nothing: free a descriptor and call them again.
///
/// An edge-triggered source that another ring signals (its eventfd, the ring itself, or an epoll
/// instance that watches one) is armed again for each event, and input that the program has not read
/// by the next wait is reported once more.
///
/// A lent reactor lends the eventfd of its waker, which the ring then signals, too.
///
/// # Platform notes
///
/// - The constructor: `io_uring_setup` and `eventfd`, and an `io_uring_enter` and an
///   `io_uring_register` that check whether these are allowed. Another `io_uring_register` at first
///   use.
/// - `io_uring_enter` to wait and to deregister. A wait that finds completions in the ring makes no
///   system call.
/// - `poll` to check for urgent data, if the source is registered for it: io_uring claims it for
///   everything that arrives at a socket. `fstat` if a multishot poll ends by itself, to learn
///   whether the file can be waited for.
/// - `IORING_SETUP_SINGLE_ISSUER | DEFER_TASKRUN` from Linux 6.1 on; `COOP_TASKRUN` from 5.19 on.
/// - Credentials are those of the thread that opened the ring, which does not matter for polls.
/// - Shortly after a ring was closed, the kernel interrupts the thread that used it once. A wait of
///   another reactor in that thread can then end early, as after a signal.
#[doc(alias("io_uring_setup", "io_uring_enter", "IORING_OP_POLL_ADD"))]
#[derive(Debug)]
pub struct UringReactor {
    pub(crate) ring: Ring,
    pub(crate) wake: WakeFlag<Bell>,
    pub(crate) bell_is_armed: bool,
    /// `true` if the bell's poll was cancelled and has yet to complete for the last time.
    pub(crate) bell_is_doomed: bool,
    /// `true` if the bell is not polled, because the ring rings it.
    pub(crate) is_lent: bool,
    pub(crate) sources: FdTable<Source>,
    /// Descriptors whose poll can differ from what is wanted.
    pub(crate) queue: Vec<RawFd>,
    /// Those whose poll completed in this wait without an event to report.
    pub(crate) silenced: Vec<RawFd>,
    /// The number of polls that were cancelled and have yet to complete for the last time, as far as
    /// completions were taken. Until then they hold their files.
    pub(crate) doomed: usize,
    pub(crate) generations: Generations,
    pub(crate) stats: Stats,
}

/// Numbers that distinguish the polls of one descriptor.
#[derive(Debug)]
pub(crate) struct Generations(pub(crate) u32);

impl Generations {
    /// Returns the next number. A repetition would need 2³² changes while one completion waits in the
    /// ring.
    pub(crate) fn next(&mut self) -> u32 {
        self.0 = self.0.checked_add(1).unwrap_or(1);
        self.0
    }
}

/// The bell's user data; those of sources have a generation of at least 1.
pub(crate) const BELL: u64 = 0;

impl UringReactor {
    /// Opens a ring and its waker.
    ///
    /// # Errors
    ///
    /// `Unsupported`, with the reason, if io_uring is not available: the kernel has none or
    /// is too old, the sysctl `kernel.io_uring_disabled` switches it off, or a seccomp
    /// filter or a security module forbids it. Otherwise those of io_uring_setup(2) and eventfd(2), such as `EMFILE`.
    pub fn new() -> io::Result<Self> {
        Self::over(Ring::open()?)
    }

    pub(crate) fn over(ring: Ring) -> io::Result<Self> {
        let bell = Bell::new();
        let refused = |error| refusal::by_kernel(NAME, "cannot open a reactor", &error);
        Ok(Self {
            ring,
            wake: WakeFlag::new(bell.map_err(refused)?),
            bell_is_armed: false,
            bell_is_doomed: false,
            is_lent: false,
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
    pub(crate) fn move_here(&mut self) -> io::Result<()> {
        self.ring = self.ring.reopen()?;
        self.stats.control_calls += Ring::CALLS_TO_OPEN;
        self.bell_is_armed = false;
        self.bell_is_doomed = false;
        self.is_lent = false;
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
