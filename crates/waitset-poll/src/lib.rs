//! poll(2) as a [`Reactor`]: level-triggered and one-shot, on any Unix.
//!
//! ```
//! use std::io::Write;
//! use std::os::fd::AsFd;
//! use waitset_core::{Events, Interest, Mode, Reactor, Token};
//! use waitset_poll::PollReactor;
//!
//! let (mut near, far) = std::os::unix::net::UnixStream::pair()?;
//! let mut poll = PollReactor::new()?;
//! // SAFETY: `far` stays open until it is deregistered.
//! unsafe { poll.register(far.as_fd(), Token(7), Interest::READABLE, Mode::Level)? };
//! near.write_all(b"!")?;
//! let mut events = Events::with_capacity(256);
//! poll.wait(&mut events, None)?;
//! assert_eq!(events.as_slice()[0].token(), Token(7));
//! poll.deregister(far.as_fd())?;
//! # Ok::<(), std::io::Error>(())
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg(unix)]

mod sys;
mod table;

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use waitset_core::{
    BorrowedSource, Capabilities, Events, Interest, Mode, Reactor, ReactorWaker, Stats, Support,
    Token, WakeFlag,
};
use waitset_unix::{Bell, Probe, Registration, refusal, take_wake};

use table::{NAME, Table};

/// A reactor over poll(2).
///
/// Registration writes into a dense array and makes no system call. A wait probes with a zero
/// timeout first, because a call that can sleep queues itself on every descriptor before the first
/// ready one, which costs several times as much. While probes find nothing, they become rare.
///
/// # Platform notes
///
/// `ppoll`, with nanoseconds, on Linux, Android and FreeBSD; elsewhere `poll`, with milliseconds
/// rounded up. The kernel refuses more descriptors than `RLIMIT_NOFILE` allows (poll(2), `EINVAL`).
/// Draining the waker is one `read` on Linux.
#[doc(alias = "ppoll")]
#[derive(Debug)]
pub struct PollReactor {
    wake: WakeFlag<Bell>,
    table: Table,
    probe: Probe,
    stats: Stats,
}

impl PollReactor {
    /// Opens the waker's descriptor; poll itself needs none.
    ///
    /// # Errors
    ///
    /// Those of eventfd(2) or socketpair(2): `EMFILE` or `ENFILE` if descriptors have run out,
    /// `ENOMEM`.
    ///
    /// ```
    /// use waitset_core::Reactor;
    /// use waitset_poll::PollReactor;
    ///
    /// assert_eq!(PollReactor::new()?.name(), "poll");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> io::Result<Self> {
        let refused = |error| refusal::by_kernel(NAME, "cannot open a reactor", &error);
        let wake = WakeFlag::new(Bell::new().map_err(refused)?);
        let table = Table::new(wake.doorbell().as_fd().as_raw_fd());
        Ok(Self {
            wake,
            table,
            probe: Probe::default(),
            stats: Stats::default(),
        })
    }
}

impl Reactor for PollReactor {
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
        self.table
            .insert(fd, Registration::new(token, interest, mode))
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
        self.table
            .replace(fd, Registration::new(token, interest, mode))
    }

    #[inline]
    fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()> {
        self.table.remove(source.as_raw_fd())
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        events.begin()?;
        let call = |timeout| sys::poll(self.table.asked_mut(), timeout);
        let answer = self
            .probe
            .ask(&mut self.stats, timeout, sys::can_express, call);
        let ready = match answer {
            Ok(ready) => ready,
            Err(error) => {
                refusal::of_poll(NAME, self.table.len(), events, &error)?;
                0
            }
        };
        if ready > 0 && self.table.tell(events, ready) {
            self.stats.control_calls += take_wake(&self.wake, events);
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
            timeout_resolution: sys::RESOLUTION,
            peer_closed_hint: sys::SEES_PEER_CLOSED,
            reports_closed_descriptors: true,
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
