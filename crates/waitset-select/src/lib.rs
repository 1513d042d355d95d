//! select(2) as a [`Reactor`]: level-triggered and one-shot, on any Unix.
//!
//! ```
//! use std::io::Write;
//! use std::os::fd::AsFd;
//! use waitset_core::{Events, Interest, Mode, Reactor, Token};
//! use waitset_select::SelectReactor;
//!
//! let (mut near, far) = std::os::unix::net::UnixStream::pair()?;
//! let mut select = SelectReactor::new()?;
//! // SAFETY: `far` stays open until it is deregistered.
//! unsafe { select.register(far.as_fd(), Token(7), Interest::READABLE, Mode::Level)? };
//! near.write_all(b"!")?;
//! let mut events = Events::with_capacity(256);
//! select.wait(&mut events, None)?;
//! assert_eq!(events.as_slice()[0].token(), Token(7));
//! select.deregister(far.as_fd())?;
//! # Ok::<(), std::io::Error>(())
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg(unix)]

mod fd_set;
mod sys;

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

use waitset_core::{
    BorrowedSource, Capabilities, Events, Interest, Mode, Reactor, ReactorWaker, Readiness, Stats,
    Support, Token, WakeFlag,
};
use waitset_unix::{Bell, FdTable, Probe, Registration, is_open, refusal};

use fd_set::FdSets;

const NAME: &str = "select";

/// A reactor over select(2).
///
/// It passes three bit sets of any size: Linux accepts descriptors above `FD_SETSIZE`, because that
/// limit of 1024 is only the C library's. Registration sets bits and makes no system call. The cost
/// of a wait grows with the highest descriptor, not with their number. Like poll, a wait probes with
/// a zero timeout first while that pays.
///
/// select reports less than other mechanisms: there are no hints, and a hang-up or an error looks
/// like plain readiness, see [`Capabilities`].
///
/// # Platform notes
///
/// - A wait: `pselect`, with nanoseconds.
/// - One `fcntl` per source at the first event after it was registered, and one for every source
///   every 16,384 waits, because select reports a descriptor that was opened with `O_PATH` as always
///   ready.
/// - After `EBADF`, one `fcntl` per registered descriptor finds the closed one.
/// - Draining the waker is one `read` on Linux.
/// - Linux, Android and FreeBSD accept descriptors of any number. Elsewhere, [`new`](Self::new) is
///   the same as [`posix`](Self::posix).
#[doc(alias("pselect", "FD_SETSIZE"))]
#[derive(Debug)]
pub struct SelectReactor {
    wake: WakeFlag<Bell>,
    sets: FdSets,
    sources: FdTable<Source>,
    /// Registered since the last event, and not checked yet; some can be deregistered again.
    unchecked: Vec<RawFd>,
    limit: Option<usize>,
    probe: Probe,
    stats: Stats,
}

/// A source, and the directions that the kernel is asked for, as the bits of an [`Interest`]: none
/// after a one-shot source fired.
#[derive(Debug)]
struct Source {
    registration: Registration,
    asked: u8,
}

/// Every so many waits, all sources are checked: select reports a descriptor that was opened with
/// `O_PATH`, or was given a registered number since, as ready in every wait.
const ROUND: u64 = 1 << 14;

impl SelectReactor {
    /// Opens the waker's descriptor; select itself needs none.
    ///
    /// # Errors
    ///
    /// Those of eventfd(2) or socketpair(2): `EMFILE` or `ENFILE` if descriptors have run out,
    /// `ENOMEM`.
    ///
    /// ```
    /// use waitset_core::Reactor;
    /// use waitset_select::SelectReactor;
    ///
    /// assert_eq!(SelectReactor::new()?.name(), "select");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> io::Result<Self> {
        Self::open(sys::LIMIT)
    }

    /// Like [`new`](Self::new), but accepts only what POSIX promises: descriptors below
    /// `FD_SETSIZE`, 1024 on most systems.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new), and `InvalidInput` if the waker's descriptor is already beyond
    /// the limit.
    ///
    /// ```
    /// use waitset_core::Reactor;
    /// use waitset_select::SelectReactor;
    ///
    /// assert_eq!(SelectReactor::posix()?.capabilities().descriptor_limit, Some(1024));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn posix() -> io::Result<Self> {
        Self::open(Some(libc::FD_SETSIZE))
    }

    fn open(limit: Option<usize>) -> io::Result<Self> {
        let refused = |error| refusal::by_kernel(NAME, "cannot open a reactor", &error);
        let wake = WakeFlag::new(Bell::new().map_err(refused)?);
        let bell = wake.doorbell().as_fd().as_raw_fd();
        check_limit(bell, limit)?;
        Ok(Self {
            sets: FdSets::new(bell),
            wake,
            sources: FdTable::default(),
            unchecked: Vec::new(),
            limit,
            probe: Probe::default(),
            stats: Stats::default(),
        })
    }

    /// Puts the events of `ready` bits into the buffer.
    fn tell(&mut self, events: &mut Events, ready: usize) {
        if !self.unchecked.is_empty() || self.stats.waits % ROUND == 0 {
            self.evict_unfit(events);
        }
        if self.sets.take_bell() {
            self.stats.control_calls += self.wake.doorbell().drain();
            if self.wake.take() {
                events.set_woken();
            }
        }
        let Self { sets, sources, .. } = self;
        sets.answers(ready, |sets, fd, observed| {
            if events.is_full() {
                return false;
            }
            if let Some(Source {
                registration,
                asked,
            }) = sources.get_mut(fd)
            {
                events.push(registration.event(observed));
                if registration.mode == Mode::Oneshot {
                    sets.ask(fd, asked, None);
                }
            }
            true
        });
    }

    /// Drops sources that are ready in every wait because select cannot wait for them, and
    /// reports each for the last time. Those that do not fit the buffer are kept for the next.
    #[cold]
    fn evict_unfit(&mut self, events: &mut Events) {
        if self.stats.waits % ROUND == 0 {
            // Any number may have been given to another file.
            self.unchecked.clear();
            self.unchecked.extend(self.sources.descriptors());
        }
        self.forget_removed();
        let mut unchecked = mem::take(&mut self.unchecked);
        unchecked.retain(|fd| {
            let is_asked = self
                .sources
                .get(*fd)
                .is_some_and(|source| source.asked != 0);
            self.stats.control_calls += u64::from(is_asked);
            is_asked && !is_open(*fd) && !self.evict(*fd, events)
        });
        self.unchecked = unchecked;
    }

    #[cold]
    fn forget_removed(&mut self) {
        let sources = &self.sources;
        self.unchecked.retain(|fd| sources.get(*fd).is_some());
        self.unchecked.sort_unstable();
        self.unchecked.dedup();
    }

    #[cold]
    fn refused(&mut self, events: &mut Events, error: &io::Error) -> io::Result<()> {
        if error.raw_os_error() == Some(libc::EBADF) && self.evict_dead(events) > 0 {
            return Ok(());
        }
        refusal::of_wait(NAME, events, error)
    }

    /// select says that a descriptor is dead but not which: finds it, reports it once and
    /// drops it, so that the others live on. What does not fit the buffer is found again
    /// by the next wait.
    fn evict_dead(&mut self, events: &mut Events) -> usize {
        // A disarmed source is not what select has met, and stays silent.
        let is_asked = |fd: &RawFd| self.sources.get(*fd).is_some_and(|it| it.asked != 0);
        let mut dead: Vec<_> = self.sources.descriptors().filter(is_asked).collect();
        self.stats.control_calls += dead.len() as u64;
        dead.retain(|fd| !is_open(*fd));
        for &fd in &dead {
            if events.is_full() {
                break;
            }
            self.evict(fd, events);
        }
        dead.len()
    }

    /// Drops a source and reports it for the last time; false if there is no room for that.
    fn evict(&mut self, fd: RawFd, events: &mut Events) -> bool {
        if events.is_full() {
            return false;
        }
        if let Some(mut source) = self.sources.remove(fd) {
            self.sets.ask(fd, &mut source.asked, None);
            events.push(source.registration.event(Readiness::ERROR));
        }
        true
    }
}

fn check_limit(fd: RawFd, limit: Option<usize>) -> io::Result<()> {
    match limit {
        Some(limit) if fd as usize >= limit => {
            let way_out = "use SelectReactor::new on Linux, or another mechanism";
            Err(refusal::beyond_limit(NAME, fd, limit, way_out))
        }
        _ => Ok(()),
    }
}

impl Reactor for SelectReactor {
    #[inline]
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
        refusal::edge(NAME, fd, mode)?;
        check_limit(fd, self.limit)?;
        self.sources.reserve(NAME, fd)?;
        if self.sources.get(fd).is_some() {
            return Err(refusal::already_registered(NAME, fd));
        }
        let mut source = Source {
            registration: Registration::new(token, interest, mode),
            asked: 0,
        };
        self.sets.make_room(fd);
        self.sets.ask(fd, &mut source.asked, Some(interest));
        self.sources.insert(fd, source);
        if self.unchecked.len() > 2 * self.sources.len() {
            // Most of them have been deregistered.
            self.forget_removed();
        }
        self.unchecked.push(fd);
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
        refusal::edge(NAME, fd, mode)?;
        let Some(source) = self.sources.get_mut(fd) else {
            return Err(refusal::not_registered(NAME, fd));
        };
        source.registration = Registration::new(token, interest, mode);
        self.sets.ask(fd, &mut source.asked, Some(interest));
        Ok(())
    }

    #[inline]
    fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()> {
        let fd = source.as_raw_fd();
        let Some(mut source) = self.sources.remove(fd) else {
            return Err(refusal::not_registered(NAME, fd));
        };
        self.sets.ask(fd, &mut source.asked, None);
        Ok(())
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        events.begin()?;
        let call = |timeout| sys::select(&mut self.sets, timeout);
        let answer = self
            .probe
            .ask(&mut self.stats, timeout, sys::can_express, call);
        match answer {
            Ok(0) => {}
            Ok(ready) => self.tell(events, ready),
            Err(error) => self.refused(events, &error)?,
        }
        self.stats.count_wait(events.len());
        Ok(events.len())
    }

    fn waker(&self) -> ReactorWaker {
        self.wake.waker()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            edge: Support::Unsupported,
            oneshot: Support::Emulated,
            descriptor_limit: self.limit,
            // What Linux's select takes for readable, writable and exceptional:
            // POLLIN_SET, POLLOUT_SET and POLLEX_SET in fs/select.c.
            hangup_shows_as: Interest::READABLE,
            error_shows_as: Interest::READABLE | Interest::WRITABLE,
            hints: false,
            peer_closed_hint: false,
            reports_closed_descriptors: true,
            ..Capabilities::FULL
        }
    }

    fn stats(&self) -> Stats {
        Stats {
            control_calls: self.stats.control_calls + self.sources.checks(),
            wake_calls: self.wake.calls(),
            ..self.stats
        }
    }

    fn name(&self) -> &'static str {
        NAME
    }
}
