//! How a connection that has nothing to read or write notices that its peer has gone.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use socket2::SockRef;
use waitset_core::{AsSource, Interest, Mode};

use super::connection::BOTH;
use super::sys::{Descriptor, Seen};
use super::{Connection, Notice};
use crate::LocalHandle;

/// What a connection knows of its peer beside what it reads.
#[derive(Default)]
pub(super) struct Hearing {
    /// Being asked for urgent data it would spin: there is some, or an error that nobody
    /// explains.
    is_noisy: Cell<bool>,
    /// A timer looks at it.
    is_watched: Cell<bool>,
    /// The callback has been told that the peer has ended while the input is full.
    is_left_told: Cell<bool>,
    /// What the callback is still to be told, since it panicked before that.
    owed: Cell<Option<Notice>>,
}

impl Hearing {
    pub(super) fn owe(&self, notice: Notice) {
        self.owed.set(Some(notice));
    }

    pub(super) fn take_owed(&self) -> Option<Notice> {
        self.owed.take()
    }
}

/// What an event means to a connection that has nothing to read or write.
pub(super) enum Heard {
    Nothing,
    /// The peer has ended, and the input is full.
    Left,
    /// The peer has gone.
    Gone(io::Result<()>),
}

/// How often a timer looks at a connection of which no event would tell.
const PERIOD: Duration = Duration::from_millis(500);

impl<S> Connection<S> {
    /// Whether there is nothing to be read or written, so that only its peer's leaving is news.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        let (Ok(input), output) = (self.0.input.try_borrow(), self.0.output.borrow()) else {
            return false; // it is looked at when the input is returned
        };
        let is_over = input.is_eof() && output.is_shut_down();
        let is_quiet = input.interest().is_none() && output.interest().is_none();
        is_quiet && !is_over && !self.holds_back(&input)
    }

    /// What is asked of it meanwhile. A hang-up and an error read as readiness in every
    /// direction that is asked for, so the one is asked for in which nothing else comes. An
    /// edge-triggered stream is asked for both others anyway, and tells each change once.
    pub(super) fn lifeline(&self) -> Option<Interest> {
        let is_asked = self.0.mode != Mode::Edge && !self.0.hearing.is_noisy.get();
        is_asked.then_some(Interest::PRIORITY)
    }

    fn is_full(&self) -> bool {
        self.0.input.borrow().is_full()
    }
}

impl<S: AsSource + 'static> Connection<S> {
    fn look(&self) -> Seen {
        Descriptor(self.0.stream.as_fd()).look()
    }

    /// Finds out what an event was about.
    #[cold]
    pub(super) fn hear(&self) -> Heard {
        let (seen, hearing) = (self.look(), &self.0.hearing);
        let is_full = self.is_full();
        if is_full && seen.is_hung_up() {
            // The rest is bounded by what the kernel keeps, and nobody is left to hold back.
            self.0.input.borrow_mut().lift_limit();
            return Heard::Nothing;
        }
        if let Some(answer) = self.reason(seen).filter(|_| !is_full) {
            return Heard::Gone(answer);
        }
        let is_news = is_full && seen.is_half_closed();
        if is_news && !hearing.is_left_told.replace(true) {
            return Heard::Left;
        }
        hearing.is_noisy.set(seen.is_urgent() || seen.has_failed());
        Heard::Nothing
    }

    /// Why the peer of a connection whose input has ended is gone, if it is.
    fn reason(&self, seen: Seen) -> Option<io::Result<()>> {
        if !seen.is_hung_up() && !seen.has_failed() {
            return None;
        }
        match SockRef::from(&self.0.stream).take_error() {
            // So says Linux of a reset that comes after the peer's end (tcp_reset in
            // net/ipv4/tcp_input.c).
            Ok(Some(error)) if error.raw_os_error() == Some(libc::EPIPE) => {
                Some(Err(io::Error::from_raw_os_error(libc::ECONNRESET)))
            }
            Ok(Some(error)) => Some(Err(error)),
            Ok(None) => seen.is_hung_up().then_some(Ok(())),
            // A pipe that nobody reads, or a terminal that is gone.
            Err(_) => Some(Err(io::Error::from_raw_os_error(libc::EPIPE))),
        }
    }

    /// Has a timer look at it for as long as it is idle, if no event would tell.
    pub(super) fn listen_for_leaving<State>(&self, handle: &LocalHandle<State>) {
        let hearing = &self.0.hearing;
        if hearing.is_watched.get() || !self.needs_timer(handle) {
            return;
        }
        hearing.is_watched.set(true);
        let watched = Rc::downgrade(&self.0);
        handle.arm_after(PERIOD, move |_, _, handle| {
            if let Some(shared) = watched.upgrade() {
                Self(shared).watch(handle);
            }
        });
    }

    fn needs_timer<State>(&self, handle: &LocalHandle<State>) -> bool {
        if self.0.mode == Mode::Edge || !self.is_idle() {
            return false;
        }
        let can = handle.capabilities();
        let hears = can.hangup_shows_as.intersection(can.error_shows_as);
        let is_told = hears.is_some_and(Interest::is_priority);
        let Hearing {
            is_noisy,
            is_left_told,
            ..
        } = &self.0.hearing;
        !is_told || is_noisy.get() || self.is_full() && !is_left_told.get()
    }

    fn watch<State>(&self, handle: &LocalHandle<State>) {
        self.0.hearing.is_watched.set(false);
        if self.is_gone(handle) || !self.is_idle() {
            return;
        }
        let seen = self.look();
        let is_left_told = self.0.hearing.is_left_told.get();
        let is_news = self.is_full() && seen.is_half_closed() && !is_left_told;
        if seen.is_hung_up() || seen.has_failed() || is_news {
            // Every mechanism shows it to those who read and write.
            self.ask(Some(BOTH), handle);
        }
        self.listen_for_leaving(handle);
    }
}
