//! Two threads that answer each other: what a message takes there and back.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use waitset_core::Stats;

use super::question::{Question, with_adaptive};
use crate::instrument::data::Percentiles;
use crate::latency::Latencies;
use crate::machine::Machine;
use crate::pipes::nonblocking_pipe;
use crate::sources::Sources;
use crate::{Contestant, Entrant, Workload};

/// Two threads answer each other. A unit is a question and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked;

impl Question for Asked {
    const GROUP: &'static str = "round_trip";

    type Shared = ();

    fn number(self) -> String {
        "threads".to_owned()
    }

    fn sources(self) -> usize {
        1
    }

    fn contestants(self) -> Vec<Entrant> {
        with_adaptive()
    }

    fn check(self, entrant: Entrant) -> Result<(), String> {
        match entrant.spins() && Machine::here().cores < 2 {
            true => Err("two threads that spin need two cores".to_owned()),
            false => Ok(()),
        }
    }

    /// Enough for the tail to show.
    fn units_a_slice(self) -> Option<u64> {
        Some(200)
    }

    fn open(self) -> io::Result<Self::Shared> {
        Ok(())
    }

    fn enter<C: Contestant>(
        self,
        shared: &Rc<Self::Shared>,
        capacity: usize,
    ) -> io::Result<Box<dyn Workload>> {
        let () = **shared; // each contestant has pipes of its own
        Ok(Box::new(RoundTrip::<C>::open(capacity)?))
    }
}

/// What the partner is told: to answer, or to go.
const ASK: u8 = 1;
const GO: u8 = 0;

/// A unit is a byte to another thread and its answer. Both threads wait with a contestant
/// of the same kind, so that what spins spins on both sides.
///
/// The partner lives while this is attached: one that spins would take a processor from
/// those whose turn it is.
#[derive(Debug)]
pub struct RoundTrip<C> {
    contestant: C,
    /// Where answers arrive: the contestant's only source.
    answers: Sources,
    answer: File,
    partner: Option<Partner>,
    latencies: Latencies,
}

#[derive(Debug)]
struct Partner {
    questions: File,
    thread: JoinHandle<io::Result<()>>,
}

impl<C: Contestant> RoundTrip<C> {
    /// Opens the contestant and the pipe on which it hears answers.
    ///
    /// # Errors
    ///
    /// As the contestant's constructor and pipe(2).
    pub fn open(capacity: usize) -> io::Result<Self> {
        let (answers, answer) = nonblocking_pipe()?;
        let answers: Sources = [answers].into_iter().collect();
        Ok(Self {
            contestant: C::open(answers.clone(), capacity)?,
            answers,
            answer: File::from(answer),
            partner: None,
            latencies: Latencies::new(),
        })
    }

    /// Asks and waits for the answer.
    #[inline]
    fn trip(contestant: &mut C, answers: &File, mut questions: &File) -> io::Result<()> {
        questions.write_all(&[ASK])?;
        let mut is_answered = false;
        while !is_answered {
            contestant.turn(|_| is_answered |= take(answers).is_some());
        }
        Ok(())
    }

    #[inline(never)]
    fn trips(&mut self, units: u64) -> io::Result<Duration> {
        let partner = self.partner.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        let start = Instant::now();
        let mut before = start;
        for _ in 0..units {
            Self::trip(
                &mut self.contestant,
                self.answers.file(0),
                &partner.questions,
            )?;
            let now = Instant::now();
            self.latencies.record(now - before);
            before = now;
        }
        Ok(before - start)
    }
}

/// The byte that has come, if one has.
fn take(mut from: &File) -> Option<u8> {
    let mut byte = [0];
    match from.read(&mut byte) {
        Ok(1) => Some(byte[0]),
        _ => None,
    }
}

/// Answers until it is told to go.
fn answer<C: Contestant>(questions: OwnedFd, mut answer: File) -> io::Result<()> {
    let questions: Sources = [questions].into_iter().collect();
    let mut contestant = C::open(questions.clone(), 16)?;
    contestant.add(0)?;
    let mut outcome = Ok(());
    let mut is_over = false;
    while !is_over && outcome.is_ok() {
        contestant.turn(|_| match take(questions.file(0)) {
            Some(GO) => is_over = true,
            Some(_) => outcome = answer.write_all(&[ASK]),
            None => {}
        });
    }
    contestant.delete(0)?;
    outcome
}

impl<C: Contestant> Workload for RoundTrip<C> {
    fn attach(&mut self) -> io::Result<()> {
        let (heard, questions) = nonblocking_pipe()?;
        let answers = self.answer.try_clone()?;
        let thread = thread::Builder::new().name("partner".to_owned());
        self.partner = Some(Partner {
            questions: File::from(questions),
            thread: thread.spawn(move || answer::<C>(heard, answers))?,
        });
        self.contestant.add(0)
    }

    fn detach(&mut self) -> io::Result<()> {
        self.contestant.delete(0)?;
        if let Some(Partner {
            mut questions,
            thread,
        }) = self.partner.take()
        {
            questions.write_all(&[GO])?;
            thread.join().expect("the partner panics")?;
        }
        Ok(())
    }

    fn run(&mut self, units: u64) -> io::Result<Duration> {
        self.trips(units)
    }

    /// Each question has one answer.
    fn verify(&mut self) -> io::Result<()> {
        for _ in 0..3 {
            self.trips(10)?;
            assert_eq!(self.contestant.look()?, 0, "an answer is left over");
        }
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

impl<C> Drop for RoundTrip<C> {
    /// A failure may leave it attached; the partner must not spin for ever.
    fn drop(&mut self) {
        let Some(Partner {
            mut questions,
            thread,
        }) = self.partner.take()
        else {
            return;
        };
        if questions.write_all(&[GO]).is_ok() {
            let _ = thread.join();
        }
    }
}
