//! Event loops with callbacks as contestants: waitset's, and calloop.
//!
//! Where the task is known from the beginning, callbacks do it. Elsewhere their task is to
//! note which source is ready, and the notes are read when the loop has turned.

use std::fmt;
use std::io;
use std::time::Duration;

use calloop::generic::Generic;
use calloop::{Dispatcher, LoopSignal, PostAction, RegistrationToken};
use waitset::{DefaultReactor, EventLoop, Interest, Key, Mode, Reactor, ReactorWaker, Stats};

use super::owned::Source;
use crate::contestant::{Contestant, Task, Tasked, Wake, right};
use crate::sources::Sources;

/// The sources whose callbacks have run.
type Ready = Vec<usize>;

impl Task for Ready {
    #[inline]
    fn ready(&mut self, index: usize) {
        self.push(index);
    }

    #[inline]
    fn ready_within_callback(&mut self, index: usize) {
        self.push(index);
    }
}

/// Gives out what callbacks have noted, and forgets it.
#[inline]
fn give_out(ready: &mut Ready, on_ready: impl FnMut(usize)) {
    ready.iter().copied().for_each(on_ready);
    ready.clear();
}

/// An [`EventLoop`] over the platform's default mechanism, level-triggered, which checks
/// for each event that its source has not been removed.
#[derive(Debug)]
pub struct Callbacks<T> {
    event_loop: EventLoop<T>,
    keys: Vec<Option<Key>>,
    all: Sources,
}

impl<T> Callbacks<T> {
    fn key(&self, index: usize) -> io::Result<Key> {
        self.keys[index].ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl<T: Task> Tasked<T> for Callbacks<T> {
    fn open(sources: Sources, capacity: usize) -> io::Result<Self> {
        Ok(Self {
            event_loop: EventLoop::with_batch(DefaultReactor::new()?, capacity),
            keys: vec![None; sources.len()],
            all: sources,
        })
    }

    #[inline(always)]
    fn add(&mut self, index: usize) -> io::Result<()> {
        let source = Source::new(&self.all, index);
        let handle = self.event_loop.handle();
        let key = handle.insert(
            source,
            Interest::READABLE,
            Mode::Level,
            |task: &mut T, source, _, _| task.ready_within_callback(source.index),
        );
        self.keys[index] = Some(key.map_err(io::Error::from)?);
        Ok(())
    }

    #[inline(always)]
    fn delete(&mut self, index: usize) -> io::Result<()> {
        let key = self.key(index)?;
        self.event_loop.handle().remove(key);
        self.keys[index] = None;
        Ok(())
    }

    #[inline]
    fn turn_within(&mut self, timeout: Option<Duration>, task: &mut T) {
        right(self.event_loop.turn(task, timeout));
    }

    fn stats(&self) -> Option<Stats> {
        Some(self.event_loop.reactor().stats())
    }
}

/// [`Callbacks`] that note what is ready.
#[derive(Debug)]
pub struct NotingCallbacks {
    callbacks: Callbacks<Ready>,
    ready: Ready,
}

impl Contestant for NotingCallbacks {
    const TELLS_AGAIN: bool = true;
    const REARMS: bool = false;

    type Waker = ReactorWaker;
    type Tasked<T: Task> = Callbacks<T>;

    fn open(sources: Sources, capacity: usize) -> io::Result<Self> {
        Ok(Self {
            callbacks: Callbacks::open(sources, capacity)?,
            ready: Vec::with_capacity(capacity),
        })
    }

    #[inline(always)]
    fn add(&mut self, index: usize) -> io::Result<()> {
        self.callbacks.add(index)
    }

    #[inline(always)]
    fn modify(&mut self, index: usize, asked: Interest) -> io::Result<()> {
        let key = self.callbacks.key(index)?;
        let handle = self.callbacks.event_loop.handle();
        handle.modify(key, asked, Mode::Level)
    }

    fn settle(&mut self) -> io::Result<()> {
        self.look()?;
        Ok(())
    }

    #[inline(always)]
    fn delete(&mut self, index: usize) -> io::Result<()> {
        self.callbacks.delete(index)
    }

    #[inline]
    fn turn_within(&mut self, timeout: Option<Duration>, on_ready: impl FnMut(usize)) {
        self.callbacks.turn_within(timeout, &mut self.ready);
        give_out(&mut self.ready, on_ready);
    }

    fn look(&mut self) -> io::Result<usize> {
        let turned = self
            .callbacks
            .event_loop
            .turn(&mut self.ready, Some(Duration::ZERO));
        turned?;
        let count = self.ready.len();
        self.ready.clear();
        Ok(count)
    }

    fn waker(&self) -> ReactorWaker {
        self.callbacks.event_loop.waker()
    }

    fn stats(&self) -> Option<Stats> {
        self.callbacks.stats()
    }
}

/// calloop with a generic source each, level-triggered, which is its default.
pub struct Calloop<T: 'static> {
    event_loop: calloop::EventLoop<'static, T>,
    added: Vec<Option<Added<T>>>,
    all: Sources,
}

/// A source that calloop watches.
struct Added<T> {
    token: RegistrationToken,
    source: Dispatcher<'static, Generic<Source>, T>,
}

impl<T> Calloop<T> {
    fn added(&self, index: usize) -> io::Result<&Added<T>> {
        let added = self.added[index].as_ref();
        added.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl<T> fmt::Debug for Calloop<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calloop").finish_non_exhaustive()
    }
}

impl<T: Task> Tasked<T> for Calloop<T> {
    fn open(sources: Sources, _capacity: usize) -> io::Result<Self> {
        Ok(Self {
            event_loop: calloop::EventLoop::try_new()?,
            added: (0..sources.len()).map(|_| None).collect(),
            all: sources,
        })
    }

    #[inline(always)]
    fn add(&mut self, index: usize) -> io::Result<()> {
        let source = Source::new(&self.all, index);
        let source = Generic::new(source, calloop::Interest::READ, calloop::Mode::Level);
        let source = Dispatcher::new(source, |_, source, task: &mut T| {
            task.ready_within_callback(source.index);
            Ok(PostAction::Continue)
        });
        let handle = self.event_loop.handle();
        let token = handle.register_dispatcher(source.clone())?;
        self.added[index] = Some(Added { token, source });
        Ok(())
    }

    #[inline(always)]
    fn delete(&mut self, index: usize) -> io::Result<()> {
        let token = self.added(index)?.token;
        self.event_loop.handle().remove(token);
        self.added[index] = None;
        Ok(())
    }

    #[inline]
    fn turn_within(&mut self, timeout: Option<Duration>, task: &mut T) {
        let turned = self.event_loop.dispatch(timeout, task);
        right(turned.map_err(io::Error::from));
    }

    fn stats(&self) -> Option<Stats> {
        None
    }
}

/// [`Calloop`] whose callbacks note what is ready.
#[derive(Debug)]
pub struct NotingCalloop {
    calloop: Calloop<Ready>,
    ready: Ready,
}

impl Contestant for NotingCalloop {
    const TELLS_AGAIN: bool = true;
    const REARMS: bool = false;

    type Waker = LoopSignal;
    type Tasked<T: Task> = Calloop<T>;

    fn open(sources: Sources, capacity: usize) -> io::Result<Self> {
        Ok(Self {
            calloop: Calloop::open(sources, capacity)?,
            ready: Vec::with_capacity(capacity),
        })
    }

    #[inline(always)]
    fn add(&mut self, index: usize) -> io::Result<()> {
        self.calloop.add(index)
    }

    #[inline(always)]
    fn modify(&mut self, index: usize, asked: Interest) -> io::Result<()> {
        let added = self.calloop.added(index)?;
        added.source.as_source_mut().interest = match asked.is_writable() {
            true => calloop::Interest::BOTH,
            false => calloop::Interest::READ,
        };
        Ok(self.calloop.event_loop.handle().update(&added.token)?)
    }

    #[inline(always)]
    fn delete(&mut self, index: usize) -> io::Result<()> {
        self.calloop.delete(index)
    }

    #[inline]
    fn turn_within(&mut self, timeout: Option<Duration>, on_ready: impl FnMut(usize)) {
        self.calloop.turn_within(timeout, &mut self.ready);
        give_out(&mut self.ready, on_ready);
    }

    fn look(&mut self) -> io::Result<usize> {
        let event_loop = &mut self.calloop.event_loop;
        event_loop.dispatch(Duration::ZERO, &mut self.ready)?;
        let count = self.ready.len();
        self.ready.clear();
        Ok(count)
    }

    fn waker(&self) -> LoopSignal {
        self.calloop.event_loop.get_signal()
    }
}

impl Wake for LoopSignal {
    #[inline]
    fn wake(&self) {
        self.wakeup();
    }
}
