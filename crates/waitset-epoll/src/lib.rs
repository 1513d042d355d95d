//! epoll(7) as a [`Reactor`]: level-, edge- and one-shot-triggered, Linux only.
//!
//! ```
//! use std::io::Write;
//! use std::os::fd::AsFd;
//! use waitset_core::{Events, Interest, Mode, Reactor, Token};
//! use waitset_epoll::Epoll;
//!
//! let (mut near, far) = std::os::unix::net::UnixStream::pair()?;
//! let mut epoll = Epoll::new()?;
//! // SAFETY: `far` stays open until it is deregistered.
//! unsafe { epoll.register(far.as_fd(), Token(7), Interest::READABLE, Mode::Edge)? };
//! near.write_all(b"!")?;
//! let mut events = Events::with_capacity(256);
//! epoll.wait(&mut events, None)?;
//! assert_eq!(events.as_slice()[0].token(), Token(7));
//! epoll.deregister(far.as_fd())?;
//! # Ok::<(), std::io::Error>(())
//! ```
#![cfg(any(target_os = "linux", target_os = "android"))]

mod held;
mod sys;
mod table;

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

use waitset_core::{
    BorrowedSource, Capabilities, Deadline, Event, Events, Interest, Mode, Reactor, Stats, Support,
    Token, WakeFlag, Waker, millis_rounded_up,
};
use waitset_unix::{Bell, Registration, refusal, timespec};

use held::{Held, WAKE};
use table::{Table, Verdict};

const NAME: &str = "epoll";

/// A reactor over epoll(7).
///
/// One system call a wait. Events of level- and edge-triggered sources go from the
/// kernel into the caller's buffer untouched: the kernel's data word carries token and
/// interest. Three things are kept in user space, so that they cost no system call:
///
/// - A change of a level-triggered interest is handed to the kernel at the next wait,
///   and only if it still matters then: off and on between two waits is free.
/// - A one-shot source stays level-triggered in the kernel, and an armed flag here says
///   whether it is reported; re-arming is free. Only if it fires while disarmed is the
///   kernel told to be silent, and from then on the source is one-shot in the kernel.
/// - Files that epoll refuses (`EPERM`) are always ready and never asked about.
///
/// # Platform notes
///
/// `epoll_create1` and `eventfd` at birth; `epoll_ctl` to register, to deregister and to
/// re-arm an edge; `epoll_wait` without a timeout, else `epoll_pwait2`, which counts
/// nanoseconds (Linux 5.11). Where the kernel lacks that, `epoll_wait` with milliseconds
/// rounded up. The waker's eventfd is edge-triggered and never read.
#[doc(alias("epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait2"))]
#[derive(Debug)]
pub struct Epoll {
    epoll: OwnedFd,
    wake: WakeFlag<Bell>,
    table: Table,
    /// Level-triggered sources that may be registered otherwise than wanted.
    changed: Vec<RawFd>,
    /// Whether the always-ready files get the buffer first at the next wait.
    files_first: bool,
    has_nanoseconds: bool,
    stats: Stats,
}

impl Epoll {
    /// Opens an epoll instance and its waker.
    ///
    /// # Errors
    ///
    /// As epoll_create1(2) and eventfd(2): `EMFILE` or `ENFILE` where descriptors have
    /// run out, `ENOMEM`. What was opened by then is closed again.
    ///
    /// ```
    /// use waitset_core::Reactor;
    /// use waitset_epoll::Epoll;
    ///
    /// assert_eq!(Epoll::new()?.name(), "epoll");
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
            has_nanoseconds: true,
            stats: Stats::default(),
        })
    }

    /// Hands the kernel what still differs from what is wanted.
    #[cold]
    fn apply_changes(&mut self) {
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
            // It fails only for a descriptor that was closed while registered, which the
            // kernel has dropped.
            if self.change(fd, held).is_err() {
                self.table.remove(fd);
            }
        }
        self.changed.clear();
    }

    /// Notes that the kernel may have to hear of a change.
    fn queue(&mut self, fd: RawFd) {
        if self.changed.len() > self.table.len() {
            // Sources that were removed since have left their numbers here.
            self.apply_changes();
        }
        self.changed.push(fd);
    }

    fn change(&mut self, fd: RawFd, held: Held) -> io::Result<()> {
        self.stats.control_calls += 1;
        sys::modify(&self.epoll, fd, held)
    }

    /// Waits once and leaves what is to be told from `start` on; true if there is a
    /// reason to return.
    #[inline]
    fn ask(
        &mut self,
        events: &mut Events,
        start: usize,
        timeout: Option<Duration>,
    ) -> io::Result<bool> {
        let buffer = &mut events.buffer_mut()[start..];
        self.stats.wait_calls += 1;
        let answer = match timeout {
            None => sys::wait(&self.epoll, buffer, -1),
            Some(Duration::ZERO) => sys::wait(&self.epoll, buffer, 0),
            Some(timeout) => self.wait_for(buffer, timeout),
        };
        let count = match answer {
            Ok(count) => count,
            Err(error) => return interrupted(events, error),
        };
        events.set_len(start + count);
        let fresh = &events.as_slice()[start..];
        match fresh.iter().position(|event| held::is_marked(event.data())) {
            None => Ok(true),
            Some(first) => Ok(self.resolve(events, start + first)),
        }
    }

    /// Waits with a timeout that is neither zero nor for ever.
    #[cold]
    fn wait_for(&mut self, buffer: &mut [Event], timeout: Duration) -> io::Result<usize> {
        if self.has_nanoseconds {
            match sys::wait_nanoseconds(&self.epoll, buffer, timespec(Some(timeout))) {
                // EPERM is what old seccomp filters answer to calls they do not know.
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
                    self.has_nanoseconds = false;
                    self.stats.wait_calls += 1;
                }
                answer => return answer,
            }
        }
        let deadline = Deadline::after(Some(timeout));
        let mut millis = millis_rounded_up(timeout);
        loop {
            let count = sys::wait(&self.epoll, buffer, millis)?;
            if count > 0 || millis < i32::MAX {
                return Ok(count);
            }
            // 24.8 days are over; the timeout was longer.
            millis = millis_rounded_up(deadline.remaining().unwrap_or(Duration::MAX));
            self.stats.wait_calls += 1;
        }
    }

    /// Looks marked events up and drops those that are not to be told; true if there is
    /// a reason to return.
    #[cold]
    fn resolve(&mut self, events: &mut Events, first: usize) -> bool {
        let mut kept = first;
        let mut stray = false;
        for next in first..events.len() {
            let event = events.as_slice()[next];
            let told = if !held::is_marked(event.data()) {
                Some(event)
            } else if event.data() == WAKE.data {
                if self.wake.take() {
                    events.set_woken();
                }
                None
            } else {
                self.fired(&event).unwrap_or_else(|| {
                    stray = true;
                    None
                })
            };
            if let Some(event) = told {
                events.buffer_mut()[kept] = event;
                kept += 1;
            }
        }
        events.set_len(kept);
        kept > 0 || events.was_woken() || stray
    }

    /// A one-shot source fired: tells it if it is armed, else silences it. `None` if
    /// nobody knows it: it was closed while registered and lives on in a duplicate,
    /// where nothing can silence it; the wait ends rather than spin in here.
    fn fired(&mut self, event: &Event) -> Option<Option<Event>> {
        let (fd, generation) = held::unmark(event.data());
        let entry = self.table.oneshot_mut(fd, generation)?;
        match entry.fire(event.readiness()) {
            Verdict::Tell(event) => return Some(Some(event)),
            Verdict::Silent => {}
            Verdict::Correct(held) => {
                entry.held = held;
                if self.change(fd, held).is_err() {
                    self.table.remove(fd);
                }
            }
        }
        Some(None)
    }

    /// Waits with files among the sources, or with one-shot sources, whose events can
    /// turn out not to be told.
    fn wait_carefully(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        let files_are_ready = self.table.files_are_ready();
        if files_are_ready {
            self.files_first = !self.files_first;
            if self.files_first {
                self.table.tell_files(events);
            }
        }
        let looks_only = files_are_ready || timeout == Some(Duration::ZERO);
        let deadline = Deadline::after(if looks_only { None } else { timeout });
        let mut left = if looks_only {
            Some(Duration::ZERO)
        } else {
            timeout
        };
        while !events.is_full() && !self.ask(events, events.len(), left)? {
            // What fired was disarmed and is silent now; what is ready may be behind it.
            if !looks_only {
                left = deadline.remaining();
            }
        }
        if files_are_ready && !self.files_first {
            self.table.tell_files(events);
        }
        Ok(())
    }
}

#[cold]
fn interrupted(events: &mut Events, error: io::Error) -> io::Result<bool> {
    if error.kind() != io::ErrorKind::Interrupted {
        return Err(refusal::by_kernel(NAME, "cannot wait", &error));
    }
    events.set_interrupted();
    Ok(true)
}

impl Reactor for Epoll {
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
        self.table.reserve(NAME, fd)?;
        let wanted = Registration {
            token,
            interest,
            mode,
        };
        let entry = self.table.entry(fd, wanted);
        self.stats.control_calls += 1;
        let entry = match sys::add(&self.epoll, fd, entry.held) {
            Ok(()) => entry,
            Err(error) => match error.raw_os_error() {
                Some(libc::EPERM) if !self.table.is_file(fd) => entry.into_file(),
                Some(libc::EEXIST | libc::EPERM) => {
                    return Err(refusal::already_registered(NAME, fd));
                }
                Some(libc::EBADF) => return Err(refusal::not_open(NAME, fd)),
                Some(libc::ENOSPC) => {
                    let what = format!(
                        "descriptor {fd} is beyond the limit of watches, raise fs.epoll.max_user_watches"
                    );
                    return Err(refusal::by_kernel(NAME, what, &error));
                }
                _ => {
                    let what = format!("cannot register descriptor {fd}");
                    return Err(refusal::by_kernel(NAME, what, &error));
                }
            },
        };
        // A descriptor that was closed while registered may leave an old entry.
        self.table.insert(fd, entry);
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
        let wanted = Registration {
            token,
            interest,
            mode,
        };
        let Some(entry) = self.table.get_mut(fd) else {
            return Err(refusal::not_registered(NAME, fd));
        };
        match (entry.registration.mode, mode) {
            (Mode::Level, Mode::Level) if !entry.is_file() => {
                entry.registration = wanted;
                if !mem::replace(&mut entry.queued, true) {
                    self.queue(fd);
                }
                return Ok(());
            }
            (Mode::Oneshot, Mode::Oneshot) if entry.rearm(wanted) => return Ok(()),
            _ => {}
        }
        let entry = self.table.changed(fd, wanted);
        if entry.is_file() {
            self.table.insert(fd, entry);
            return Ok(());
        }
        match self.change(fd, entry.held) {
            Ok(()) => {
                self.table.insert(fd, entry);
                Ok(())
            }
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {
                self.table.remove(fd);
                Err(refusal::not_registered(NAME, fd))
            }
            Err(error) if error.raw_os_error() == Some(libc::EBADF) => {
                Err(refusal::not_open(NAME, fd))
            }
            Err(error) => {
                let what = format!("cannot modify descriptor {fd}");
                Err(refusal::by_kernel(NAME, what, &error))
            }
        }
    }

    fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()> {
        let fd = source.as_raw_fd();
        match self.table.remove(fd) {
            None => Err(refusal::not_registered(NAME, fd)),
            Some(entry) if entry.is_file() => Ok(()),
            Some(_) => {
                self.stats.control_calls += 1;
                // It fails only for a descriptor that was closed while registered: the
                // kernel holds nothing of it any more, which is what was asked for.
                let _ = sys::delete(&self.epoll, fd);
                Ok(())
            }
        }
    }

    #[inline]
    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        events.begin()?;
        if !self.changed.is_empty() {
            self.apply_changes();
        }
        if self.table.is_plain() {
            self.ask(events, 0, timeout)?;
        } else {
            self.wait_carefully(events, timeout)?;
        }
        self.stats.count_wait(events.len());
        Ok(events.len())
    }

    fn waker(&self) -> Waker {
        self.wake.waker()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            oneshot: Support::Emulated,
            timeout_resolution: match self.has_nanoseconds {
                true => Duration::from_nanos(1),
                false => Duration::from_millis(1),
            },
            ..Capabilities::FULL
        }
    }

    fn stats(&self) -> Stats {
        Stats {
            control_calls: self.stats.control_calls + self.table.checks(),
            wake_calls: self.wake.calls(),
            ..self.stats
        }
    }

    fn name(&self) -> &'static str {
        NAME
    }
}
