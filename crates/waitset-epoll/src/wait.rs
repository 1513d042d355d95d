//! Waiting: call the kernel, look up marked events, and call again if there is nothing to report.

use std::io;
use std::time::Duration;

use waitset_core::{Deadline, Event, Events, millis_rounded_up};
use waitset_unix::{refusal, timespec};

use crate::epoll::{EpollReactor, NAME, ROUND};
use crate::sys;
use crate::table::PassedOver;

/// A result that no system call returns: the kernel has not been asked yet.
pub(crate) const NOT_ASKED: libc::c_int = libc::c_int::MIN;

impl EpollReactor {
    /// A wait with something to prepare or to look up, or whose result cannot be reported as it is.
    #[cold]
    pub(crate) fn wait_with_care(
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
        // Events of files must not be lost; the kernel refuses the next wait.
        if self.stats.waits % u64::from(ROUND) == 0 {
            self.look_for_overwritten(events);
        }
        self.count(events.len());
        Ok(())
    }

    /// Waits until there is something to report or a reason to return. A source that fires unwanted is
    /// silenced, and the wait continues with the rest of its timeout, because other sources can be
    /// ready behind it.
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

    /// Calls the kernel once and adds the events to report. Returns `true` if there is a reason to
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

    /// Waits with a timeout that is neither zero nor forever.
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
            // 24.8 days have passed; the timeout was longer.
            millis = millis_rounded_up(deadline.remaining().unwrap_or(Duration::MAX));
            self.stats.wait_calls += 1;
        }
    }

    /// Looks up marked events, from `start` to `end` of the buffer, and drops those that must not be
    /// reported. Returns `true` if there is a reason to return.
    #[inline]
    fn tell(&mut self, events: &mut Events, start: usize, end: usize) -> bool {
        let fresh = &mut events.buffer_mut()[start..end];
        if fresh.iter_mut().all(|event| self.table.tell(event)) {
            events.set_len(end);
            return true;
        }
        self.tell_some(events, start, end)
    }

    /// The same if some must not be reported. Those that were reported no longer have a mark.
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

    /// Handles an event that is not reported. Returns `true` if a waker woke.
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

    /// Waits with always-ready files among the sources. Files and the kernel take turns in filling the
    /// buffer first.
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
            // The numbers that were ready no longer refer to files.
        }
        self.wait_for_news(events, timeout)
    }

    fn tell_files(&mut self, events: &mut Events) {
        let epoll = &self.epoll;
        self.table
            .tell_files(events, |fd, held| sys::add(epoll, fd, held));
        self.note_care();
    }

    /// Counts a wait of one system call.
    fn count_plainly(&mut self, events: &Events) {
        self.left -= 1;
        if self.left == 0 {
            (self.rounds, self.left) = (self.rounds + 1, ROUND);
            self.look_for_overwritten(events);
        }
    }

    pub(crate) fn plain_waits(&self) -> u64 {
        self.rounds * u64::from(ROUND) + u64::from(ROUND - self.left)
    }

    #[inline]
    fn count(&mut self, events: usize) {
        self.stats.events += events as u64;
        self.stats.empty_returns += u64::from(events == 0);
    }
}

/// Returns the timeout for the plain call, if it is none or zero, which need no unit.
#[inline]
pub(crate) fn plain_millis(timeout: Option<Duration>) -> Option<i32> {
    match timeout {
        None => Some(-1),
        Some(Duration::ZERO) => Some(0),
        Some(_) => None,
    }
}
