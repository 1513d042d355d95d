//! The scenarios by name, and the descriptors that all contestants of one share.

use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use crate::entrants::Visitor;
use crate::foreign::Foreign;
use crate::instrument::data::Measure;
use crate::machine::Machine;
use crate::pipes::Pipes;
use crate::scenarios::accept::{Accept, Door};
use crate::scenarios::active_share::ActiveShare;
use crate::scenarios::all_ready::AllReady;
use crate::scenarios::arrivals::Arrivals;
use crate::scenarios::chain::Chain;
use crate::scenarios::connections::Connections;
use crate::scenarios::datagrams::{Datagrams, Sockets};
use crate::scenarios::echo::Echo;
use crate::scenarios::libevent::{Libevent, Variant};
use crate::scenarios::one_ready::OneReady;
use crate::scenarios::register::{Change, Register};
use crate::scenarios::round_trip::RoundTrip;
use crate::scenarios::timeouts::Timeouts;
use crate::scenarios::toggle::Toggle;
use crate::scenarios::waiting::Waiting;
use crate::scenarios::wake::{Part, Wakes};
use crate::scenarios::wake_across::WakeAcross;
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
    /// `a` of `n` become ready at once. A unit is an event.
    ActiveShare {
        /// Sources.
        n: usize,
        /// Those that are active.
        a: usize,
    },
    /// One of a few is ready whose numbers begin at `lowest`. A unit is a write, a wait and
    /// a read.
    Sparse {
        /// Sources.
        n: usize,
        /// The lowest number of a source.
        lowest: usize,
    },
    /// libevent's own benchmark. A unit is an event.
    Libevent {
        /// Socket pairs.
        n: usize,
        /// Those that are active.
        a: usize,
        /// What is timed with it.
        variant: Variant,
    },
    /// A chain of contestants that re-arm. A unit is an event.
    Rearm {
        /// Sources.
        n: usize,
        /// Tokens.
        a: usize,
    },
    /// A chain of all layers over one mechanism. A unit is an event.
    Tax {
        /// Sources.
        n: usize,
        /// Tokens.
        a: usize,
    },
    /// Two threads answer each other. A unit is a question and its answer.
    RoundTrip,
    /// Nothing happens. A unit is a millisecond, the figure its processor time.
    Waiting {
        /// How long each wait lasts.
        period_us: u64,
    },
    /// A wait times out. A unit is one, the figure by how much it is late.
    Timeouts {
        /// The timeout.
        timeout_us: u64,
    },
    /// Connections come and go beside idle listeners. A unit is a connection's life.
    Accept {
        /// Listeners that nobody connects to.
        idle: usize,
    },
    /// A datagram for one of `n` sockets. A unit is a datagram.
    Udp {
        /// Sockets.
        n: usize,
    },
    /// What a source holds in memory. A unit is a source, the figure its bytes.
    Memory {
        /// Sources.
        n: usize,
    },
    /// The question of Gammo et al.: 64 clients that talk, and idle ones. A unit is a
    /// message echoed.
    Gammo {
        /// Connections that are idle.
        idle: usize,
    },
    /// The question of Kerrisk's table 63-9: one of `n` is ready. A unit is a write, a wait
    /// and a read.
    Kerrisk {
        /// Sources.
        n: usize,
    },
    /// The question of Banga, Mogul and Druschel: events come at their own pace. A unit is
    /// an event.
    Banga {
        /// Sources.
        n: usize,
        /// An event comes each so many microseconds.
        pace_us: u64,
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
            Self::ActiveShare { .. } => "active_share",
            Self::Sparse { .. } => "sparse",
            Self::Libevent { .. } => "libevent",
            Self::Rearm { .. } => "rearm",
            Self::Tax { .. } => "tax",
            Self::RoundTrip => "round_trip",
            Self::Waiting { .. } => "waiting",
            Self::Timeouts { .. } => "timeouts",
            Self::Accept { .. } => "accept",
            Self::Udp { .. } => "udp",
            Self::Memory { .. } => "memory",
            Self::Gammo { .. } => "gammo",
            Self::Kerrisk { .. } => "kerrisk",
            Self::Banga { .. } => "banga",
            Self::Echo { .. } => "echo",
        }
    }

    /// The last part of its identifier: N, or NxA where A are active, or what is done.
    #[must_use]
    pub fn number(&self) -> String {
        match *self {
            Self::OneReady { n }
            | Self::AllReady { n }
            | Self::Toggle { n }
            | Self::Udp { n }
            | Self::Memory { n }
            | Self::Kerrisk { n } => n.to_string(),
            Self::Chain { n, a }
            | Self::Echo { n, a }
            | Self::ActiveShare { n, a }
            | Self::Rearm { n, a }
            | Self::Tax { n, a } => format!("{n}x{a}"),
            Self::Libevent { n, a, variant } => format!("{n}x{a}{}", variant.suffix()),
            Self::Sparse { n, lowest } => format!("{n}@{lowest}"),
            Self::Banga { n, pace_us } => format!("{n}@{}", span(pace_us)),
            Self::RoundTrip => "threads".to_owned(),
            Self::Waiting { period_us } => span(period_us),
            Self::Timeouts { timeout_us } => span(timeout_us),
            Self::Accept { idle } | Self::Gammo { idle } => format!("idle{idle}"),
            Self::Register { change, .. } => change.name().to_owned(),
            Self::Wake { part } => match part {
                Part::Coalesced => "coalesced".to_owned(),
                Part::WakeAndWait => "wake+wait".to_owned(),
                Part::OtherThread => "thread".to_owned(),
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
            | Self::ActiveShare { n, .. }
            | Self::Sparse { n, .. }
            | Self::Libevent { n, .. }
            | Self::Rearm { n, .. }
            | Self::Tax { n, .. }
            | Self::Udp { n }
            | Self::Memory { n }
            | Self::Kerrisk { n }
            | Self::Banga { n, .. }
            | Self::Echo { n, .. } => n,
            Self::Waiting { .. } | Self::Timeouts { .. } => FEW,
            Self::Accept { idle } => idle + 1,
            Self::Gammo { idle } => idle + TALKING,
            Self::RoundTrip => 1,
            Self::Wake { .. } => 0,
        }
    }

    /// How many of the sources are active, where that is a choice.
    #[must_use]
    pub const fn active(&self) -> Option<usize> {
        match *self {
            Self::Chain { a, .. }
            | Self::Echo { a, .. }
            | Self::ActiveShare { a, .. }
            | Self::Libevent { a, .. }
            | Self::Rearm { a, .. }
            | Self::Tax { a, .. } => Some(a),
            Self::Gammo { .. } => Some(TALKING),
            _ => None,
        }
    }

    /// How many descriptors it opens.
    #[must_use]
    pub const fn descriptors(&self) -> usize {
        match *self {
            Self::Sparse { n, lowest } => lowest + 2 * n,
            Self::Udp { n } => n + 1,
            _ => 2 * self.sources() + 4,
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
        let mut all: Vec<Entrant> = match self {
            Self::Rearm { .. } => Entrant::all()
                .filter(|entrant| entrant.rearms() || *entrant == Entrant::DEFAULT)
                .collect(),
            Self::Tax { .. } => Entrant::layers().collect(),
            Self::RoundTrip | Self::Waiting { .. } => {
                Entrant::mechanisms().chain([Entrant::Adaptive]).collect()
            }
            Self::Timeouts { .. } | Self::Memory { .. } | Self::Wake { .. } => {
                Entrant::mechanisms()
                    .chain([Entrant::Mio, Entrant::Polling])
                    .collect()
            }
            _ => Entrant::mechanisms().collect(),
        };
        all.retain(|entrant| self.takes(*entrant));
        all
    }

    /// What its figures are.
    #[must_use]
    pub const fn measure(&self) -> Measure {
        match self {
            Self::Timeouts { .. } => Measure::Lateness,
            Self::Waiting { .. } => Measure::WaitingCpu,
            Self::Memory { .. } => Measure::Bytes,
            _ => Measure::Time,
        }
    }

    /// Whether all that a run does is timed, so that its processor time says something.
    #[must_use]
    pub const fn has_cpu(&self) -> bool {
        !matches!(
            self,
            Self::Register { .. } | Self::Waiting { .. } | Self::Memory { .. }
        )
    }

    /// How many units belong together: those of a burst, of which a part would have fewer
    /// sources active than the scenario says, or enough for a pace to set in.
    #[must_use]
    pub const fn units_a_step(&self) -> u64 {
        let step = match *self {
            Self::ActiveShare { a, .. } | Self::Echo { a, .. } => a,
            Self::Gammo { .. } => TALKING,
            Self::Banga { .. } => PACED,
            Self::Chain { n, a } | Self::Rearm { n, a } | Self::Tax { n, a } if n == a => n,
            Self::Libevent { n, a, .. } => n + a,
            _ => 1,
        };
        step as u64
    }

    /// How many units a slice has, where it does not follow from how long they take.
    #[must_use]
    pub const fn units_a_slice(&self) -> Option<u64> {
        match *self {
            // Enough for the tail to show.
            Self::RoundTrip
            | Self::Wake {
                part: Part::OtherThread,
            } => Some(200),
            Self::Waiting { .. } => Some(12),
            Self::Timeouts { timeout_us } if timeout_us < 2_000 => Some(8),
            Self::Timeouts { .. } => Some(1),
            _ => None,
        }
    }

    /// Whether `entrant` can take part.
    #[must_use]
    pub fn takes(&self, entrant: Entrant) -> bool {
        match self {
            Self::AllReady { .. } => entrant.tells_again(),
            // Wakers are not sources: there is nothing to re-arm.
            Self::Wake { .. } => !entrant.rearms(),
            // A question stays unread until it is told.
            Self::Rearm { .. } => entrant.rearms() || entrant == Entrant::DEFAULT,
            _ => true,
        }
    }
}

/// Sources that [`Scenario::Waiting`] and [`Scenario::Timeouts`] wait for in vain.
const FEW: usize = 16;

/// Events of [`Scenario::Banga`] that belong together: the first wait finds one, and the
/// later ones what came during those before.
const PACED: usize = 256;

/// Clients that talk in [`Scenario::Gammo`].
const TALKING: usize = 64;

/// Microseconds, as short as they can be written.
fn span(us: u64) -> String {
    match us % 1000 {
        0 => format!("{}ms", us / 1000),
        _ => format!("{us}us"),
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
    Sockets(Rc<Sockets>),
    Door(Rc<Door>),
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
        let count = scenario.sources();
        let descriptors = match scenario {
            Scenario::Echo { .. } | Scenario::Gammo { .. } => {
                Descriptors::Connections(Rc::new(Connections::open(count)?))
            }
            Scenario::Udp { n } => Descriptors::Sockets(Rc::new(Sockets::open(n)?)),
            Scenario::Accept { idle } => Descriptors::Door(Rc::new(Door::open(idle)?)),
            Scenario::Sparse { n, lowest } => {
                Descriptors::Pipes(Rc::new(Pipes::open_above(lowest, n)?))
            }
            Scenario::Libevent { n, .. } => Descriptors::Pipes(Rc::new(Pipes::open_pairs(n)?)),
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
        let threads_spin = matches!(self.scenario, Scenario::RoundTrip) && entrant.spins();
        if threads_spin && Machine::here().cores < 2 {
            let text = "two threads that spin need two cores";
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
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
                let scenario = self.0.scenario;
                if scenario == Scenario::RoundTrip {
                    return Ok(Box::new(RoundTrip::<C>::open(capacity)?));
                }
                if let Scenario::Chain { a, .. }
                | Scenario::Rearm { a, .. }
                | Scenario::Tax { a, .. } = scenario
                {
                    return Ok(Box::new(Chain::<C>::open(pipes, a, capacity)?));
                }
                let contestant = C::open(pipes.readers().clone(), capacity)?;
                if let Scenario::Wake {
                    part: Part::OtherThread,
                } = scenario
                {
                    return Ok(Box::new(WakeAcross::open(contestant)?));
                }
                Ok(among_pipes(scenario, contestant, pipes.clone()))
            }
            Descriptors::Sockets(sockets) => {
                let contestant = C::open(sockets.receivers().clone(), capacity)?;
                Ok(Box::new(Datagrams::new(contestant, sockets.clone())))
            }
            Descriptors::Door(door) => {
                let contestant = C::open(door.sources().clone(), capacity)?;
                Ok(Box::new(Accept::new(contestant, door.clone())))
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
        Scenario::OneReady { .. } | Scenario::Sparse { .. } | Scenario::Kerrisk { .. } => {
            Box::new(OneReady::new(contestant, pipes))
        }
        Scenario::AllReady { .. } => Box::new(AllReady::new(contestant, pipes)),
        Scenario::ActiveShare { a, .. } => Box::new(ActiveShare::new(contestant, pipes, a)),
        Scenario::Banga { pace_us, .. } => {
            Box::new(Arrivals::new(contestant, pipes, pace_us * 1_000))
        }
        Scenario::Libevent { a, variant, .. } => {
            Box::new(Libevent::new(contestant, pipes, a, variant))
        }
        Scenario::Waiting { period_us } => {
            let period = Duration::from_micros(period_us);
            Box::new(Waiting::new(contestant, pipes, period))
        }
        Scenario::Timeouts { timeout_us } => {
            let timeout = Duration::from_micros(timeout_us);
            Box::new(Timeouts::new(contestant, pipes, timeout))
        }
        Scenario::Register { change, .. } => Box::new(Register::new(contestant, pipes, change)),
        Scenario::Toggle { .. } => Box::new(Toggle::new(contestant, pipes)),
        Scenario::Wake { part } => Box::new(Wakes::new(contestant, part)),
        Scenario::Chain { .. }
        | Scenario::Rearm { .. }
        | Scenario::Tax { .. }
        | Scenario::Echo { .. }
        | Scenario::Gammo { .. }
        | Scenario::Udp { .. }
        | Scenario::Accept { .. }
        | Scenario::Memory { .. }
        | Scenario::RoundTrip => unreachable!("{scenario} is not among these pipes"),
    }
}
