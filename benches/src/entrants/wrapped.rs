//! nix's safe wrapper of epoll, as a program without an event loop would use it.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use waitset_core::Interest;

use crate::contestant::{Contestant, GivesOut, Task, WAKE, Wake, unless_interrupted};
use crate::sources::Sources;

/// `nix::sys::epoll`, level-triggered.
#[derive(Debug)]
pub struct Nix {
    epoll: Epoll,
    bell: Arc<EventFd>,
    buffer: Vec<EpollEvent>,
    sources: Sources,
}

impl Nix {
    fn timeout(timeout: Option<Duration>) -> EpollTimeout {
        timeout.map_or(EpollTimeout::NONE, |timeout| {
            let millis = timeout.as_nanos().div_ceil(1_000_000);
            EpollTimeout::try_from(millis).unwrap_or(EpollTimeout::MAX)
        })
    }
}

impl Contestant for Nix {
    const TELLS_AGAIN: bool = true;
    const REARMS: bool = false;

    type Waker = Bell;
    type Tasked<T: Task> = GivesOut<Self>;

    fn open(sources: Sources, capacity: usize) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let bell = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        let bits = EpollFlags::EPOLLIN | EpollFlags::EPOLLET;
        epoll.add(bell.as_fd(), EpollEvent::new(bits, WAKE as u64))?;
        Ok(Self {
            epoll,
            bell: Arc::new(bell),
            buffer: vec![EpollEvent::empty(); capacity],
            sources,
        })
    }

    #[inline(always)]
    fn add(&mut self, index: usize) -> io::Result<()> {
        let event = EpollEvent::new(EpollFlags::EPOLLIN, index as u64);
        Ok(self.epoll.add(self.sources.get(index), event)?)
    }

    #[inline(always)]
    fn modify(&mut self, index: usize, asked: Interest) -> io::Result<()> {
        let bits = EpollFlags::from_bits_truncate(i32::from(asked.bits()));
        let mut event = EpollEvent::new(bits, index as u64);
        Ok(self.epoll.modify(self.sources.get(index), &mut event)?)
    }

    #[inline(always)]
    fn delete(&mut self, index: usize) -> io::Result<()> {
        Ok(self.epoll.delete(self.sources.get(index))?)
    }

    #[inline]
    fn turn_within(&mut self, timeout: Option<Duration>, mut on_ready: impl FnMut(usize)) {
        let answer = self.epoll.wait(&mut self.buffer, Self::timeout(timeout));
        let count = unless_interrupted(answer.map_err(io::Error::from));
        for event in &self.buffer[..count] {
            if event.data() != WAKE as u64 {
                on_ready(event.data() as usize);
            }
        }
    }

    fn look(&mut self) -> io::Result<usize> {
        Ok(self.epoll.wait(&mut self.buffer, EpollTimeout::ZERO)?)
    }

    fn waker(&self) -> Bell {
        Bell(self.bell.clone())
    }
}

/// An eventfd.
#[derive(Debug)]
pub struct Bell(Arc<EventFd>);

impl Wake for Bell {
    #[inline]
    fn wake(&self) {
        let written = self.0.write(1);
        assert!(written.is_ok(), "eventfd: {written:?}");
    }
}
