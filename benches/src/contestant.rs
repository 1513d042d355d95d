//! Who can take part in a scenario.

use std::io;
use std::time::Duration;

use waitset_core::{Interest, Stats};

use crate::sources::Sources;

/// Something that waits for many descriptors, in one mode: a mechanism of waitset, a rival
/// or a raw loop.
///
/// Scenarios are generic over it and call it statically: what is counted and timed is the
/// code of the contestant, with nothing in between. Changes are inlined always: left to the
/// compiler, there was a call between poll's `modify` and the loop that times it, which
/// took longer than `modify`.
pub trait Contestant: Sized + 'static {
    /// Whether a source that is ready and was not read is told again by the next wait.
    const TELLS_AGAIN: bool;

    /// Whether each event is followed by a change that re-arms its source.
    const REARMS: bool;

    /// What wakes it from another thread.
    type Waker: Wake;

    /// It with a task that is known from the beginning, which callbacks do themselves.
    type Tasked<T: Task>: Tasked<T>;

    /// Opens it, with none of `sources` added and room for `capacity` events.
    ///
    /// # Errors
    ///
    /// As its constructor.
    fn open(sources: Sources, capacity: usize) -> io::Result<Self>;

    /// Starts watching a source for reading. Its token is its index.
    ///
    /// # Errors
    ///
    /// As its registration.
    fn add(&mut self, index: usize) -> io::Result<()>;

    /// Changes what is asked of a source that is watched.
    ///
    /// # Errors
    ///
    /// As its registration.
    fn modify(&mut self, index: usize, asked: Interest) -> io::Result<()>;

    /// Does what changes of what is watched put off until the next wait.
    ///
    /// # Errors
    ///
    /// As its wait.
    fn settle(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Stops watching a source.
    ///
    /// # Errors
    ///
    /// As its registration.
    fn delete(&mut self, index: usize) -> io::Result<()>;

    /// Starts watching the first `count` sources.
    ///
    /// # Errors
    ///
    /// As its registration.
    fn add_all(&mut self, count: usize) -> io::Result<()> {
        (0..count).try_for_each(|index| self.add(index))
    }

    /// Stops watching the first `count` sources.
    ///
    /// # Errors
    ///
    /// As its registration.
    fn delete_all(&mut self, count: usize) -> io::Result<()> {
        (0..count).try_for_each(|index| self.delete(index))
    }

    /// Waits without a timeout, see [`turn_within`](Self::turn_within).
    #[inline]
    fn turn(&mut self, on_ready: impl FnMut(usize)) {
        self.turn_within(None, on_ready);
    }

    /// Waits, calls `on_ready` with the index of each source that is ready, and re-arms it
    /// if its mode wants that. An interrupted wait is an empty one.
    ///
    /// # Panics
    ///
    /// If a call fails: in the measured loop an error has nowhere to go, and handing it
    /// out would cost some contestants instructions and others none, by the compiler's
    /// whim.
    fn turn_within(&mut self, timeout: Option<Duration>, on_ready: impl FnMut(usize));

    /// Asks without waiting: how many sources are ready.
    ///
    /// # Errors
    ///
    /// As its wait.
    fn look(&mut self) -> io::Result<usize>;

    /// A handle that ends its wait.
    fn waker(&self) -> Self::Waker;

    /// How many system calls it has made to change what is watched, if it counts them.
    fn control_calls(&self) -> Option<u64> {
        self.stats().map(|stats| stats.control_calls)
    }

    /// What it has done since it was opened, if it counts that.
    fn stats(&self) -> Option<Stats> {
        None
    }
}

/// What is to be done with each source that is ready.
pub trait Task: 'static {
    /// Does it.
    fn ready(&mut self, index: usize);

    /// Does it as what a callback has been written to do: in it, and not by a further call
    /// from there, which in the loops around others is inlined away.
    fn ready_within_callback(&mut self, index: usize);
}

/// A [`Contestant`] that does one task.
///
/// What gives events out is asked for them, and the task is done where they come. What has
/// callbacks does it in them, as its users would.
pub trait Tasked<T: Task>: Sized + 'static {
    /// As [`Contestant::open`].
    ///
    /// # Errors
    ///
    /// As its constructor.
    fn open(sources: Sources, capacity: usize) -> io::Result<Self>;

    /// As [`Contestant::add`].
    ///
    /// # Errors
    ///
    /// As its registration.
    fn add(&mut self, index: usize) -> io::Result<()>;

    /// As [`Contestant::delete`].
    ///
    /// # Errors
    ///
    /// As its registration.
    fn delete(&mut self, index: usize) -> io::Result<()>;

    /// Waits, and does the task for each source that is ready, as
    /// [`Contestant::turn_within`].
    ///
    /// # Panics
    ///
    /// If a call fails.
    fn turn_within(&mut self, timeout: Option<Duration>, task: &mut T);

    /// As [`Contestant::stats`].
    fn stats(&self) -> Option<Stats>;
}

/// A contestant that gives its events out.
#[derive(Debug)]
pub struct GivesOut<C>(C);

impl<C: Contestant, T: Task> Tasked<T> for GivesOut<C> {
    fn open(sources: Sources, capacity: usize) -> io::Result<Self> {
        C::open(sources, capacity).map(Self)
    }

    #[inline]
    fn add(&mut self, index: usize) -> io::Result<()> {
        self.0.add(index)
    }

    #[inline]
    fn delete(&mut self, index: usize) -> io::Result<()> {
        self.0.delete(index)
    }

    #[inline]
    fn turn_within(&mut self, timeout: Option<Duration>, task: &mut T) {
        self.0.turn_within(timeout, |index| task.ready(index));
    }

    fn stats(&self) -> Option<Stats> {
        self.0.stats()
    }
}

/// What wakes a [`Contestant`].
pub trait Wake: Send + 'static {
    /// Ends the current or the next wait.
    fn wake(&self);
}

impl Wake for waitset_core::ReactorWaker {
    #[inline]
    fn wake(&self) {
        Self::wake(self);
    }
}

/// The token of wakers, where they have one.
pub(crate) const WAKE: usize = usize::MAX - 1;

/// Makes an interrupted wait an empty one.
#[inline]
pub(crate) fn unless_interrupted<T: Default>(answer: io::Result<T>) -> T {
    match answer {
        Ok(answer) => answer,
        Err(error) => interrupted(&error),
    }
}

#[cold]
fn interrupted<T: Default>(error: &io::Error) -> T {
    match error.kind() {
        io::ErrorKind::Interrupted => T::default(),
        _ => failed(error),
    }
}

/// What a call in the measured loop returned must be right.
#[inline]
pub(crate) fn right<T>(answer: io::Result<T>) -> T {
    match answer {
        Ok(answer) => answer,
        Err(error) => failed(&error),
    }
}

#[cold]
fn failed(error: &io::Error) -> ! {
    panic!("the contestant fails: {error}");
}
