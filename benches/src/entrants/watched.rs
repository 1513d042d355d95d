//! Every reactor of waitset as a contestant.

use std::io;
use std::marker::PhantomData;
use std::time::Duration;

use waitset_busy::{Adaptive, Busy, Sweep};
use waitset_core::{Events, Interest, Mode, Reactor, ReactorWaker, Stats};
use waitset_poll::PollReactor;
use waitset_select::SelectReactor;

use crate::contestant::{Contestant, GivesOut, Task, right};
use crate::sources::Sources;
use crate::sys::Keeper;

/// How a reactor is opened and used.
pub trait Mechanism: 'static {
    /// The reactor.
    type Reactor: Reactor;

    /// The mode that sources are registered with. One-shot sources are re-armed after
    /// each event.
    const MODE: Mode;

    /// Whether changes are put off until the next wait.
    const DEFERS: bool = false;

    /// Opens the reactor.
    ///
    /// # Errors
    ///
    /// As its constructor.
    fn open() -> io::Result<Self::Reactor>;
}

/// Declares mechanisms: a name, a reactor, a mode, how it is opened.
macro_rules! mechanism {
    ($(#[$meta:meta])* $name:ident: $reactor:ty, $mode:ident, defers $defers:literal, $open:expr) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub struct $name;

        impl Mechanism for $name {
            type Reactor = $reactor;
            const MODE: Mode = Mode::$mode;
            const DEFERS: bool = $defers;

            fn open() -> io::Result<$reactor> {
                $open
            }
        }
    };
}

mechanism!(
    /// poll(2).
    PollLevel: PollReactor, Level, defers false, PollReactor::new());
mechanism!(
    /// poll(2), each event re-armed.
    PollOneshot: PollReactor, Oneshot, defers false, PollReactor::new());
mechanism!(
    /// select(2).
    SelectLevel: SelectReactor, Level, defers false, SelectReactor::new());
mechanism!(
    /// select(2), each event re-armed.
    SelectOneshot: SelectReactor, Oneshot, defers false, SelectReactor::new());
mechanism!(
    /// One question a descriptor, round and round.
    SweepLevel: Sweep, Level, defers false, Ok(Sweep::new()));

#[cfg(any(target_os = "linux", target_os = "android"))]
pub use on_linux::*;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod on_linux {
    use super::*;
    use waitset_epoll::EpollReactor;

    mechanism!(
        /// epoll(7), level-triggered.
        EpollLevel: EpollReactor, Level, defers true, EpollReactor::new());
    mechanism!(
        /// epoll(7), edge-triggered.
        EpollEdge: EpollReactor, Edge, defers false, EpollReactor::new());
    mechanism!(
        /// epoll(7), one-shot, each event re-armed.
        EpollOneshot: EpollReactor, Oneshot, defers true, EpollReactor::new());
    mechanism!(
        /// epoll(7) behind a vtable, as a program has it that chooses at run time.
        EpollBoxed: Box<dyn Reactor + Send>, Level, defers true,
        EpollReactor::new().map(|epoll| Box::new(epoll) as Box<dyn Reactor + Send>));
    mechanism!(
        /// The platform's default, spun.
        BusyLevel: Busy<EpollReactor>, Level, defers true, EpollReactor::new().map(Busy::new));
    mechanism!(
        /// The platform's default, spun as long as that pays, then slept in.
        AdaptiveLevel: Adaptive<EpollReactor>, Level, defers true, EpollReactor::new().map(Adaptive::new));
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mechanism!(
    /// The platform's default, spun.
    BusyLevel: Busy<PollReactor>, Level, defers false, PollReactor::new().map(Busy::new));
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mechanism!(
    /// The platform's default, spun as long as that pays, then slept in.
    AdaptiveLevel: Adaptive<PollReactor>, Level, defers false, PollReactor::new().map(Adaptive::new));

#[cfg(target_os = "linux")]
pub use on_io_uring::*;

#[cfg(target_os = "linux")]
mod on_io_uring {
    use super::*;
    use waitset_uring::UringReactor;

    mechanism!(
        /// io_uring(7), level-triggered: a poll armed again after each event.
        UringLevel: UringReactor, Level, defers true, UringReactor::new());
    mechanism!(
        /// io_uring(7), edge-triggered: one multishot poll a source.
        UringEdge: UringReactor, Edge, defers true, UringReactor::new());
    mechanism!(
        /// io_uring(7), one-shot, each event re-armed.
        UringOneshot: UringReactor, Oneshot, defers true, UringReactor::new());
}

/// A reactor of waitset, the sources it watches and a buffer.
#[derive(Debug)]
pub struct Watched<M: Mechanism> {
    keeper: Keeper<M::Reactor>,
    events: Events,
    mechanism: PhantomData<M>,
}

impl<M: Mechanism> Contestant for Watched<M> {
    const TELLS_AGAIN: bool = !matches!(M::MODE, Mode::Edge);
    const REARMS: bool = matches!(M::MODE, Mode::Oneshot);

    type Waker = ReactorWaker;
    type Tasked<T: Task> = GivesOut<Self>;

    fn open(sources: Sources, capacity: usize) -> io::Result<Self> {
        Ok(Self {
            keeper: Keeper::new(M::open()?, sources),
            events: Events::with_capacity(capacity),
            mechanism: PhantomData,
        })
    }

    #[inline(always)]
    fn add(&mut self, index: usize) -> io::Result<()> {
        self.keeper.register(index, M::MODE)
    }

    #[inline(always)]
    fn modify(&mut self, index: usize, asked: Interest) -> io::Result<()> {
        self.keeper.modify(index, asked, M::MODE)
    }

    fn settle(&mut self) -> io::Result<()> {
        if M::DEFERS {
            self.look()?;
        }
        Ok(())
    }

    #[inline(always)]
    fn delete(&mut self, index: usize) -> io::Result<()> {
        self.keeper.deregister(index)
    }

    #[inline]
    fn turn_within(&mut self, timeout: Option<Duration>, mut on_ready: impl FnMut(usize)) {
        right(self.keeper.wait(&mut self.events, timeout));
        for event in &self.events {
            let index = event.token().0 as usize;
            on_ready(index);
            if Self::REARMS {
                right(self.keeper.modify(index, Interest::READABLE, M::MODE));
            }
        }
    }

    fn look(&mut self) -> io::Result<usize> {
        self.keeper.wait(&mut self.events, Some(Duration::ZERO))
    }

    fn waker(&self) -> ReactorWaker {
        self.keeper.waker()
    }

    fn stats(&self) -> Option<Stats> {
        Some(self.keeper.stats())
    }
}
