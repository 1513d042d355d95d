//! Who takes part: the waiter, its neighbour on the same processor, and who sends.

use std::hint::black_box;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;
use waitset::Stats;

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
    /// Of the mechanism, if it was one.
    pub(crate) stats: Option<Stats>,
}

pub(crate) struct Outcome {
    pub(crate) duration: Duration,
    pub(crate) cost: Cost,
    /// For how long the neighbour had the processor.
    pub(crate) neighbour: Duration,
}

impl Cost {
    /// What `wait` takes of this thread.
    pub(crate) fn of(
        start: Instant,
        wait: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<Self> {
        let before = getrusage(UsageWho::RUSAGE_THREAD)?;
        let mut cost = Self {
            start,
            cpu: Duration::ZERO,
            calls: 0,
            gave_up: 0,
            taken: 0,
            delays: Vec::new(),
            stats: None,
        };
        wait(&mut cost)?;
        let after = getrusage(UsageWho::RUSAGE_THREAD)?;
        cost.cpu += processor_time(&after).saturating_sub(processor_time(&before));
        cost.gave_up += after.voluntary_context_switches() - before.voluntary_context_switches();
        cost.taken += after.involuntary_context_switches() - before.involuntary_context_switches();
        Ok(cost)
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

/// For how long it was on a processor, in user space and in the kernel.
fn processor_time(usage: &Usage) -> Duration {
    let time = usage.user_time() + usage.system_time();
    Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap_or(0))
}

/// Waits once, in this way; `None` if `ends`, which waits for so long unless it is true, became
/// true meanwhile.
pub(crate) fn measure(
    way: Way,
    duration: Duration,
    ends: impl Fn(Duration) -> bool,
) -> io::Result<Option<Outcome>> {
    let (ours, theirs): (Vec<_>, Vec<_>) = (0..way.sockets())
        .map(|_| UnixStream::pair())
        .collect::<io::Result<Vec<_>>>()?
        .into_iter()
        .unzip();
    let [here, elsewhere] = processors()?;
    let is_over = AtomicBool::new(false);
    let start = Instant::now();
    thread::scope(|scope| {
        let neighbour = scope.spawn(|| compute(&here, &is_over));
        let waiter = scope.spawn(|| {
            sched_setaffinity(Pid::from_raw(0), &here)?;
            Cost::of(start, |cost| way.wait(ours, cost))
        });
        let sent = send(theirs, &elsewhere, start, duration, ends);
        let cost = waiter.join().unwrap();
        let duration = start.elapsed();
        is_over.store(true, Ordering::Relaxed);
        let neighbour = neighbour.join().unwrap()?;
        // If the waiter has failed, the sender has as a consequence.
        let cost = cost?;
        Ok(sent?.then_some(Outcome {
            duration,
            cost,
            neighbour,
        }))
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

/// Works for as long as it is not over, and says for how long it could.
fn compute(here: &CpuSet, is_over: &AtomicBool) -> io::Result<Duration> {
    sched_setaffinity(Pid::from_raw(0), here)?;
    while !is_over.load(Ordering::Relaxed) {
        (0..1000_u32).for_each(|step| {
            black_box(step);
        });
    }
    Ok(processor_time(&getrusage(UsageWho::RUSAGE_THREAD)?))
}

/// Sends messages to one socket after the other, each with the time of its sending;
/// whether it could send them all before `ends` became true.
fn send(
    mut sockets: Vec<UnixStream>,
    elsewhere: &CpuSet,
    start: Instant,
    duration: Duration,
    ends: impl Fn(Duration) -> bool,
) -> io::Result<bool> {
    sched_setaffinity(Pid::from_raw(0), elsewhere)?;
    let count = sockets.len();
    for number in 0..MESSAGES {
        // No beat that the scheduler could share: a step too early, or too late.
        let jitter = duration / MESSAGES * (number * 7 % 11) / 20;
        let due = duration * number / MESSAGES + jitter;
        if ends(due.saturating_sub(start.elapsed())) {
            return Ok(false);
        }
        let now = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        sockets[number as usize % count].write_all(&now.to_ne_bytes())?;
    }
    // The sockets are closed, which ends the wait.
    Ok(!ends(duration.saturating_sub(start.elapsed())))
}
