//! mio and polling, each as its documentation recommends.

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use mio::unix::SourceFd;
use waitset_core::Interest;

use crate::contestant::{Contestant, GivesOut, Task, WAKE, Wake, right, unless_interrupted};
use crate::sources::Sources;
use crate::sys::PollerKeeper;

/// mio, which is edge-triggered, with its waker registered.
///
/// With `REARMS`, each event is followed by a `reregister`, which is mio's way to be told
/// again of what was not read to the end.
#[derive(Debug)]
pub struct Mio<const REARMS: bool> {
    poll: mio::Poll,
    events: mio::Events,
    waker: Arc<mio::Waker>,
    sources: Sources,
}

impl<const REARMS: bool> Mio<REARMS> {
    #[inline]
    fn change(&self, index: usize, asked: Interest) -> io::Result<()> {
        let fd = self.sources.get(index).as_raw_fd();
        let interest = match asked.is_writable() {
            true => mio::Interest::READABLE | mio::Interest::WRITABLE,
            false => mio::Interest::READABLE,
        };
        let registry = self.poll.registry();
        registry.reregister(&mut SourceFd(&fd), mio::Token(index), interest)
    }
}

impl<const REARMS: bool> Contestant for Mio<REARMS> {
    const TELLS_AGAIN: bool = REARMS;
    const REARMS: bool = REARMS;

    type Waker = Arc<mio::Waker>;
    type Tasked<T: Task> = GivesOut<Self>;

    fn open(sources: Sources, capacity: usize) -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), mio::Token(WAKE))?;
        Ok(Self {
            poll,
            events: mio::Events::with_capacity(capacity),
            waker: Arc::new(waker),
            sources,
        })
    }

    #[inline(always)]
    fn add(&mut self, index: usize) -> io::Result<()> {
        let fd = self.sources.get(index).as_raw_fd();
        let registry = self.poll.registry();
        registry.register(
            &mut SourceFd(&fd),
            mio::Token(index),
            mio::Interest::READABLE,
        )
    }

    #[inline(always)]
    fn modify(&mut self, index: usize, asked: Interest) -> io::Result<()> {
        self.change(index, asked)
    }

    #[inline(always)]
    fn delete(&mut self, index: usize) -> io::Result<()> {
        let fd = self.sources.get(index).as_raw_fd();
        self.poll.registry().deregister(&mut SourceFd(&fd))
    }

    #[inline]
    fn turn_within(&mut self, timeout: Option<Duration>, mut on_ready: impl FnMut(usize)) {
        unless_interrupted(self.poll.poll(&mut self.events, timeout));
        for event in &self.events {
            let index = event.token().0;
            on_ready(index);
            if REARMS {
                right(self.change(index, Interest::READABLE));
            }
        }
    }

    fn look(&mut self) -> io::Result<usize> {
        self.poll.poll(&mut self.events, Some(Duration::ZERO))?;
        Ok(self.events.iter().count())
    }

    fn waker(&self) -> Arc<mio::Waker> {
        self.waker.clone()
    }
}

impl Wake for Arc<mio::Waker> {
    #[inline]
    fn wake(&self) {
        let woken = mio::Waker::wake(self);
        assert!(woken.is_ok(), "mio::Waker: {woken:?}");
    }
}

/// polling, level-triggered, or in its one-shot default with each event re-armed.
#[derive(Debug)]
pub struct Polling<const ONESHOT: bool> {
    keeper: Arc<PollerKeeper>,
    events: polling::Events,
}

impl<const ONESHOT: bool> Polling<ONESHOT> {
    const MODE: polling::PollMode = match ONESHOT {
        true => polling::PollMode::Oneshot,
        false => polling::PollMode::Level,
    };

    #[inline]
    fn change(&self, index: usize, asked: Interest) -> io::Result<()> {
        let event = polling::Event::new(index, asked.is_readable(), asked.is_writable());
        let source = self.keeper.sources().get(index);
        self.keeper
            .poller()
            .modify_with_mode(source, event, Self::MODE)
    }
}

impl<const ONESHOT: bool> Contestant for Polling<ONESHOT> {
    const TELLS_AGAIN: bool = true;
    const REARMS: bool = ONESHOT;

    type Waker = Notifier;
    type Tasked<T: Task> = GivesOut<Self>;

    fn open(sources: Sources, capacity: usize) -> io::Result<Self> {
        let capacity = NonZeroUsize::new(capacity).unwrap_or(NonZeroUsize::MIN);
        Ok(Self {
            keeper: Arc::new(PollerKeeper::new(polling::Poller::new()?, sources)),
            events: polling::Events::with_capacity(capacity),
        })
    }

    #[inline(always)]
    fn add(&mut self, index: usize) -> io::Result<()> {
        self.keeper.add(index, Self::MODE)
    }

    #[inline(always)]
    fn modify(&mut self, index: usize, asked: Interest) -> io::Result<()> {
        self.change(index, asked)
    }

    #[inline(always)]
    fn delete(&mut self, index: usize) -> io::Result<()> {
        self.keeper
            .poller()
            .delete(self.keeper.sources().get(index))
    }

    #[inline]
    fn turn_within(&mut self, timeout: Option<Duration>, mut on_ready: impl FnMut(usize)) {
        self.events.clear();
        unless_interrupted(self.keeper.poller().wait(&mut self.events, timeout));
        for event in self.events.iter() {
            on_ready(event.key);
            if ONESHOT {
                right(self.change(event.key, Interest::READABLE));
            }
        }
    }

    fn look(&mut self) -> io::Result<usize> {
        self.events.clear();
        self.keeper
            .poller()
            .wait(&mut self.events, Some(Duration::ZERO))
    }

    fn waker(&self) -> Notifier {
        Notifier(self.keeper.clone())
    }
}

/// polling's way to wake.
#[derive(Debug)]
pub struct Notifier(Arc<PollerKeeper>);

impl Wake for Notifier {
    #[inline]
    fn wake(&self) {
        let woken = self.0.poller().notify();
        assert!(woken.is_ok(), "polling::Poller: {woken:?}");
    }
}
