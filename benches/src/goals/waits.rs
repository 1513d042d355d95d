//! Goals of waiting itself: spinning, and timeouts that are short.

use std::fs;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use nix::poll::ppoll;
use nix::sys::resource::UsageWho;
use waitset_busy::{Adaptive, Busy};
use waitset_core::{Events, Mode, Reactor};
use waitset_epoll::EpollReactor;
use waitset_poll::PollReactor;
use waitset_select::SelectReactor;
use waitset_uring::UringReactor;

use super::claim::{Bound, Claim, Figure, Unit};
use super::counts;
use super::lab::Lab;
use super::round_trips::{Cost, Wait, in_turns, processor, ratio, round_trips};
use crate::pipes::Pipes;
use crate::spread::Spread;
use crate::sys::Keeper;

/// Round trips in a slice.
const TRIPS: u32 = 300;

/// The costs of two ways to wait, in turns, and of the second against itself.
struct Trips {
    pairs: Vec<(Cost, Cost)>,
    control: Vec<(Cost, Cost)>,
}

impl Trips {
    /// Against blocking, with an answer that takes so long.
    fn of(wait: Wait, delay: Duration, trips: u32, pairs: usize) -> io::Result<Self> {
        let sleep = || round_trips(Wait::Blocking, delay, trips);
        Ok(Self {
            pairs: in_turns(pairs, || round_trips(wait, delay, trips), sleep)?,
            control: in_turns(pairs, sleep, sleep)?,
        })
    }

    fn figure(&self, at: &str, value: impl Fn(&Cost) -> f64) -> Figure {
        Figure {
            noise: Some(ratio(&self.control, &value).distance_from_one()),
            ..Figure::median(at, ratio(&self.pairs, &value))
        }
    }
}

fn at_most(limit: f64) -> Bound {
    Bound::at_most(limit, Unit::Ratio)
}

/// The claim with what spinning on `read` alone reaches, where it is missed.
fn above_read(claim: Claim, pairs: usize, value: fn(&Cost) -> f64) -> Claim {
    claim.with_floor("read() in a loop", |at| {
        let trips = Trips::of(Wait::Read, Duration::ZERO, TRIPS, pairs).ok()?;
        Some(trips.figure(at, value))
    })
}

/// Whether two threads can run at the same time, which spinning needs.
fn can_spin() -> Result<(), String> {
    match std::thread::available_parallelism() {
        Ok(count) if count.get() < 2 => Err("spinning needs a second processor".to_owned()),
        _ => Ok(()),
    }
}

pub(super) fn busy(lab: &mut Lab) -> io::Result<Vec<Claim>> {
    let mut trip = Claim::new("round trip, of blocking's time", at_most(0.14));
    match can_spin() {
        Ok(()) => {
            let trips = Trips::of(Wait::Busy, Duration::ZERO, TRIPS, lab.pairs())?;
            trip.add("", Ok(trips.figure("busy epoll", |cost| cost.time)));
        }
        Err(reason) => trip.add("busy epoll", Err(reason)),
    }
    let five = Bound::at_least(5.0, Unit::Times);
    let mut idle = Claim::new("an idle source, beside read()", five);
    for n in [100, 1000] {
        idle.add("", Ok(idle_sources(n, lab.pairs())?));
    }
    Ok(vec![above_read(trip, lab.pairs(), |cost| cost.time), idle])
}

/// How many times longer asking `n` empty pipes by read() takes than by `Busy<PollReactor>`.
fn idle_sources(n: usize, pairs: usize) -> io::Result<Figure> {
    let pipes = Pipes::open(n)?;
    let sources = pipes.readers();
    let mut keeper = Keeper::new(Busy::new(PollReactor::new()?), sources.clone());
    (0..n).try_for_each(|index| keeper.register(index, Mode::Level))?;
    let mut events = Events::with_capacity(n);
    let looks = 20_000 / n;
    let mut look = || -> io::Result<f64> {
        let start = Instant::now();
        for _ in 0..looks {
            assert_eq!(keeper.wait(&mut events, Some(Duration::ZERO))?, 0);
        }
        Ok(start.elapsed().as_nanos() as f64)
    };
    let sweep = || -> io::Result<f64> {
        let start = Instant::now();
        for _ in 0..looks {
            for index in 0..n {
                let answer = sources.file(index).read(&mut [0]);
                assert!(answer.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock));
            }
        }
        Ok(start.elapsed().as_nanos() as f64)
    };
    look()?;
    let times = in_turns(pairs, sweep, look)?;
    let control = in_turns(pairs, sweep, sweep)?;
    Ok(Figure {
        noise: Some(ratio(&control, |time| *time).distance_from_one()),
        ..Figure::median(format!("N = {n}"), ratio(&times, |time| *time))
    })
}

pub(super) fn adaptive(lab: &mut Lab) -> io::Result<Vec<Claim>> {
    let mut inside = [
        Claim::new("in its window, of blocking's time", at_most(0.2)),
        Claim::new("in it, of blocking's CPU", at_most(0.3)),
    ];
    match can_spin() {
        Ok(()) => {
            let trips = Trips::of(Wait::Adaptive, Duration::ZERO, TRIPS, lab.pairs())?;
            inside[0].add("", Ok(trips.figure("at once", |cost| cost.time)));
            inside[1].add("", Ok(trips.figure("at once", |cost| cost.both_processors)));
        }
        Err(reason) => {
            let claims = inside.iter_mut();
            claims.for_each(|claim| claim.add("at once", Err(reason.clone())));
        }
    }
    let mut outside = Claim::new("outside it, of blocking's CPU", at_most(1.3));
    for (micros, trips) in [(100, 60), (300, 40), (1_000, 15)] {
        let delay = Duration::from_micros(micros);
        let trips = Trips::of(Wait::Adaptive, delay, trips, lab.pairs())?;
        let at = format!("after {micros} us");
        outside.add("", Ok(trips.figure(&at, |cost| cost.processor)));
    }
    let [time, processor] = inside;
    Ok(vec![
        above_read(time, lab.pairs(), |cost| cost.time),
        above_read(processor, lab.pairs(), |cost| cost.both_processors),
        outside,
        idling()?,
    ])
}

/// Processor time of a second without events, right after a time that made it spin.
fn idling() -> io::Result<Claim> {
    let bound = Bound::at_most(1e6, Unit::Nanoseconds);
    let mut claim = Claim::new("CPU of an idle second", bound);
    let mut adaptive = Adaptive::new(EpollReactor::new()?);
    let mut events = Events::with_capacity(8);
    for _ in 0..100 {
        adaptive.wait(&mut events, Some(Duration::from_micros(30)))?;
    }
    let before = processor(UsageWho::RUSAGE_THREAD)?;
    adaptive.wait(&mut events, Some(Duration::from_secs(1)))?;
    let used = processor(UsageWho::RUSAGE_THREAD)? - before;
    claim.add(
        "",
        Ok(Figure::exact("adaptive epoll", used.as_nanos() as f64)),
    );
    Ok(claim)
}

pub(super) fn timeouts(_: &mut Lab) -> io::Result<Vec<Claim>> {
    const MICROS: [u64; 5] = [20, 50, 100, 500, 900];
    let bound = Bound::at_most(100e3, Unit::Nanoseconds);
    let mut late = Claim::new("median lateness, 20 to 900 us", bound);
    let mut bare = Vec::new();
    let mut reactors = reactors()?;
    for micros in MICROS {
        let (theirs, of_nothing) = lateness(&mut reactors, Duration::from_micros(micros))?;
        for (reactor, theirs) in reactors.iter().zip(theirs) {
            let at = format!("{}{}", reactor.name(), after(micros));
            late.add("", Ok(Figure::median(at, theirs)));
        }
        bare.push((after(micros), of_nothing));
    }
    let late = late.with_floor("ppoll() of nothing", |at| {
        let (_, late) = bare.iter().find(|(after, _)| at.ends_with(after))?;
        Some(Figure::median(at, *late))
    });
    let mut timers = Claim::new("timerfds opened", Bound::at_most(0.0, Unit::Count));
    timers.add("", Ok(Figure::exact("all", timers_open()? as f64)));
    let mut claims = vec![late, timers];
    claims.extend(counts::calls_of_waits());
    Ok(claims)
}

/// How a place ends whose timeout is so long.
fn after(micros: u64) -> String {
    format!(", {micros} us")
}

fn reactors() -> io::Result<Vec<Box<dyn Reactor>>> {
    let mut reactors: Vec<Box<dyn Reactor>> = vec![
        Box::new(EpollReactor::new()?),
        Box::new(PollReactor::new()?),
        Box::new(SelectReactor::new()?),
    ];
    if let Ok(uring) = UringReactor::new() {
        reactors.push(Box::new(uring));
    }
    Ok(reactors)
}

/// How many nanoseconds after its timeout each wait ends that finds nothing, and a bare
/// ppoll(2) of nothing. They take turns.
fn lateness(
    reactors: &mut [Box<dyn Reactor>],
    timeout: Duration,
) -> io::Result<(Vec<Spread>, Spread)> {
    let mut events = Events::with_capacity(8);
    let (mut theirs, mut bare) = (vec![Vec::new(); reactors.len()], Vec::new());
    for _ in 0..51 {
        for (reactor, theirs) in reactors.iter_mut().zip(&mut theirs) {
            theirs.push(late(timeout, || reactor.wait(&mut events, Some(timeout)))?);
        }
        bare.push(late(timeout, || {
            Ok(ppoll(&mut [], Some(timeout.into()), None)?)
        })?);
    }
    let theirs = theirs.into_iter().map(Spread::of).collect();
    Ok((theirs, Spread::of(bare)))
}

fn late<T>(timeout: Duration, wait: impl FnOnce() -> io::Result<T>) -> io::Result<f64> {
    let start = Instant::now();
    wait()?;
    let taken = start.elapsed();
    assert!(taken >= timeout, "a wait ends early");
    Ok((taken - timeout).as_nanos() as f64)
}

/// How many timerfds this process has open.
fn timers_open() -> io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir("/proc/self/fd")? {
        // The directory's own descriptor is closed again when its link would be read.
        let Ok(target) = fs::read_link(entry?.path()) else {
            continue;
        };
        count += usize::from(target.to_string_lossy().contains("timerfd"));
    }
    Ok(count)
}
