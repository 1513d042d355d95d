//! Who takes part: the waiter, its neighbour on the same processor, and who sends.

use std::hint::black_box;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;

use crate::ways::Way;

/// How many messages come in one wait.
const MESSAGES: u32 = 20;

/// What a thread that waited took, and how late it was.
pub(crate) struct Cost {
    pub(crate) start: Instant,
    pub(crate) cpu: Duration,
    pub(crate) calls: u64,
    pub(crate) gave_up: i64,
    pub(crate) taken: i64,
    pub(crate) delays: Vec<Duration>,
}

pub(crate) struct Outcome {
    pub(crate) duration: Duration,
    pub(crate) cost: Cost,
    /// What the neighbour did in a second.
    pub(crate) work: f64,
}

impl Cost {
    /// What `wait` takes of this thread.
    pub(crate) fn of(
        start: Instant,
        wait: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<Self> {
        let before = getrusage(UsageWho::RUSAGE_THREAD)?;
        let mut cost = Self::none(start);
        wait(&mut cost)?;
        let after = getrusage(UsageWho::RUSAGE_THREAD)?;
        let cpu =
            after.user_time() + after.system_time() - before.user_time() - before.system_time();
        cost.cpu += Duration::from_micros(u64::try_from(cpu.num_microseconds()).unwrap_or(0));
        cost.gave_up += after.voluntary_context_switches() - before.voluntary_context_switches();
        cost.taken += after.involuntary_context_switches() - before.involuntary_context_switches();
        Ok(cost)
    }

    const fn none(start: Instant) -> Self {
        Self {
            start,
            cpu: Duration::ZERO,
            calls: 0,
            gave_up: 0,
            taken: 0,
            delays: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.cpu += other.cpu;
        self.calls += other.calls;
        self.gave_up += other.gave_up;
        self.taken += other.taken;
        self.delays.extend(other.delays);
    }

    pub(crate) fn median_delay(&self) -> Duration {
        let mut delays = self.delays.clone();
        delays.sort_unstable();
        delays[delays.len() / 2]
    }
}

/// Waits once, in this way or, to see what the neighbour does alone, in none.
pub(crate) fn measure(way: Option<Way>, duration: Duration) -> io::Result<Outcome> {
    let (ours, theirs): (Vec<_>, Vec<_>) = (0..way.map_or(0, Way::sockets))
        .map(|_| UnixStream::pair())
        .collect::<io::Result<Vec<_>>>()?
        .into_iter()
        .unzip();
    let [here, elsewhere] = processors()?;
    let is_over = AtomicBool::new(false);
    let start = Instant::now();
    thread::scope(|scope| {
        let neighbour = scope.spawn(|| compute(&here, &is_over));
        let waiter = way.map(|way| {
            scope.spawn(move || {
                sched_setaffinity(Pid::from_raw(0), &here)?;
                Cost::of(start, |cost| way.wait(ours, cost))
            })
        });
        let sent = send(theirs, &elsewhere, start, duration);
        let cost = waiter.map_or_else(|| Ok(Cost::none(start)), |waiter| waiter.join().unwrap());
        let duration = start.elapsed();
        is_over.store(true, Ordering::Relaxed);
        let work = neighbour.join().unwrap()?;
        // If the waiter has failed, the sender has as a consequence.
        let cost = cost?;
        sent?;
        Ok(Outcome {
            duration,
            cost,
            work: work / duration.as_secs_f64(),
        })
    })
}

/// The first processor that this program may use, and the others, if there are others.
fn processors() -> io::Result<[CpuSet; 2]> {
    let (mut first, mut others) = (CpuSet::new(), CpuSet::new());
    // Asked once: this thread is about to move to the others.
    static ALL: std::sync::OnceLock<CpuSet> = std::sync::OnceLock::new();
    let own = sched_getaffinity(Pid::from_raw(0))?;
    let all = ALL.get_or_init(|| own);
    let mut allowed = (0..CpuSet::count()).filter(|&cpu| all.is_set(cpu).unwrap_or(false));
    first.set(allowed.next().unwrap_or(0))?;
    let mut has_others = false;
    for cpu in allowed {
        others.set(cpu)?;
        has_others = true;
    }
    Ok([first, if has_others { others } else { first }])
}

/// Works for as long as it is not over, and says how much.
fn compute(here: &CpuSet, is_over: &AtomicBool) -> io::Result<f64> {
    sched_setaffinity(Pid::from_raw(0), here)?;
    let mut work = 0.0;
    while !is_over.load(Ordering::Relaxed) {
        (0..1000_u32).for_each(|step| {
            black_box(step);
        });
        work += 1.0;
    }
    Ok(work)
}

/// Sends messages to one socket after the other, each with the time of its sending.
fn send(
    mut sockets: Vec<UnixStream>,
    elsewhere: &CpuSet,
    start: Instant,
    duration: Duration,
) -> io::Result<()> {
    sched_setaffinity(Pid::from_raw(0), elsewhere)?;
    let count = sockets.len();
    // Where nobody waits, nothing is sent.
    let messages = if count == 0 { 0 } else { MESSAGES };
    for number in 0..messages {
        // No beat that the scheduler could share: a step too early, or too late.
        let jitter = duration / MESSAGES * (number * 7 % 11) / 20;
        let due = duration * number / MESSAGES + jitter;
        thread::sleep(due.saturating_sub(start.elapsed()));
        let now = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        sockets[number as usize % count].write_all(&now.to_ne_bytes())?;
    }
    thread::sleep(duration.saturating_sub(start.elapsed()));
    Ok(()) // the sockets are closed, which ends the wait
}
