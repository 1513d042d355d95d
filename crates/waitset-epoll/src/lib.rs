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

mod ghosts;
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
use table::{PassedOver, Table};

const NAME: &str = "epoll";

/// After so many waits, a source that was reported is looked at: it may have been closed while
/// registered, and be reported for as long as a duplicate is open.
const ROUND: u32 = 1 << 14;

/// What no call answers.
const NOT_ASKED: libc::c_int = libc::c_int::MIN;

/// A reactor over epoll(7).
///
/// One system call a wait. Events of level- and edge-triggered sources go from the
/// kernel into the caller's buffer untouched: the kernel's data word carries token and
/// interest. Three things are kept in user space:
///
/// - A change of a level-triggered interest is handed to the kernel at the next wait,
///   and only if it still matters then: off and on between two waits costs no system call.
/// - A one-shot source stays level-triggered in the kernel, and an armed flag here says
///   whether it is reported; re-arming is free. Only if it fires while disarmed is the
///   kernel told to be silent, and from then on the source is one-shot in the kernel.
/// - Files that epoll refuses (`EPERM`) are always ready. One `epoll_ctl` per event of such a
///   file checks that its number has not been given to another file.
///
/// # Sources that were closed while registered
///
/// If a duplicate keeps such a source open, the kernel still holds it, and nothing removes it
/// any more (epoll(7), question 6). When a later call shows that there is one, the next wait
/// opens a fresh instance, registers everything else there and closes the old instance, once
/// for however many there are. Edge-triggered sources that are ready are reported again then.
/// If no call shows it, because the source is neither deregistered nor changed, a check of one
/// reported level-triggered source every 16,384 waits does, and the file that has the number
/// now is watched, if any. If no instance can be opened (`EMFILE`, `ENOSPC`, `ENOMEM`), the old one stays in use and
/// can report the closed source, and the next wait tries again.
///
/// # Platform notes
///
/// `epoll_create1` and `eventfd` in the constructor; `epoll_ctl` to register, to deregister and
/// to re-arm an edge-triggered source; `epoll_wait` without a timeout, otherwise
/// `epoll_pwait2`, which counts nanoseconds (Linux 5.11). If the kernel lacks that,
/// `epoll_wait` with milliseconds rounded up. The waker's eventfd is edge-triggered and never
/// read. One `epoll_ctl` every 16,384 waits. If `epoll_ctl` shows that a source was closed while
/// registered, one `kcmp`, whose time grows with the number of sources.
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
    /// Whether the kernel holds sources that were closed while registered.
    has_ghosts: bool,
    /// How many times a reported source was looked at.
    looks: usize,
    /// Whether the bell's event may come without its flag, since the instance was opened
    /// after the bell was rung.
    rings_again: bool,
    /// Whether a wait has more to do than to ask the kernel.
    needs_care: bool,
    has_nanoseconds: bool,
    /// Rounds of waits that went the short way, of one system call each, and how many are left
    /// of this one.
    rounds: u64,
    left: u32,
    stats: Stats,
}

impl Epoll {
    /// Opens an epoll instance and its waker.
    ///
    /// # Errors
    ///
    /// As epoll_create1(2) and eventfd(2): `EMFILE` or `ENFILE` if descriptors have run out,
    /// `ENOMEM`. `Unsupported` if a sandbox refuses epoll. What was opened by then is closed
    /// again.
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

    /// Has the kernel hold what is wanted and nothing else.
    #[cold]
    fn prepare(&mut self) {
        self.apply_changes();
        if self.has_ghosts {
            self.lay_ghosts();
        }
        self.note_care();
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
            self.change_or_renew(fd, held);
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
        self.needs_care = true;
    }

    fn change(&mut self, fd: RawFd, held: Held) -> io::Result<()> {
        self.stats.control_calls += 1;
        sys::modify(&self.epoll, fd, held)
    }

    /// Changes what the kernel holds. It fails only for a descriptor that was closed while
    /// registered: what the number refers to now is found out by a fresh instance.
    fn change_or_renew(&mut self, fd: RawFd, held: Held) {
        self.has_ghosts |= self.change(fd, held).is_err();
    }

    /// Notes whether the next wait has to care for anything, so that it need not look.
    fn note_care(&mut self) {
        self.needs_care = !self.changed.is_empty()
            || self.table.has_files()
            || self.table.has_marks()
            || self.has_ghosts
            || self.rings_again;
    }

    /// A wait with something to prepare or to look up, or whose answer is not simply what
    /// is told.
    #[cold]
    fn wait_with_care(
        &mut self,
        events: &mut Events,
        timeout: Option<Duration>,
        mut answer: libc::c_int,
    ) -> io::Result<()> {
        if answer == NOT_ASKED {
            if !self.changed.is_empty() || self.has_ghosts {
                self.prepare();
            }
            answer = match plain_millis(timeout) {
                Some(millis) if !self.table.has_files() => {
                    sys::wait_plainly(&self.epoll, events.buffer_mut(), millis)
                }
                _ => return self.wait_at_length(events, timeout),
            };
        }
        events.replace(0);
        if answer < 0 {
            let error = io::Error::last_os_error();
            if error.kind() == io::ErrorKind::InvalidInput {
                // The buffer has no room, or more than the kernel takes.
                return self.wait_at_length(events, timeout);
            }
            refusal::of_wait(NAME, events, &error)?;
        } else if answer > 0 && !self.tell(events, 0, answer as usize) {
            self.wait_for_news(events, timeout)?;
        }
        self.count_plainly(events);
        self.count(events.len());
        Ok(())
    }

    /// A wait with a timeout that has to be watched, or with files among the sources.
    fn wait_at_length(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.begin()?;
        self.stats.waits += 1;
        let waited = match self.table.has_files() {
            true => self.wait_among_files(events, timeout),
            false => self.wait_for_news(events, timeout),
        };
        if events.is_empty() {
            waited?;
        }
        // What was told of files must not be lost; the kernel refuses the next wait.
        if self.stats.waits % u64::from(ROUND) == 0 {
            self.look_for_overwritten(events);
        }
        self.count(events.len());
        Ok(())
    }

    /// Waits until there is something to tell or a reason to return. What fires without
    /// being wanted is silenced, and the wait goes on with the rest of its timeout: what
    /// is ready may be behind it.
    fn wait_for_news(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        let sleeps = timeout != Some(Duration::ZERO);
        let deadline = Deadline::after(timeout.filter(|_| sleeps));
        let mut left = timeout;
        while !events.is_full() && !self.ask(events, left)? {
            if sleeps {
                left = deadline.remaining();
            }
        }
        Ok(())
    }

    /// Asks the kernel once and adds what is to be told; true if there is a reason to
    /// return.
    fn ask(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<bool> {
        let start = events.len();
        let buffer = &mut events.buffer_mut()[start..];
        self.stats.wait_calls += 1;
        let answer = match timeout {
            None => sys::wait(&self.epoll, buffer, -1),
            Some(Duration::ZERO) => sys::wait(&self.epoll, buffer, 0),
            Some(timeout) => self.wait_for(buffer, timeout),
        };
        match answer {
            Ok(0) => Ok(true),
            Ok(count) => Ok(self.tell(events, start, start + count)),
            Err(error) => refusal::of_wait(NAME, events, &error).map(|()| true),
        }
    }

    /// Waits with a timeout that is neither zero nor for ever.
    #[cold]
    fn wait_for(&mut self, buffer: &mut [Event], timeout: Duration) -> io::Result<usize> {
        if self.has_nanoseconds {
            match sys::wait_nanoseconds(&self.epoll, buffer, timespec(Some(timeout))) {
                Err(error) if refusal::is_missing(&error) => {
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

    /// Looks marked events up, from `start` to `end` of the buffer, and drops those that
    /// are not to be told; true if there is a reason to return.
    #[inline]
    fn tell(&mut self, events: &mut Events, start: usize, end: usize) -> bool {
        let fresh = &mut events.buffer_mut()[start..end];
        if fresh.iter_mut().all(|event| self.table.tell(event)) {
            events.set_len(end);
            return true;
        }
        self.tell_some(events, start, end)
    }

    /// The same where some are not to be told. Those that are told already have no mark
    /// any more.
    #[cold]
    fn tell_some(&mut self, events: &mut Events, start: usize, end: usize) -> bool {
        let fresh = &mut events.buffer_mut()[start..end];
        let (mut kept, mut woken) = (0, false);
        for next in 0..fresh.len() {
            let mut event = fresh[next];
            if self.table.tell(&mut event) {
                fresh[kept] = event;
                kept += 1;
            } else {
                woken |= self.pass_over(&event);
            }
        }
        events.set_len(start + kept);
        if woken {
            events.set_woken();
        }
        let mut has_reason = woken || kept > 0;
        if self.has_ghosts {
            // If they cannot be laid, the wait ends rather than spin unseen.
            has_reason |= !self.lay_ghosts();
            self.note_care();
        }
        has_reason
    }

    /// Does what an event that is not told is good for; true if a waker woke.
    fn pass_over(&mut self, event: &Event) -> bool {
        match self.table.passed_over(event) {
            PassedOver::Wake => return self.wake.take(),
            PassedOver::Stray => self.has_ghosts = true,
            PassedOver::Disarmed => {}
            PassedOver::ToSilence(fd) => {
                if let Some(held) = self.table.silence(fd) {
                    self.change_or_renew(fd, held);
                }
            }
        }
        false
    }

    /// Waits with always-ready files among the sources. Files and the kernel take turns
    /// in who fills the buffer first.
    fn wait_among_files(
        &mut self,
        events: &mut Events,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        while self.table.files_are_ready() {
            self.files_first = !self.files_first;
            if self.files_first {
                self.tell_files(events);
            }
            self.wait_for_news(events, Some(Duration::ZERO))?;
            if !self.files_first {
                self.tell_files(events);
            }
            if !events.is_empty() || events.was_woken() || events.was_interrupted() {
                return Ok(());
            }
            // Those that were ready are files no more.
        }
        self.wait_for_news(events, timeout)
    }

    fn tell_files(&mut self, events: &mut Events) {
        let epoll = &self.epoll;
        self.table
            .tell_files(events, |fd, held| sys::add(epoll, fd, held));
        self.note_care();
    }

    /// A change that the kernel has to hear of now, or of a file.
    fn modify_with_care(&mut self, fd: RawFd, wanted: Registration) -> io::Result<()> {
        let entry = self.table.changed(fd, wanted);
        if entry.is_file() {
            self.table.insert(fd, entry);
            return Ok(());
        }
        match self.change(fd, entry.held) {
            Ok(()) => {}
            Err(error) => match error.raw_os_error() {
                // The number has been given to another file, which the next wait watches.
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

    /// Counts a wait of one system call.
    fn count_plainly(&mut self, events: &Events) {
        self.left -= 1;
        if self.left == 0 {
            (self.rounds, self.left) = (self.rounds + 1, ROUND);
            self.look_for_overwritten(events);
        }
    }

    fn plain_waits(&self) -> u64 {
        self.rounds * u64::from(ROUND) + u64::from(ROUND - self.left)
    }

    #[inline]
    fn count(&mut self, events: usize) {
        self.stats.events += events as u64;
        self.stats.empty_returns += u64::from(events == 0);
    }
}

/// The timeout as the plain call takes it: none or zero, which every kernel counts alike.
#[inline]
fn plain_millis(timeout: Option<Duration>) -> Option<i32> {
    match timeout {
        None => Some(-1),
        Some(Duration::ZERO) => Some(0),
        Some(_) => None,
    }
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
        let old = self.table.insert(fd, entry);
        if old.is_some_and(|old| !old.is_file()) {
            // It was closed while registered.
            self.look_for_ghost(fd, u32::from(!entry.is_file()));
        }
        self.note_care();
        Ok(())
    }

    #[inline]
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
        if !entry.keep(wanted) {
            return self.modify_with_care(fd, wanted);
        }
        if mode == Mode::Level && !mem::replace(&mut entry.queued, true) {
            self.queue(fd);
        }
        Ok(())
    }

    fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()> {
        let fd = source.as_raw_fd();
        let Some(entry) = self.table.remove(fd) else {
            return Err(refusal::not_registered(NAME, fd));
        };
        if !entry.is_file() {
            self.stats.control_calls += 1;
            // It fails only for a descriptor that was closed while registered, which the
            // kernel has dropped unless there is a duplicate.
            if sys::delete(&self.epoll, fd).is_err() {
                self.look_for_ghost(fd, 0);
            }
        }
        self.note_care();
        Ok(())
    }

    /// The short way: one system call, and nothing to look up.
    #[inline]
    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        let mut answer = NOT_ASKED;
        if let (Some(millis), false) = (plain_millis(timeout), self.needs_care) {
            answer = sys::wait_plainly(&self.epoll, events.buffer_mut(), millis);
            // A wake's event comes after its flag, so without the flag there is none.
            if answer > self.wake.bar() {
                self.left -= 1;
                if self.left > 0 {
                    let count = answer as u32 as usize;
                    self.stats.events += count as u64;
                    events.replace(count);
                    return Ok(count);
                }
                // The long way ends the round, and counts this wait.
                self.left = 1;
            }
        }
        self.wait_with_care(events, timeout, answer)?;
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
            interrupted_by_stop: true,
            ..Capabilities::FULL
        }
    }

    fn stats(&self) -> Stats {
        Stats {
            waits: self.stats.waits + self.plain_waits(),
            wait_calls: self.stats.wait_calls + self.plain_waits(),
            control_calls: self.stats.control_calls + self.table.checks(),
            wake_calls: self.wake.calls(),
            ..self.stats
        }
    }

    fn name(&self) -> &'static str {
        NAME
    }
}
