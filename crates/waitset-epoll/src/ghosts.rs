//! Sources that were closed while registered and live on in a duplicate.
//!
//! The kernel knows a source by its number and its open file description, and drops it when
//! the last descriptor of that description closes. If only the number was closed, or given to
//! another file, the source stays, and no call can reach it any more (epoll(7), question 6).
//! The remedy is a fresh instance that holds everything else.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use waitset_core::Events;

use crate::epoll::EpollReactor;
use crate::held::WAKE;
use crate::sys;

/// An instance that holds every source that is registered and can be watched.
struct Fresh {
    epoll: OwnedFd,
    /// Numbers that refer to always-ready files now.
    files: Vec<RawFd>,
    /// Numbers that refer to nothing that can be watched.
    closed: Vec<RawFd>,
}

impl EpollReactor {
    /// Checks whether the kernel still holds a source under a number, apart from the `known` ones,
    /// after a call has shown that the number refers to another file now.
    #[cold]
    pub(crate) fn look_for_ghost(&mut self, fd: RawFd, known: u32) {
        if !self.has_ghosts {
            self.stats.control_calls += 1;
            self.has_ghosts = sys::holds_more(&self.epoll, fd, known);
        }
    }

    /// Checks whether one of the reported sources is still the file that has its number: another one
    /// each time, because the others of the same wait can be healthy.
    #[cold]
    pub(crate) fn look_for_overwritten(&mut self, events: &Events) {
        if self.has_ghosts || events.is_empty() {
            return;
        }
        self.looks = self.looks.wrapping_add(1);
        let event = events.as_slice()[self.looks % events.len()];
        // Setting what it already holds does not change a level-triggered source.
        if let Some((fd, held)) = self.table.find_level(event.data()) {
            self.change_or_renew(fd, held);
            self.note_care();
        }
    }

    /// Replaces the instance by one without ghosts. If none can be opened, it returns `false`, and the
    /// old one stays in use.
    #[cold]
    pub(crate) fn lay_ghosts(&mut self) -> bool {
        let Ok(fresh) = self.fresh_instance() else {
            return false;
        };
        self.epoll = fresh.epoll;
        self.has_ghosts = false;
        self.rings_again = true;
        for fd in fresh.files {
            if let Some(entry) = self.table.remove(fd) {
                self.table.insert(fd, entry.into_file());
            }
        }
        for fd in fresh.closed {
            self.table.remove(fd);
        }
        true
    }

    fn fresh_instance(&mut self) -> io::Result<Fresh> {
        self.stats.control_calls += 1;
        let epoll = sys::create()?;
        // One of the two instances is closed.
        self.stats.control_calls += 2;
        sys::add(&epoll, self.wake.doorbell().as_fd().as_raw_fd(), WAKE)?;
        let (mut files, mut closed) = (Vec::new(), Vec::new());
        for (fd, entry) in self.table.watched() {
            self.stats.control_calls += 1;
            let Err(error) = sys::add(&epoll, fd, entry.held) else {
                continue;
            };
            match error.raw_os_error() {
                Some(libc::ENOMEM | libc::ENOSPC) => return Err(error),
                Some(libc::EPERM) => files.push(fd),
                _ => closed.push(fd),
            }
        }
        Ok(Fresh {
            epoll,
            files,
            closed,
        })
    }
}
