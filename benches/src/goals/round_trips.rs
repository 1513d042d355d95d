//! A byte that two threads hand to each other and back, and what else sleeping costs.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;
use waitset_busy::{Adaptive, Busy};
use waitset_core::{Events, Mode, Reactor};
use waitset_epoll::EpollReactor;

use crate::sources::Sources;
use crate::spread::Spread;
use crate::sys::Keeper;

type Any = Box<dyn Reactor + Send>;

/// How both threads wait.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wait {
    /// Asleep, by epoll.
    Blocking,
    /// By [`Busy`] epoll.
    Busy,
    /// By [`Adaptive`] epoll.
    Adaptive,
    /// By nothing but `read` until it has something: the floor of spinning.
    Read,
}

impl Wait {
    fn open(self) -> io::Result<Option<Any>> {
        Ok(match self {
            Self::Blocking => Some(Box::new(EpollReactor::new()?)),
            Self::Busy => Some(Box::new(Busy::new(EpollReactor::new()?))),
            Self::Adaptive => Some(Box::new(Adaptive::new(EpollReactor::new()?))),
            Self::Read => None,
        })
    }
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
    keeper: Option<Keeper<Any>>,
    stream: Sources,
    events: Events,
}

impl End {
    fn new(wait: Wait, stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let stream: Sources = [OwnedFd::from(stream)].into_iter().collect();
        let reactor = wait.open()?;
        let mut keeper = reactor.map(|reactor| Keeper::new(reactor, stream.clone()));
        if let Some(keeper) = &mut keeper {
            keeper.register(0, Mode::Level)?;
        }
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
        loop {
            if let Some(keeper) = &mut self.keeper {
                keeper.wait(&mut self.events, None)?;
            }
            match self.stream.file(0).read(&mut [0]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                answer => return Ok(answer? == 1),
            }
        }
    }
}

/// The cost of `trips` round trips to a thread that answers after `delay`. Both wait in the
/// same way, each on a processor of its own where there are two: the scheduler would have
/// them share one in some slices and not in others. Half as many trips before are not
/// counted, so that what adapts has adapted.
pub(super) fn round_trips(wait: Wait, delay: Duration, trips: u32) -> io::Result<Cost> {
    let (near, far) = UnixStream::pair()?;
    let [here, there] = two_processors()?;
    thread::scope(|scope| {
        let answering = scope.spawn(move || {
            stay_on(there)?;
            answer(End::new(wait, far)?, delay)
        });
        let asking = scope.spawn(move || {
            stay_on(here)?;
            ask(End::new(wait, near)?, trips)
        });
        let cost = joined(asking);
        joined(answering).and(cost)
    })
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, io::Result<T>>) -> io::Result<T> {
    let panicked = |_| Err(io::Error::other("a thread of the round trip panicked"));
    thread.join().unwrap_or_else(panicked)
}

/// Answers until the other end is closed.
fn answer(mut end: End, delay: Duration) -> io::Result<()> {
    while end.receive()? {
        if !delay.is_zero() {
            thread::sleep(delay);
        }
        end.send()?;
    }
    Ok(())
}

fn ask(mut end: End, trips: u32) -> io::Result<Cost> {
    let mut go = |trips: u32| -> io::Result<()> {
        for _ in 0..trips {
            end.send()?;
            assert!(end.receive()?, "the answering thread is gone");
        }
        Ok(())
    };
    go(trips / 2)?;
    let both = processor(UsageWho::RUSAGE_SELF)?;
    let this = processor(UsageWho::RUSAGE_THREAD)?;
    let start = Instant::now();
    go(trips)?;
    let a_trip = |taken: Duration| taken.as_nanos() as f64 / f64::from(trips);
    Ok(Cost {
        time: a_trip(start.elapsed()),
        both_processors: a_trip(processor(UsageWho::RUSAGE_SELF)? - both),
        processor: a_trip(processor(UsageWho::RUSAGE_THREAD)? - this),
    })
}

/// The first two processors that this process may use; the same twice if there is one.
fn two_processors() -> io::Result<[usize; 2]> {
    let allowed = sched_getaffinity(Pid::from_raw(0))?;
    let mut numbers = (0..CpuSet::count()).filter(|number| allowed.is_set(*number) == Ok(true));
    let first = numbers.next().unwrap_or(0);
    Ok([first, numbers.next().unwrap_or(first)])
}

/// Has this thread run on one processor only.
fn stay_on(number: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(number)?;
    sched_setaffinity(Pid::from_raw(0), &set)?;
    Ok(())
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
