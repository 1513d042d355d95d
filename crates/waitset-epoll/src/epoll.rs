//! The state of a reactor, and how changes of registrations reach the kernel.

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use waitset_core::{Stats, WakeFlag};
use waitset_unix::{Bell, Registration, refusal};

use crate::held::{Held, WAKE};
use crate::sys;
use crate::table::Table;

pub(crate) const NAME: &str = "epoll";

/// After so many waits, a source that was reported is checked: it can have been closed while
/// registered, and be reported for as long as a duplicate is open.
pub(crate) const ROUND: u32 = 1 << 14;

/// A reactor over epoll(7).
///
/// A wait is one system call. The kernel writes events of level-triggered and edge-triggered sources
/// directly into the caller's buffer: its data word carries token and interest. Three things happen
/// in user space:
///
/// - A change of a level-triggered interest goes to the kernel at the next wait, and only if it
///   still matters then. Off and on between two waits costs no system call.
/// - A one-shot source stays level-triggered in the kernel, and an armed flag in the reactor decides
///   whether it is reported, so re-arming costs no system call. If the source fires while disarmed,
///   the reactor silences it in the kernel; from then on it is one-shot in the kernel, too.
/// - Files that epoll refuses (`EPERM`) are always ready. One `epoll_ctl` per event of such a file
///   checks that its number has not been given to another file.
///
/// # Sources that were closed while registered
///
/// If a duplicate keeps such a source open, the kernel still holds it, and no call can remove it any
/// more (epoll(7), question 6). When a later call shows that there is one, the next wait opens a
/// fresh instance, registers everything else there and closes the old instance, once for however
/// many there are. Edge-triggered sources that are ready are then reported again.
///
/// If no call shows it, because the source is neither deregistered nor modified, a check of one
/// reported level-triggered source every 16,384 waits finds it, and the reactor then watches the
/// file that has the number now, if any. If no instance can be opened (`EMFILE`, `ENOSPC`,
/// `ENOMEM`), the old one stays in use and can report the closed source, and the next wait tries
/// again.
///
/// # Platform notes
///
/// - The constructor: `epoll_create1`, `eventfd` and `epoll_ctl`.
/// - `epoll_ctl` to register, to deregister and to re-arm an edge-triggered source, and one every
///   16,384 waits.
/// - A wait without a timeout: `epoll_wait`. With a timeout: `epoll_pwait2`, with nanoseconds
///   (Linux 5.11), or `epoll_wait` with milliseconds rounded up if the kernel lacks it.
/// - The waker's eventfd is edge-triggered and never read.
/// - If `epoll_ctl` shows that a source was closed while registered: one `kcmp`, whose time grows
///   with the number of sources.
#[doc(alias("epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait2"))]
#[derive(Debug)]
pub struct EpollReactor {
    pub(crate) epoll: OwnedFd,
    pub(crate) wake: WakeFlag<Bell>,
    pub(crate) table: Table,
    /// Level-triggered sources whose registration in the kernel can differ from what is wanted.
    pub(crate) changed: Vec<RawFd>,
    /// `true` if the always-ready files filled the buffer first in the last wait.
    pub(crate) files_first: bool,
    /// `true` if the kernel holds sources that were closed while registered.
    pub(crate) has_ghosts: bool,
    /// The number of checks of a reported source.
    pub(crate) looks: usize,
    /// `true` if the bell's event can come without its flag, because the instance was opened after the
    /// bell was rung.
    pub(crate) rings_again: bool,
    /// `true` if a wait has more to do than to call the kernel.
    pub(crate) needs_care: bool,
    pub(crate) has_nanoseconds: bool,
    /// Completed rounds of waits that took the short path, of one system call each, and the number of
    /// waits left in this round.
    pub(crate) rounds: u64,
    pub(crate) left: u32,
    pub(crate) stats: Stats,
}

impl EpollReactor {
    /// Opens an epoll instance and its waker.
    ///
    /// # Errors
    ///
    /// Those of epoll_create1(2) and eventfd(2): `EMFILE` or `ENFILE` if descriptors have run out,
    /// `ENOMEM`. `Unsupported` if a sandbox refuses epoll. Descriptors opened by then are closed.
    ///
    /// ```
    /// use waitset_core::Reactor;
    /// use waitset_epoll::EpollReactor;
    ///
    /// assert_eq!(EpollReactor::new()?.name(), "epoll");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> io::Result<Self> {
        let refused = |error| refusal::by_kernel(NAME, "cannot open a reactor", &error);
        let epoll = sys::create().map_err(refused)?;
        let wake = WakeFlag::new(Bell::new().map_err(refused)?);
        sys::add(&epoll, wake.doorbell().as_fd().as_raw_fd(), WAKE).map_err(refused)?;
        Ok(Self {
            epoll,
            wake,
            table: Table::default(),
            changed: Vec::new(),
            files_first: false,
            has_ghosts: false,
            looks: 0,
            rings_again: false,
            needs_care: false,
            rounds: 0,
            left: ROUND,
            has_nanoseconds: true,
            stats: Stats::default(),
        })
    }

    /// Makes the kernel hold what is wanted and nothing else.
    #[cold]
    pub(crate) fn prepare(&mut self) {
        self.apply_changes();
        if self.has_ghosts {
            self.lay_ghosts();
        }
        self.note_care();
    }

    /// Gives the kernel the changes that still differ from what it holds.
    #[cold]
    pub(crate) fn apply_changes(&mut self) {
        for position in 0..self.changed.len() {
            let fd = self.changed[position];
            let Some(entry) = self.table.get_mut(fd) else {
                continue;
            };
            if !mem::take(&mut entry.queued) || entry.held == entry.wanted() {
                continue;
            }
            entry.held = entry.wanted();
            let held = entry.held;
            self.change_or_renew(fd, held);
        }
        self.changed.clear();
    }

    /// Notes that a change of this source may have to reach the kernel.
    pub(crate) fn queue(&mut self, fd: RawFd) {
        if self.changed.len() > self.table.len() {
            // Sources that were removed since then have left their numbers here.
            self.apply_changes();
        }
        self.changed.push(fd);
        self.needs_care = true;
    }

    pub(crate) fn change(&mut self, fd: RawFd, held: Held) -> io::Result<()> {
        self.stats.control_calls += 1;
        sys::modify(&self.epoll, fd, held)
    }

    /// Changes what the kernel holds. That fails only for a descriptor that was closed while
    /// registered; a fresh instance then finds out what the number refers to now.
    pub(crate) fn change_or_renew(&mut self, fd: RawFd, held: Held) {
        self.has_ghosts |= self.change(fd, held).is_err();
    }

    /// Notes whether the next wait has more to do, so that it need not check.
    pub(crate) fn note_care(&mut self) {
        self.needs_care = !self.changed.is_empty()
            || self.table.has_files()
            || self.table.has_marks()
            || self.has_ghosts
            || self.rings_again;
    }

    /// Makes a change that must reach the kernel now, or one of a file.
    pub(crate) fn modify_with_care(&mut self, fd: RawFd, wanted: Registration) -> io::Result<()> {
        let entry = self.table.changed(fd, wanted);
        if entry.is_file() {
            self.table.insert(fd, entry);
            return Ok(());
        }
        match self.change(fd, entry.held) {
            Ok(()) => {}
            Err(error) => match error.raw_os_error() {
                // The number has been given to another file, which the next wait registers.
                Some(libc::ENOENT | libc::EPERM) => self.has_ghosts = true,
                Some(libc::EBADF) => return Err(refusal::not_open(NAME, fd)),
                _ => {
                    let what = format!("cannot modify descriptor {fd}");
                    return Err(refusal::by_kernel(NAME, what, &error));
                }
            },
        }
        self.table.insert(fd, entry);
        self.note_care();
        Ok(())
    }
}
