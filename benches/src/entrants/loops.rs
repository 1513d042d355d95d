//! Event loops with callbacks as contestants: waitset's, and calloop.
//!
//! A callback notes which source is ready, and the notes are read when the loop has turned:
//! what is measured is the way to a callback and back.

use std::fmt;
use std::io;
use std::time::Duration;

use calloop::generic::Generic;
use calloop::{Dispatcher, LoopSignal, PostAction, RegistrationToken};
use waitset::{EventLoop, Interest, Key, Mode, Reactor, Stats, Waker};

use super::owned::Source;
use crate::contestant::{Contestant, Wake, right};
use crate::sources::Sources;

/// The sources whose callbacks have run.
type Ready = Vec<usize>;

/// Gives out what callbacks have noted, and forgets it.
#[inline]
fn give_out(ready: &mut Ready, on_ready: impl FnMut(usize)) {
    ready.iter().copied().for_each(on_ready);
    ready.clear();
}

/// An [`EventLoop`] over the platform's default mechanism, level-triggered, which checks
/// for each event that its source has not been removed.
#[derive(Debug)]
pub struct Callbacks {
    event_loop: EventLoop<Ready>,
    keys: Vec<Option<Key>>,
    all: Sources,
    ready: Ready,
}

impl Callbacks {
    fn key(&self, index: usize) -> io::Result<Key> {
        self.keys[index].ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Contestant for Callbacks {
    const TELLS_AGAIN: bool = true;
    const REARMS: bool = false;

    type Waker = Waker;

    fn open(sources: Sources, capacity: usize) -> io::Result<Self> {
        Ok(Self {
            event_loop: EventLoop::new()?.with_batch(capacity),
            keys: vec![None; sources.len()],
            all: sources,
            ready: Vec::with_capacity(capacity),
        })
    }

    #[inline]
    fn add(&mut self, index: usize) -> io::Result<()> {
        let source = Source::new(&self.all, index);
        let mut handle = self.event_loop.handle();
        let key = handle.insert(
            source,
            Interest::READABLE,
            Mode::Level,
            move |ready, _, _, _| ready.push(index),
        );
        self.keys[index] = Some(key.map_err(io::Error::from)?);
        Ok(())
    }

    #[inline]
    fn modify(&mut self, index: usize, asked: Interest) -> io::Result<()> {
        let key = self.key(index)?;
        self.event_loop.handle().modify(key, asked, Mode::Level)
    }

    fn settle(&mut self) -> io::Result<()> {
        self.look()?;
        Ok(())
    }

    #[inline]
    fn delete(&mut self, index: usize) -> io::Result<()> {
        let key = self.key(index)?;
        self.event_loop.handle().remove(key);
        self.keys[index] = None;
        Ok(())
    }

    #[inline]
    fn turn_within(&mut self, timeout: Option<Duration>, on_ready: impl FnMut(usize)) {
        right(self.event_loop.turn(&mut self.ready, timeout));
        give_out(&mut self.ready, on_ready);
    }

    fn look(&mut self) -> io::Result<usize> {
        self.event_loop
            .turn(&mut self.ready, Some(Duration::ZERO))?;
        let count = self.ready.len();
        self.ready.clear();
        Ok(count)
    }

    fn waker(&self) -> Waker {
        self.event_loop.waker()
    }

    fn stats(&self) -> Option<Stats> {
        Some(self.event_loop.reactor().stats())
    }
}

/// calloop with a generic source each, level-triggered, which is its default.
pub struct Calloop {
    event_loop: calloop::EventLoop<'static, Ready>,
    added: Vec<Option<Added>>,
    all: Sources,
    ready: Ready,
}

/// A source that calloop watches.
struct Added {
    token: RegistrationToken,
    source: Dispatcher<'static, Generic<Source>, Ready>,
}

impl Calloop {
    fn added(&self, index: usize) -> io::Result<&Added> {
        let added = self.added[index].as_ref();
        added.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl fmt::Debug for Calloop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calloop").finish_non_exhaustive()
    }
}

impl Contestant for Calloop {
    const TELLS_AGAIN: bool = true;
    const REARMS: bool = false;

    type Waker = LoopSignal;

    fn open(sources: Sources, capacity: usize) -> io::Result<Self> {
        Ok(Self {
            event_loop: calloop::EventLoop::try_new()?,
            added: (0..sources.len()).map(|_| None).collect(),
            all: sources,
            ready: Vec::with_capacity(capacity),
        })
    }

    #[inline]
    fn add(&mut self, index: usize) -> io::Result<()> {
        let source = Source::new(&self.all, index);
        let source = Generic::new(source, calloop::Interest::READ, calloop::Mode::Level);
        let source = Dispatcher::new(source, move |_, _, ready: &mut Ready| {
            ready.push(index);
            Ok(PostAction::Continue)
        });
        let handle = self.event_loop.handle();
        let token = handle.register_dispatcher(source.clone())?;
        self.added[index] = Some(Added { token, source });
        Ok(())
    }

    #[inline]
    fn modify(&mut self, index: usize, asked: Interest) -> io::Result<()> {
        let added = self.added(index)?;
        added.source.as_source_mut().interest = match asked.is_writable() {
            true => calloop::Interest::BOTH,
            false => calloop::Interest::READ,
        };
        Ok(self.event_loop.handle().update(&added.token)?)
    }

    #[inline]
    fn delete(&mut self, index: usize) -> io::Result<()> {
        let token = self.added(index)?.token;
        self.event_loop.handle().remove(token);
        self.added[index] = None;
        Ok(())
    }

    #[inline]
    fn turn_within(&mut self, timeout: Option<Duration>, on_ready: impl FnMut(usize)) {
        let turned = self.event_loop.dispatch(timeout, &mut self.ready);
        right(turned.map_err(io::Error::from));
        give_out(&mut self.ready, on_ready);
    }

    fn look(&mut self) -> io::Result<usize> {
        let turned = self.event_loop.dispatch(Duration::ZERO, &mut self.ready);
        turned?;
        let count = self.ready.len();
        self.ready.clear();
        Ok(count)
    }

    fn waker(&self) -> LoopSignal {
        self.event_loop.get_signal()
    }
}

impl Wake for LoopSignal {
    #[inline]
    fn wake(&self) {
        self.wakeup();
    }
}
