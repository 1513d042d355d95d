//! The scenarios by name, and the descriptors that all contestants of one share.

use std::fmt;
use std::io;
use std::rc::Rc;

use crate::entrants::Visitor;
use crate::foreign::Foreign;
use crate::instrument::data::Measure;
use crate::pipes::Pipes;
use crate::scenarios::all_ready::AllReady;
use crate::scenarios::chain::Chain;
use crate::scenarios::connections::Connections;
use crate::scenarios::echo::Echo;
use crate::scenarios::one_ready::OneReady;
use crate::scenarios::register::{Change, Register};
use crate::scenarios::toggle::Toggle;
use crate::scenarios::wake::{Part, Wakes};
use crate::{Contestant, Entrant, Workload, limits};

/// How many sources the changes of [`Scenario::Register`] and [`Scenario::Toggle`] go
/// round: enough for the clock and one wait to vanish among them, and few enough for all
/// of them to have been changed before the timing begins.
pub const CHANGED: usize = 512;

/// A scenario and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// One of `n` is ready. A unit is a write, a wait and a read.
    OneReady {
        /// Sources.
        n: usize,
    },
    /// All of `n` are ready. A unit is a wait.
    AllReady {
        /// Sources.
        n: usize,
    },
    /// `a` tokens go round `n` pipes. A unit is an event. With a contestant that re-arms,
    /// this is the rearm scenario.
    Chain {
        /// Sources.
        n: usize,
        /// Tokens.
        a: usize,
    },
    /// Sources are added, changed or removed. A unit is one change.
    Register {
        /// Sources.
        n: usize,
        /// Which of the three.
        change: Change,
    },
    /// An interest goes off and on between two waits. A unit is both.
    Toggle {
        /// Sources.
        n: usize,
    },
    /// A waker wakes. A unit is a wake.
    Wake {
        /// Which half is timed.
        part: Part,
    },
    /// `a` of `n` TCP clients send a message. A unit is a message echoed.
    Echo {
        /// Connections.
        n: usize,
        /// Clients that are active.
        a: usize,
    },
}

impl Scenario {
    /// The name of its group.
    #[must_use]
    pub const fn group(&self) -> &'static str {
        match self {
            Self::OneReady { .. } => "one_ready",
            Self::AllReady { .. } => "all_ready",
            Self::Chain { .. } => "chain",
            Self::Register { .. } => "register",
            Self::Toggle { .. } => "toggle",
            Self::Wake { .. } => "wake",
            Self::Echo { .. } => "echo",
        }
    }

    /// The last part of its identifier: N, or NxA where A are active, or what is done.
    #[must_use]
    pub fn number(&self) -> String {
        match *self {
            Self::OneReady { n } | Self::AllReady { n } | Self::Toggle { n } => n.to_string(),
            Self::Chain { n, a } | Self::Echo { n, a } => format!("{n}x{a}"),
            Self::Register { change, .. } => change.name().to_owned(),
            Self::Wake { part } => match part {
                Part::Coalesced => "coalesced".to_owned(),
                Part::WakeAndWait => "wake+wait".to_owned(),
            },
        }
    }

    /// How many sources there are.
    #[must_use]
    pub const fn sources(&self) -> usize {
        match *self {
            Self::OneReady { n }
            | Self::AllReady { n }
            | Self::Chain { n, .. }
            | Self::Register { n, .. }
            | Self::Toggle { n }
            | Self::Echo { n, .. } => n,
            Self::Wake { .. } => 0,
        }
    }

    /// How many of the sources are active, where that is a choice.
    #[must_use]
    pub const fn active(&self) -> Option<usize> {
        match *self {
            Self::Chain { a, .. } | Self::Echo { a, .. } => Some(a),
            _ => None,
        }
    }

    /// How many events a unit brings.
    #[must_use]
    pub const fn events_a_unit(&self) -> usize {
        match *self {
            Self::AllReady { n } => n,
            _ => 1,
        }
    }

    /// Who takes part, unless the user wishes otherwise.
    #[must_use]
    pub fn contestants(&self) -> Vec<Entrant> {
        Entrant::mechanisms()
            .filter(|entrant| self.takes(*entrant))
            .collect()
    }

    /// What its figures are.
    #[must_use]
    pub const fn measure(&self) -> Measure {
        Measure::Time
    }

    /// Whether all that a run does is timed, so that its processor time says something.
    #[must_use]
    pub const fn has_cpu(&self) -> bool {
        !matches!(self, Self::Register { .. })
    }

    /// How many units a slice has, where it does not follow from how long they take.
    #[must_use]
    pub const fn units_a_slice(&self) -> Option<u64> {
        None
    }

    /// Whether `entrant` can take part.
    #[must_use]
    pub fn takes(&self, entrant: Entrant) -> bool {
        match self {
            Self::AllReady { .. } => entrant.tells_again(),
            // Wakers are not sources: there is nothing to re-arm.
            Self::Wake { .. } => !entrant.rearms(),
            _ => true,
        }
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
    descriptors: Descriptors,
}

#[derive(Clone, Debug)]
enum Descriptors {
    Pipes(Rc<Pipes>),
    Connections(Rc<Connections>),
}

impl Fixture {
    /// Opens the descriptors.
    ///
    /// # Errors
    ///
    /// If they are more than the limit allows, with a message that says so, or as the
    /// system call has it.
    pub fn open(scenario: Scenario) -> io::Result<Self> {
        limits::check(2 * scenario.sources()).map_err(io::Error::other)?;
        let descriptors = match scenario {
            Scenario::Echo { n, .. } => Descriptors::Connections(Rc::new(Connections::open(n)?)),
            scenario => Descriptors::Pipes(Rc::new(Pipes::open(scenario.sources())?)),
        };
        if let (Scenario::AllReady { .. }, Descriptors::Pipes(pipes)) = (scenario, &descriptors) {
            (0..pipes.len()).for_each(|index| pipes.write(index));
        }
        Ok(Self {
            scenario,
            descriptors,
        })
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
        verified(entrant.visit(Enter(self))?)
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
        match (self.scenario, &self.descriptors) {
            (Scenario::Chain { a, .. }, Descriptors::Pipes(pipes)) => {
                verified(foreign.enter(pipes.clone(), a)?)
            }
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

struct Enter<'a>(&'a Fixture);

impl Visitor for Enter<'_> {
    type Output = io::Result<Box<dyn Workload>>;

    fn visit<C: Contestant>(self) -> Self::Output {
        let capacity = capacity(self.0.scenario.sources());
        match &self.0.descriptors {
            Descriptors::Pipes(pipes) => {
                let contestant = C::open(pipes.readers().clone(), capacity)?;
                Ok(among_pipes(self.0.scenario, contestant, pipes.clone()))
            }
            Descriptors::Connections(connections) => {
                let contestant = C::open(connections.servers().clone(), capacity)?;
                let active = self.0.scenario.active().unwrap_or(1);
                Ok(Box::new(Echo::new(contestant, connections.clone(), active)))
            }
        }
    }
}

fn among_pipes<C: Contestant>(
    scenario: Scenario,
    contestant: C,
    pipes: Rc<Pipes>,
) -> Box<dyn Workload> {
    match scenario {
        Scenario::OneReady { .. } => Box::new(OneReady::new(contestant, pipes)),
        Scenario::AllReady { .. } => Box::new(AllReady::new(contestant, pipes)),
        Scenario::Chain { a, .. } => Box::new(Chain::new(contestant, pipes, a)),
        Scenario::Register { change, .. } => Box::new(Register::new(contestant, pipes, change)),
        Scenario::Toggle { .. } => Box::new(Toggle::new(contestant, pipes)),
        Scenario::Wake { part } => Box::new(Wakes::new(contestant, part)),
        Scenario::Echo { .. } => unreachable!("echo has connections, not pipes"),
    }
}
