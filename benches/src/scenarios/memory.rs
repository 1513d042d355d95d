//! What a registered source holds in memory.

use std::fs;
use std::io;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use waitset_conformance::allocated;

use super::question::{Question, with_rivals};
use crate::entrants::Visitor;
use crate::instrument::data;
use crate::pipes::Pipes;
use crate::{Contestant, Entrant, Workload};

/// What a source holds in memory. A unit is a source, the figure its bytes. It is counted,
/// see [`Measure`], and nobody enters it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Sources.
    pub n: usize,
}

impl Question for Asked {
    const GROUP: &'static str = "memory";

    type Shared = Pipes;

    fn number(self) -> String {
        self.n.to_string()
    }

    fn sources(self) -> usize {
        self.n
    }

    fn contestants(self) -> Vec<Entrant> {
        with_rivals()
    }

    fn measure(self) -> data::Measure {
        data::Measure::Bytes
    }

    fn has_cpu(self) -> bool {
        false
    }

    fn open(self) -> io::Result<Self::Shared> {
        Pipes::open(self.sources())
    }

    fn enter<C: Contestant>(
        self,
        _shared: &Rc<Self::Shared>,
        _capacity: usize,
    ) -> io::Result<Box<dyn Workload>> {
        let text = "memory is counted, and not timed";
        Err(io::Error::new(io::ErrorKind::Unsupported, text))
    }
}

/// Bytes that a registered source holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Footprint {
    /// In this process, exactly, by its allocator.
    pub user: f64,
    /// In the kernel, to the page, where /proc/slabinfo tells it (to root alone).
    pub kernel: Option<f64>,
}

/// Measures the contestant that visits: the difference that registering makes.
#[derive(Clone, Copy, Debug)]
pub struct Measure<'a>(pub &'a Pipes);

impl Visitor for Measure<'_> {
    type Output = io::Result<Footprint>;

    fn visit<C: Contestant>(self) -> Self::Output {
        let count = self.0.len();
        let mut contestant = C::open(self.0.readers().clone(), 256)?;
        let before = (allocated().live_bytes, settled());
        contestant.add_all(count)?;
        contestant.settle()?;
        contestant.look()?;
        let after = (allocated().live_bytes, kernel());
        contestant.delete_all(count)?;
        let each = |before: f64, after: f64| (after - before).max(0.0) / count as f64;
        Ok(Footprint {
            user: each(before.0 as f64, after.0 as f64),
            kernel: before
                .1
                .zip(after.1)
                .map(|(before, after)| each(before, after)),
        })
    }
}

/// Caches of the kernel that grow with what is watched.
const CACHES: [&str; 3] = ["eventpoll_epi", "eventpoll_pwq", "io_kiocb"];

/// The same when it has stopped changing: what was removed before is freed some time later.
fn settled() -> Option<f64> {
    const PAUSE: Duration = Duration::from_millis(15);
    const MOST_PAUSES: usize = 40;
    let mut before = kernel()?;
    for _ in 0..MOST_PAUSES {
        thread::sleep(PAUSE);
        let now = kernel()?;
        if now == before {
            return Some(now);
        }
        before = now;
    }
    Some(before)
}

/// Bytes in them: slabinfo(5), active objects times their size.
fn kernel() -> Option<f64> {
    let text = fs::read_to_string("/proc/slabinfo").ok()?;
    let bytes = text.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let is_one = CACHES.contains(&fields.next()?);
        let objects: f64 = fields.next()?.parse().ok()?;
        let size: f64 = fields.nth(1)?.parse().ok()?;
        is_one.then_some(objects * size)
    });
    Some(bytes.sum())
}
