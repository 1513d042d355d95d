//! A byte that two threads hand to each other and back, and what else sleeping costs.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use waitset_busy::{Adaptive, Busy};
use waitset_core::{Events, Mode, Reactor};
use waitset_epoll::Epoll;

use crate::sources::Sources;
use crate::spread::Spread;
use crate::sys::Keeper;

type Any = Box<dyn Reactor + Send>;

/// How both threads wait.
pub(super) type Open = fn() -> io::Result<Any>;

pub(super) fn blocking() -> io::Result<Any> {
    Ok(Box::new(Epoll::new()?))
}

pub(super) fn busy() -> io::Result<Any> {
    Ok(Box::new(Busy::new(Epoll::new()?)))
}

pub(super) fn adaptive() -> io::Result<Any> {
    Ok(Box::new(Adaptive::new(Epoll::new()?)))
}

/// What a round trip costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    /// Nanoseconds from the byte written to the byte read.
    pub(super) time: f64,
    /// Nanoseconds of the processor, of both threads.
    pub(super) both_processors: f64,
    /// The same, of the thread alone that waits for the answer.
    pub(super) processor: f64,
}

/// One end, and how its thread waits for the other.
struct End {
    keeper: Keeper<Any>,
    stream: Sources,
    events: Events,
}

impl End {
    fn new(open: Open, stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let stream: Sources = [OwnedFd::from(stream)].into_iter().collect();
        let mut keeper = Keeper::new(open()?, stream.clone());
        keeper.register(0, Mode::Level)?;
        Ok(Self {
            keeper,
            stream,
            events: Events::with_capacity(8),
        })
    }

    fn send(&self) -> io::Result<()> {
        self.stream.file(0).write_all(&[1])
    }

    /// False once the other end is closed.
    fn receive(&mut self) -> io::Result<bool> {
        while self.keeper.wait(&mut self.events, None)? == 0 {}
        Ok(self.stream.file(0).read(&mut [0])? == 1)
    }
}

/// The cost of `trips` round trips to a thread that answers after `delay`. Both wait in the
/// same way; half as many trips before are not counted, so that what adapts has adapted.
pub(super) fn round_trips(open: Open, delay: Duration, trips: u32) -> io::Result<Cost> {
    let (near, far) = UnixStream::pair()?;
    let mut far = End::new(open, far)?;
    let answering = thread::spawn(move || -> io::Result<()> {
        while far.receive()? {
            if !delay.is_zero() {
                thread::sleep(delay);
            }
            far.send()?;
        }
        Ok(())
    });
    let mut near = End::new(open, near)?;
    let mut go = |trips: u32| -> io::Result<()> {
        for _ in 0..trips {
            near.send()?;
            assert!(near.receive()?, "the answering thread is gone");
        }
        Ok(())
    };
    go(trips / 2)?;
    let (both, this) = (
        processor(UsageWho::RUSAGE_SELF)?,
        processor(UsageWho::RUSAGE_THREAD)?,
    );
    let start = Instant::now();
    go(trips)?;
    let a_trip = |taken: Duration| taken.as_nanos() as f64 / f64::from(trips);
    let cost = Cost {
        time: a_trip(start.elapsed()),
        both_processors: a_trip(processor(UsageWho::RUSAGE_SELF)? - both),
        processor: a_trip(processor(UsageWho::RUSAGE_THREAD)? - this),
    };
    drop(near);
    match answering.join() {
        Ok(answered) => answered.map(|()| cost),
        Err(_) => Err(io::Error::other("the answering thread panicked")),
    }
}

/// Processor time used so far, in the kernel as well.
pub(super) fn processor(who: UsageWho) -> io::Result<Duration> {
    let usage = getrusage(who)?;
    let micros = (usage.user_time() + usage.system_time()).num_microseconds();
    Ok(Duration::from_micros(micros.unsigned_abs()))
}

/// Measures two things in turns: the pairs.
pub(super) fn in_turns<T>(
    pairs: usize,
    mut one: impl FnMut() -> io::Result<T>,
    mut other: impl FnMut() -> io::Result<T>,
) -> io::Result<Vec<(T, T)>> {
    (0..pairs)
        .map(|pair| match pair % 2 {
            0 => Ok((one()?, other()?)),
            _ => {
                let second = other()?;
                Ok((one()?, second))
            }
        })
        .collect()
}

/// The spread of the pairs' ratios.
pub(super) fn ratio<T>(pairs: &[(T, T)], value: impl Fn(&T) -> f64) -> Spread {
    Spread::of(pairs.iter().map(|(one, other)| value(one) / value(other)))
}
