//! The descriptor that a nested loop lends.
#![allow(unsafe_code, reason = "system calls")]

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) use linux::Lent;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) use missing::Lent;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::io;
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
    use std::ptr;
    use std::time::Duration;

    use crate::refusal;

    /// An epoll instance that watches a reactor's descriptor and a timer.
    ///
    /// It stays the same when the reactor replaces its own descriptor.
    #[derive(Debug)]
    pub(crate) struct Lent {
        epoll: OwnedFd,
        timer: OwnedFd,
    }

    impl Lent {
        pub(crate) fn new() -> io::Result<Self> {
            let refused = |call| move |error| refusal::of_call("cannot nest a loop", call, error);
            // SAFETY: it takes a flag and returns a new descriptor.
            let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
            let epoll = owned(epoll).map_err(refused("epoll_create1(2)"))?;
            let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
            // SAFETY: it takes a clock and flags and returns a new descriptor.
            let timer = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) };
            let timer = owned(timer).map_err(refused("timerfd_create(2)"))?;
            let lent = Self { epoll, timer };
            lent.control(libc::EPOLL_CTL_ADD, lent.timer.as_fd())?;
            Ok(lent)
        }

        /// Watches a reactor's descriptor, which may be the one that it watches already.
        pub(crate) fn watch(&self, reactor: BorrowedFd<'_>) -> io::Result<()> {
            match self.control(libc::EPOLL_CTL_MOD, reactor) {
                // Another one, even if its number is that of the last one, which is closed.
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {
                    self.control(libc::EPOLL_CTL_ADD, reactor)
                }
                watched => watched,
            }
        }

        fn control(&self, operation: libc::c_int, fd: BorrowedFd<'_>) -> io::Result<()> {
            let mut event = libc::epoll_event {
                events: libc::EPOLLIN as u32,
                u64: 0,
            };
            let (epoll, fd) = (self.epoll.as_raw_fd(), fd.as_raw_fd());
            // SAFETY: both descriptors are open, and the kernel reads one event, which lives
            // through the call.
            checked(unsafe { libc::epoll_ctl(epoll, operation, fd, &raw mut event) }).map(drop)
        }

        /// Makes the descriptor readable when `delay` is over, or not by time.
        pub(crate) fn arm(&self, delay: Option<Duration>) -> io::Result<()> {
            // Zero would disarm it.
            let delay = delay.map_or(Duration::ZERO, |delay| delay.max(Duration::from_nanos(1)));
            // SAFETY: an itimerspec is all integers.
            let mut timer: libc::itimerspec = unsafe { std::mem::zeroed() };
            let seconds = libc::time_t::try_from(delay.as_secs());
            timer.it_value.tv_sec = seconds.unwrap_or(libc::time_t::MAX);
            timer.it_value.tv_nsec = delay.subsec_nanos() as _;
            let fd = self.timer.as_raw_fd();
            // SAFETY: the kernel reads the new value, which lives through the call, and is not
            // asked for the old one.
            checked(unsafe { libc::timerfd_settime(fd, 0, &raw const timer, ptr::null_mut()) })
                .map(drop)
        }

        /// Makes the descriptor readable once more, which an edge-triggered watcher notices, too.
        pub(crate) fn ring(&self) {
            let rung = self.arm(Some(Duration::ZERO));
            debug_assert!(rung.is_ok(), "a timer that is open can be armed: {rung:?}");
        }

        /// Returns `true` if the descriptor is readable now.
        pub(crate) fn is_readable(&self) -> bool {
            let mut one = libc::pollfd {
                fd: self.epoll.as_raw_fd(),
                events: libc::POLLIN,
                revents: 0,
            };
            // SAFETY: the kernel reads and writes one entry, which lives through the call.
            unsafe { libc::poll(&raw mut one, 1, 0) != 0 }
        }
    }

    impl AsFd for Lent {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.epoll.as_fd()
        }
    }

    fn owned(fd: libc::c_int) -> io::Result<OwnedFd> {
        let fd = checked(fd)?;
        // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    fn checked(answer: libc::c_int) -> io::Result<libc::c_int> {
        match answer {
            -1 => Err(io::Error::last_os_error()),
            answer => Ok(answer),
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod missing {
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd};
    use std::time::Duration;

    /// There is none.
    #[derive(Debug)]
    pub(crate) enum Lent {}

    impl Lent {
        pub(crate) fn new() -> io::Result<Self> {
            let os = std::env::consts::OS;
            let text = format!("cannot nest a loop: it needs epoll(7), which {os} does not have");
            Err(io::Error::new(io::ErrorKind::Unsupported, text))
        }

        pub(crate) fn watch(&self, _: BorrowedFd<'_>) -> io::Result<()> {
            match *self {}
        }

        pub(crate) fn arm(&self, _: Option<Duration>) -> io::Result<()> {
            match *self {}
        }

        pub(crate) fn ring(&self) {
            match *self {}
        }

        pub(crate) fn is_readable(&self) -> bool {
            match *self {}
        }
    }

    impl AsFd for Lent {
        fn as_fd(&self) -> BorrowedFd<'_> {
            match *self {}
        }
    }
}
