//! A wake from another thread.

use std::fs::File;
use std::io::{self, Read, Write};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use waitset_core::Stats;

use crate::contestant::Wake;
use crate::instrument::data::Percentiles;
use crate::latency::Latencies;
use crate::{Contestant, Workload};

/// A unit is a byte to another thread, which sleeps on a pipe, and its wake, which ends this
/// thread's wait. The other thread's sleep is the same for all.
#[derive(Debug)]
pub struct WakeAcross<C> {
    contestant: C,
    requests: File,
    waker: Option<JoinHandle<()>>,
    latencies: Latencies,
}

impl<C: Contestant> WakeAcross<C> {
    /// The contestant, and a thread that wakes it when asked.
    ///
    /// # Errors
    ///
    /// As pipe(2) and starting a thread.
    pub fn open(contestant: C) -> io::Result<Self> {
        let (mut asked, requests) = io::pipe()?;
        let waker = contestant.waker();
        let thread = thread::Builder::new().name("waker".to_owned());
        let thread = thread.spawn(move || {
            // Ends when nobody can ask any more.
            while asked.read_exact(&mut [0]).is_ok() {
                waker.wake();
            }
        })?;
        Ok(Self {
            contestant,
            requests: File::from(std::os::fd::OwnedFd::from(requests)),
            waker: Some(thread),
            latencies: Latencies::new(),
        })
    }

    #[inline(never)]
    fn wakes(&mut self, units: u64) -> io::Result<Duration> {
        let start = Instant::now();
        let mut before = start;
        for _ in 0..units {
            self.requests.write_all(&[1])?;
            self.contestant.turn(|_| {});
            let now = Instant::now();
            self.latencies.record(now - before);
            before = now;
        }
        Ok(before - start)
    }
}

impl<C: Contestant> Workload for WakeAcross<C> {
    fn attach(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn detach(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn run(&mut self, units: u64) -> io::Result<Duration> {
        self.wakes(units)
    }

    /// Each wake ends one wait.
    fn verify(&mut self) -> io::Result<()> {
        self.wakes(10)?;
        assert_eq!(self.contestant.look()?, 0, "a wake is left over");
        Ok(())
    }

    fn stats(&self) -> Option<Stats> {
        self.contestant.stats()
    }

    fn latency(&self) -> Option<Percentiles> {
        self.latencies.percentiles()
    }

    fn record_latency(&mut self, is_recorded: bool) {
        self.latencies.is_recording = is_recorded;
    }
}

impl<C> Drop for WakeAcross<C> {
    fn drop(&mut self) {
        if let (Ok(null), Some(thread)) = (File::open("/dev/null"), self.waker.take()) {
            self.requests = null; // which closes the pipe
            let _ = thread.join();
        }
    }
}
