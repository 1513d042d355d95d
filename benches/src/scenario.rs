//! The scenarios by name. What each is, its file in [`crate::scenarios`] says.

use std::any::Any;
use std::fmt;
use std::io;
use std::rc::Rc;

use crate::contestant::Contestant;
use crate::entrants::{Entrant, Visitor};
use crate::foreign::Foreign;
use crate::instrument::data::Measure;
use crate::limits;
use crate::pipes::Pipes;
use crate::scenarios::libevent::Variant;
use crate::scenarios::question::Question;
use crate::scenarios::register::Change;
use crate::scenarios::wake::Part;
use crate::scenarios::{
    accept, active_share, all_ready, arrivals, chain, datagrams, echo, gammo, kerrisk, libevent,
    memory, one_ready, rearm, register, round_trip, sparse, tax, timeouts, toggle, waiting, wake,
};
use crate::workload::Workload;

/// How many sources the changes of [`Scenario::Register`] and [`Scenario::Toggle`] go
/// round: enough for the clock and one wait to vanish among them, and few enough for all
/// of them to have been changed before the timing begins.
pub const CHANGED: usize = 512;

/// Declares the scenarios: variant, fields, and the file that describes it.
macro_rules! scenarios {
    ($($variant:ident $({ $($field:ident: $type:ty),+ })? = $file:ident;)+) => {
        /// A scenario and its size; each is described in its file, as is what the fields are.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the fields are documented where they are described")]
        pub enum Scenario {
            $(
                #[doc = concat!("See [`Asked`](crate::scenarios::", stringify!($file), "::Asked).")]
                $variant $({ $($field: $type),+ })?,
            )+
        }

        /// Does something with the description of a scenario, whichever it is.
        macro_rules! ask {
            ($scenario:expr, $asked:ident => $answer:expr) => {
                match $scenario {
                    $(Scenario::$variant { $($($field),+)? } => {
                        let $asked = $file::Asked { $($($field),+)? };
                        $answer
                    })+
                }
            };
        }
    };
}

scenarios! {
    OneReady { n: usize } = one_ready;
    AllReady { n: usize } = all_ready;
    Chain { n: usize, a: usize } = chain;
    Register { n: usize, change: Change } = register;
    Toggle { n: usize } = toggle;
    ActiveShare { n: usize, a: usize } = active_share;
    Sparse { n: usize, lowest: usize } = sparse;
    Libevent { n: usize, a: usize, variant: Variant } = libevent;
    Rearm { n: usize, a: usize } = rearm;
    Tax { n: usize, a: usize } = tax;
    RoundTrip = round_trip;
    Waiting { period_us: u64 } = waiting;
    Timeouts { timeout_us: u64 } = timeouts;
    Accept { idle: usize } = accept;
    Udp { n: usize } = datagrams;
    Memory { n: usize } = memory;
    Gammo { idle: usize } = gammo;
    Kerrisk { n: usize } = kerrisk;
    Banga { n: usize, pace_us: u64 } = arrivals;
    Wake { part: Part } = wake;
    Echo { n: usize, a: usize } = echo;
}

impl Scenario {
    /// The name of its group.
    #[must_use]
    pub fn group(&self) -> &'static str {
        const fn of<Q: Question>(_: Q) -> &'static str {
            Q::GROUP
        }
        ask!(*self, asked => of(asked))
    }

    /// See [`Question::number`].
    #[must_use]
    pub fn number(&self) -> String {
        ask!(*self, asked => asked.number())
    }

    /// See [`Question::sources`].
    #[must_use]
    pub fn sources(&self) -> usize {
        ask!(*self, asked => asked.sources())
    }

    /// See [`Question::active`].
    #[must_use]
    pub fn active(&self) -> Option<usize> {
        ask!(*self, asked => asked.active())
    }

    /// See [`Question::descriptors`].
    #[must_use]
    pub fn descriptors(&self) -> usize {
        ask!(*self, asked => asked.descriptors())
    }

    /// See [`Question::events_a_unit`].
    #[must_use]
    pub fn events_a_unit(&self) -> usize {
        ask!(*self, asked => asked.events_a_unit())
    }

    /// Who takes part, unless the user wishes otherwise.
    #[must_use]
    pub fn contestants(&self) -> Vec<Entrant> {
        let mut all = ask!(*self, asked => asked.contestants());
        all.retain(|entrant| self.takes(*entrant));
        all
    }

    /// See [`Question::takes`].
    #[must_use]
    pub fn takes(&self, entrant: Entrant) -> bool {
        ask!(*self, asked => asked.takes(entrant))
    }

    /// See [`Question::measure`].
    #[must_use]
    pub fn measure(&self) -> Measure {
        ask!(*self, asked => asked.measure())
    }

    /// See [`Question::has_cpu`].
    #[must_use]
    pub fn has_cpu(&self) -> bool {
        ask!(*self, asked => asked.has_cpu())
    }

    /// See [`Question::units_a_step`].
    #[must_use]
    pub fn units_a_step(&self) -> u64 {
        ask!(*self, asked => asked.units_a_step()) as u64
    }

    /// See [`Question::units_a_slice`].
    #[must_use]
    pub fn units_a_slice(&self) -> Option<u64> {
        ask!(*self, asked => asked.units_a_slice())
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.group(), self.number())
    }
}

/// A scenario and its descriptors, which all contestants share: they watch the very same
/// ones, one contestant at a time, so that no one has the lower numbers or the warmer pipes.
#[derive(Debug)]
pub struct Fixture {
    scenario: Scenario,
    /// What the scenario's [`Question::open`] has opened.
    shared: Rc<dyn Any>,
}

impl Fixture {
    /// Opens the descriptors.
    ///
    /// # Errors
    ///
    /// If they are more than the limit allows, with a message that says so, or as the
    /// system call has it.
    pub fn open(scenario: Scenario) -> io::Result<Self> {
        limits::check(scenario.descriptors()).map_err(io::Error::other)?;
        let shared: Rc<dyn Any> = ask!(scenario, asked => Rc::new(asked.open()?));
        Ok(Self { scenario, shared })
    }

    /// The scenario.
    #[must_use]
    pub fn scenario(&self) -> Scenario {
        self.scenario
    }

    /// Puts `entrant` into the scenario. What this returns has answered correctly once, and
    /// is not attached.
    ///
    /// # Errors
    ///
    /// As the contestant's constructor and calls, and `Unsupported` if it cannot take part.
    ///
    /// # Panics
    ///
    /// If an answer is wrong.
    pub fn enter(&self, entrant: Entrant) -> io::Result<Box<dyn Workload>> {
        if !self.scenario.takes(entrant) {
            let text = format!("{entrant} cannot take part in {}", self.scenario);
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        ask!(self.scenario, asked => self.enter_as(asked, entrant))
    }

    fn enter_as<Q: Question>(&self, asked: Q, entrant: Entrant) -> io::Result<Box<dyn Workload>> {
        let unsupported = |text: String| io::Error::new(io::ErrorKind::Unsupported, text);
        asked.check(entrant).map_err(unsupported)?;
        let shared = Rc::clone(&self.shared).downcast();
        let shared: Rc<Q::Shared> = shared.expect("the same scenario has opened them");
        verified(entrant.visit(Enter { asked, shared })?)
    }

    /// Puts a loop in C into the scenario, on the same terms.
    ///
    /// # Errors
    ///
    /// As the loop's, and `Unsupported` if the scenario is not a chain.
    ///
    /// # Panics
    ///
    /// If an answer is wrong.
    pub fn enter_foreign(&self, foreign: &Foreign) -> io::Result<Box<dyn Workload>> {
        let pipes = Rc::clone(&self.shared).downcast::<Pipes>();
        match (self.scenario, pipes) {
            (Scenario::Chain { a, .. }, Ok(pipes)) => verified(foreign.enter(pipes, a)?),
            _ => {
                let text = format!("{} takes part in chains only", foreign.name());
                Err(io::Error::new(io::ErrorKind::Unsupported, text))
            }
        }
    }
}

/// Lets a workload answer once; not attached, as it was.
fn verified(mut workload: Box<dyn Workload>) -> io::Result<Box<dyn Workload>> {
    workload.attach()?;
    workload.verify()?;
    workload.detach()?;
    Ok(workload)
}

/// Room in everyone's buffer of events. 256 is as good as more for epoll, but poll and
/// select would look at all sources again for each buffer that was too small.
fn capacity(sources: usize) -> usize {
    sources.max(256)
}

struct Enter<Q: Question> {
    asked: Q,
    shared: Rc<Q::Shared>,
}

impl<Q: Question> Visitor for Enter<Q> {
    type Output = io::Result<Box<dyn Workload>>;

    fn visit<C: Contestant>(self) -> Self::Output {
        let capacity = capacity(self.asked.sources());
        self.asked.enter::<C>(&self.shared, capacity)
    }
}
