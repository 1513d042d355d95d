//! What a reactor has.

use std::io;
use std::os::fd::RawFd;

use waitset_core::{Stats, WakeFlag};
use waitset_unix::{Bell, FdTable, refusal};

use crate::absence::NAME;
use crate::ring::Ring;
use crate::source::Source;

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
    pub(crate) ring: Ring,
    pub(crate) wake: WakeFlag<Bell>,
    pub(crate) bell_is_armed: bool,
    pub(crate) sources: FdTable<Source>,
    /// Descriptors whose poll may not be as it is wanted.
    pub(crate) queue: Vec<RawFd>,
    /// Those whose poll completed in this wait without an event to tell.
    pub(crate) silenced: Vec<RawFd>,
    /// How many polls were cancelled and have yet to complete for the last time, as far as
    /// completions were taken. Until then they hold their files.
    pub(crate) doomed: usize,
    pub(crate) generations: Generations,
    pub(crate) stats: Stats,
}

/// Numbers that tell the polls of one descriptor apart.
#[derive(Debug)]
pub(crate) struct Generations(pub(crate) u32);

impl Generations {
    /// A repetition would need 2³² changes while one completion waits in the ring.
    pub(crate) fn next(&mut self) -> u32 {
        self.0 = self.0.checked_add(1).unwrap_or(1);
        self.0
    }
}

/// The bell's user data; those of sources have a generation of at least 1.
pub(crate) const BELL: u64 = 0;

impl Uring {
    /// Opens a ring and its waker.
    ///
    /// # Errors
    ///
    /// `Unsupported`, with the reason, if io_uring is not available: the kernel has none or
    /// is too old, the sysctl `kernel.io_uring_disabled` switches it off, or a seccomp
    /// filter or a security module forbids it. Else as io_uring_setup(2) and eventfd(2), `EMFILE` above all.
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
