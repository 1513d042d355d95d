//! The trait.

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

use waitset_core::{
    BorrowedSource, Capabilities, Events, Interest, Mode, Reactor, ReactorWaker, Stats, Support,
    Token,
};
use waitset_unix::{Registration, refusal};

use crate::epoll::{EpollReactor, NAME};
use crate::sys;
use crate::wait::{NOT_ASKED, plain_millis};

#[cold]
fn no_watch_left(fd: RawFd, error: &io::Error) -> io::Error {
    let text = format!(
        "{NAME}: cannot watch descriptor {fd}: the user's watches are used up (ENOSPC); raise \
         fs.epoll.max_user_watches or deregister some"
    );
    io::Error::new(error.kind(), text)
}

impl Reactor for EpollReactor {
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
        let wanted = Registration::new(token, interest, mode);
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
                Some(libc::ENOSPC) => return Err(no_watch_left(fd, &error)),
                _ => {
                    let what = format!("cannot watch descriptor {fd}");
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
        let wanted = Registration::new(token, interest, mode);
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
            // This fails only for a descriptor that was closed while registered, which the kernel
            // has dropped unless there is a duplicate.
            if sys::delete(&self.epoll, fd).is_err() {
                self.look_for_ghost(fd, 0);
            }
        }
        self.note_care();
        Ok(())
    }

    /// The short path: one system call, and nothing to look up.
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
                // The long path ends the round, and counts this wait.
                self.left = 1;
            }
        }
        self.wait_with_care(events, timeout, answer)?;
        Ok(events.len())
    }

    fn waker(&self) -> ReactorWaker {
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

    /// Lends the epoll instance.
    fn lend(&mut self) -> io::Result<BorrowedSource<'_>> {
        if self.needs_care {
            self.prepare();
        }
        if self.table.files_are_ready() {
            // The kernel does not know them.
            self.wake.waker().wake();
        }
        Ok(self.epoll.as_fd())
    }
}
