//! The unsafe code of this package: raw epoll, and the registrations whose soundness is
//! that the sources are held beside the reactor.
#![allow(unsafe_code, reason = "system calls and registrations")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use polling::Poller;
use waitset_core::{Events, Interest, Mode, Reactor, ReactorWaker, Stats, Token};

use crate::sources::Sources;

/// Lets the process be ended by SIGPIPE, which Rust's runtime ignores.
pub(crate) fn heed_broken_pipes() {
    // SAFETY: no handler is installed, only the default restored.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

/// A reactor and the sources it watches.
///
/// Fields drop in order: the reactor goes before what it watches. It is never lent, so
/// nobody can swap it out and have it outlive them.
#[derive(Debug)]
pub(crate) struct Keeper<R> {
    reactor: R,
    sources: Sources,
}

impl<R: Reactor> Keeper<R> {
    pub(crate) fn new(reactor: R, sources: Sources) -> Self {
        Self { reactor, sources }
    }

    #[inline(always)]
    pub(crate) fn register(&mut self, index: usize, mode: Mode) -> io::Result<()> {
        let token = Token(index as u64);
        let source = self.sources.get(index);
        // SAFETY: the source stays open as long as `sources` is held, which is until
        // after the reactor is dropped.
        unsafe {
            self.reactor
                .register(source, token, Interest::READABLE, mode)
        }
    }

    #[inline(always)]
    pub(crate) fn modify(&mut self, index: usize, asked: Interest, mode: Mode) -> io::Result<()> {
        let token = Token(index as u64);
        self.reactor
            .modify(self.sources.get(index), token, asked, mode)
    }

    #[inline(always)]
    pub(crate) fn deregister(&mut self, index: usize) -> io::Result<()> {
        self.reactor.deregister(self.sources.get(index))
    }

    #[inline]
    pub(crate) fn wait(
        &mut self,
        events: &mut Events,
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        self.reactor.wait(events, timeout)
    }

    pub(crate) fn waker(&self) -> ReactorWaker {
        self.reactor.waker()
    }

    pub(crate) fn stats(&self) -> Stats {
        self.reactor.stats()
    }
}

/// Gives what `from` stands for a second number, the lowest free one that is not below
/// `lowest`.
pub(crate) fn duplicate_above(from: &OwnedFd, lowest: usize) -> io::Result<OwnedFd> {
    let lowest = libc::c_int::try_from(lowest).map_err(io::Error::other)?;
    // SAFETY: fcntl with F_DUPFD_CLOEXEC takes a number and returns a new descriptor.
    let fd = unsafe { libc::fcntl(from.as_raw_fd(), libc::F_DUPFD_CLOEXEC, lowest) };
    if fd == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Lets the number of `place` stand for what `from` stands for. The number is open all the
/// time, before and after, so whoever owns it still owns something.
pub(crate) fn put_in_place_of(from: &OwnedFd, place: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: both are open, and dup2 replaces the second without closing its number.
    match unsafe { libc::dup2(from.as_raw_fd(), place.as_raw_fd()) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Queues a poll or its removal. The queue must have room.
#[cfg(target_os = "linux")]
#[inline]
pub(crate) fn push_poll(
    queue: &mut io_uring::squeue::SubmissionQueue<'_>,
    entry: &io_uring::squeue::Entry,
) {
    // SAFETY: neither refers to memory of ours, and a descriptor that is not open is
    // answered with EBADF.
    let pushed = unsafe { queue.push(entry) };
    debug_assert!(pushed.is_ok(), "the caller has made room");
}

/// A `polling::Poller` and the sources it watches, on the same terms as [`Keeper`].
#[derive(Debug)]
pub(crate) struct PollerKeeper {
    poller: Poller,
    sources: Sources,
}

impl PollerKeeper {
    pub(crate) fn new(poller: Poller, sources: Sources) -> Self {
        Self { poller, sources }
    }

    #[inline]
    pub(crate) fn add(&self, index: usize, mode: polling::PollMode) -> io::Result<()> {
        let source = &self.sources.get(index);
        let asked = polling::Event::readable(index);
        // SAFETY: the source stays open as long as `sources` is held, which is until
        // after the poller is dropped.
        unsafe { self.poller.add_with_mode(source, asked, mode) }
    }

    #[inline]
    pub(crate) fn sources(&self) -> &Sources {
        &self.sources
    }

    #[inline]
    pub(crate) fn poller(&self) -> &Poller {
        &self.poller
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use epoll::{epoll_create, epoll_ctl, epoll_wait, eventfd};

#[cfg(any(target_os = "linux", target_os = "android"))]
mod epoll {
    use std::io;
    use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

    pub(crate) fn epoll_create() -> io::Result<OwnedFd> {
        // SAFETY: epoll_create1 takes a flag and returns a new descriptor.
        owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })
    }

    pub(crate) fn eventfd() -> io::Result<OwnedFd> {
        // SAFETY: eventfd takes two integers and returns a new descriptor.
        owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })
    }

    fn owned(fd: libc::c_int) -> io::Result<OwnedFd> {
        if fd == -1 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    #[inline]
    pub(crate) fn epoll_ctl(
        epoll: &OwnedFd,
        operation: libc::c_int,
        source: BorrowedFd<'_>,
        bits: u32,
        data: u64,
    ) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: bits,
            u64: data,
        };
        let (epoll, fd) = (epoll.as_raw_fd(), source.as_raw_fd());
        // SAFETY: the kernel reads one event, which lives through the call.
        match unsafe { libc::epoll_ctl(epoll, operation, fd, &raw mut event) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }

    #[inline]
    pub(crate) fn epoll_wait(
        epoll: &OwnedFd,
        buffer: &mut [libc::epoll_event],
        millis: libc::c_int,
    ) -> io::Result<usize> {
        let room = buffer.len() as libc::c_int;
        // SAFETY: the kernel writes at most `room` events into the buffer.
        let count =
            unsafe { libc::epoll_wait(epoll.as_raw_fd(), buffer.as_mut_ptr(), room, millis) };
        if count == -1 {
            return Err(io::Error::last_os_error());
        }
        Ok(count as usize)
    }
}
