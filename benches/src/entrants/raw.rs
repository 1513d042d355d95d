//! The floor: the loop around `epoll_wait` that a C program would have, and no more.

use std::fs::File;
use std::io::{self, Write};
use std::marker::PhantomData;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use waitset_core::Interest;

use crate::contestant::{Contestant, GivesOut, Task, WAKE, Wake, right, unless_interrupted};
use crate::sources::Sources;
use crate::sys;

/// How the raw loop registers.
pub trait RawMode: 'static {
    /// Bits beside the directions.
    const BITS: u32;
}

/// Level-triggered: what every ratio is measured against.
#[derive(Debug)]
pub struct Level;

/// Edge-triggered.
#[derive(Debug)]
pub struct Edge;

/// One-shot, re-armed after each event by `EPOLL_CTL_MOD`.
#[derive(Debug)]
pub struct Oneshot;

impl RawMode for Level {
    const BITS: u32 = 0;
}

impl RawMode for Edge {
    const BITS: u32 = libc::EPOLLET as u32;
}

impl RawMode for Oneshot {
    const BITS: u32 = libc::EPOLLONESHOT as u32;
}

/// An epoll instance, used directly.
#[derive(Debug)]
pub struct Raw<M> {
    epoll: OwnedFd,
    bell: Arc<File>,
    buffer: Vec<libc::epoll_event>,
    sources: Sources,
    mode: PhantomData<M>,
}

impl<M: RawMode> Raw<M> {
    #[inline]
    fn control(&self, operation: libc::c_int, index: usize, asked: Interest) -> io::Result<()> {
        let source = self.sources.get(index);
        let bits = u32::from(asked.bits()) | M::BITS;
        sys::epoll_ctl(&self.epoll, operation, source, bits, index as u64)
    }
}

impl<M: RawMode> Contestant for Raw<M> {
    const TELLS_AGAIN: bool = M::BITS != Edge::BITS;
    const REARMS: bool = M::BITS == Oneshot::BITS;

    type Waker = RawWaker;
    type Tasked<T: Task> = GivesOut<Self>;

    fn open(sources: Sources, capacity: usize) -> io::Result<Self> {
        let epoll = sys::epoll_create()?;
        let bell = sys::eventfd()?;
        let bits = libc::EPOLLIN as u32 | libc::EPOLLET as u32;
        sys::epoll_ctl(&epoll, libc::EPOLL_CTL_ADD, bell.as_fd(), bits, WAKE as u64)?;
        Ok(Self {
            epoll,
            bell: Arc::new(File::from(bell)),
            buffer: vec![libc::epoll_event { events: 0, u64: 0 }; capacity],
            sources,
            mode: PhantomData,
        })
    }

    #[inline(always)]
    fn add(&mut self, index: usize) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, index, Interest::READABLE)
    }

    #[inline(always)]
    fn modify(&mut self, index: usize, asked: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, index, asked)
    }

    #[inline(always)]
    fn delete(&mut self, index: usize) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, index, Interest::READABLE)
    }

    #[inline]
    fn turn_within(&mut self, timeout: Option<Duration>, mut on_ready: impl FnMut(usize)) {
        let answer = sys::epoll_wait(&self.epoll, &mut self.buffer, millis(timeout));
        let count = unless_interrupted(answer);
        for event in &self.buffer[..count] {
            let index = event.u64 as usize;
            on_ready(index);
            if Self::REARMS {
                right(self.control(libc::EPOLL_CTL_MOD, index, Interest::READABLE));
            }
        }
    }

    fn look(&mut self) -> io::Result<usize> {
        sys::epoll_wait(&self.epoll, &mut self.buffer, 0)
    }

    fn waker(&self) -> RawWaker {
        RawWaker::of(&self.bell)
    }
}

/// The timeout as `epoll_wait` has it: milliseconds, which a C program rounds up.
#[inline]
fn millis(timeout: Option<Duration>) -> libc::c_int {
    match timeout {
        None => -1,
        Some(timeout) => {
            let millis = timeout.as_nanos().div_ceil(1_000_000);
            libc::c_int::try_from(millis).unwrap_or(libc::c_int::MAX)
        }
    }
}

/// One write a wake, coalesced by nobody.
#[derive(Debug)]
pub struct RawWaker(Arc<File>);

impl RawWaker {
    /// A waker that writes to `bell`, an eventfd.
    pub(super) fn of(bell: &Arc<File>) -> Self {
        Self(bell.clone())
    }
}

impl Wake for RawWaker {
    #[inline]
    fn wake(&self) {
        let written = (&*self.0).write(&1_u64.to_ne_bytes());
        assert!(written.is_ok(), "eventfd: {written:?}");
    }
}
