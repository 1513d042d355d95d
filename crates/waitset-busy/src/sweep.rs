use std::hint;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use waitset_core::{
    BorrowedSource, Capabilities, Deadline, Events, Interest, Mode, Reactor, ReactorWaker,
    Readiness, Stats, Support, Token, WakeFlag,
};
use waitset_unix::{FdTable, Registration, refusal};

use crate::silent::Silent;
use crate::sys;

const NAME: &str = "sweep";

/// A reactor that polls one descriptor at a time, round and round: the baseline without a
/// multiplexer.
///
/// It never sleeps, so it keeps a whole core busy, and each round costs one system call per source.
/// Its waker sets a flag and makes no system call. A wait ends after a round in which something was
/// ready.
///
/// # Platform notes
///
/// One `poll` of one descriptor with a zero timeout per armed source and round.
///
/// ```
/// use std::os::fd::AsFd;
/// use waitset_busy::Sweep;
/// use waitset_core::{Events, Interest, Mode, Reactor, Token};
///
/// let (near, _far) = std::os::unix::net::UnixStream::pair()?;
/// let mut sweep = Sweep::new();
/// // SAFETY: `near` stays open until it is deregistered.
/// unsafe { sweep.register(near.as_fd(), Token(7), Interest::WRITABLE, Mode::Level)? };
/// let mut events = Events::with_capacity(8);
/// sweep.wait(&mut events, None)?;
/// assert!(events.as_slice()[0].is_writable());
/// assert_eq!(sweep.stats().wait_calls, 1);
/// sweep.deregister(near.as_fd())?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Sweep {
    wake: WakeFlag<Silent>,
    sources: Vec<Source>,
    places: FdTable<usize>,
    /// Where the next round begins.
    next: usize,
    stats: Stats,
}

#[derive(Debug)]
struct Source {
    fd: RawFd,
    registration: Registration,
    armed: bool,
}

impl Sweep {
    /// Creates a reactor without sources. It opens no descriptor.
    #[must_use]
    pub fn new() -> Self {
        Self {
            wake: WakeFlag::new(Silent),
            sources: Vec::new(),
            places: FdTable::default(),
            next: 0,
            stats: Stats::default(),
        }
    }

    /// Polls every armed source once, from the end of the last round on, until the buffer is full.
    fn round(&mut self, events: &mut Events) -> io::Result<()> {
        let count = self.sources.len();
        let mut dead = Vec::new();
        for _ in 0..count {
            if events.is_full() {
                break;
            }
            self.next = if self.next + 1 < count {
                self.next + 1
            } else {
                0
            };
            let source = &mut self.sources[self.next];
            if !source.armed {
                continue;
            }
            self.stats.wait_calls += 1;
            let observed = sys::ask(source.fd, source.registration.interest)?;
            if observed.readiness == Readiness::default() {
                continue;
            }
            events.push(source.registration.event(observed.readiness));
            source.armed = source.registration.mode == Mode::Level;
            if observed.is_dead {
                dead.push(source.fd);
            }
        }
        for fd in dead {
            self.remove(fd);
        }
        Ok(())
    }

    fn remove(&mut self, fd: RawFd) -> Option<Source> {
        let place = self.places.remove(fd)?;
        let source = self.sources.swap_remove(place);
        if let Some(moved) = self.sources.get(place) {
            self.places.insert(moved.fd, place);
        }
        Some(source)
    }
}

impl Default for Sweep {
    fn default() -> Self {
        Self::new()
    }
}

impl Reactor for Sweep {
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
        self.places.reserve(NAME, fd)?;
        if self.places.get(fd).is_some() {
            return Err(refusal::already_registered(NAME, fd));
        }
        self.places.insert(fd, self.sources.len());
        let registration = Registration::new(token, interest, mode);
        self.sources.push(Source {
            fd,
            registration,
            armed: true,
        });
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
        refusal::edge(NAME, fd, mode)?;
        let Some(&place) = self.places.get(fd) else {
            return Err(refusal::not_registered(NAME, fd));
        };
        let source = &mut self.sources[place];
        source.armed = true;
        source.registration = Registration::new(token, interest, mode);
        Ok(())
    }

    fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()> {
        let fd = source.as_raw_fd();
        match self.remove(fd) {
            Some(_) => Ok(()),
            None => Err(refusal::not_registered(NAME, fd)),
        }
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        events.begin()?;
        let deadline = Deadline::after(timeout);
        loop {
            // Before looking: what is ready when the time is up is still found.
            let is_past = deadline.is_past();
            self.round(events)?;
            if self.wake.take() {
                events.set_woken();
            }
            if !events.is_empty() || events.was_woken() || is_past {
                self.stats.count_wait(events.len());
                return Ok(events.len());
            }
            hint::spin_loop();
        }
    }

    fn waker(&self) -> ReactorWaker {
        self.wake.waker()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            edge: Support::Unsupported,
            oneshot: Support::Emulated,
            peer_closed_hint: sys::SEES_PEER_CLOSED,
            reports_closed_descriptors: true,
            sleeps: false,
            ..Capabilities::FULL
        }
    }

    fn stats(&self) -> Stats {
        Stats {
            control_calls: self.places.checks(),
            ..self.stats
        }
    }

    fn name(&self) -> &'static str {
        NAME
    }
}
