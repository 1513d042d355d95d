//! What a scenario says of itself.

use std::io;
use std::rc::Rc;

use crate::instrument::data::Measure;
use crate::pipes::Pipes;
use crate::{Contestant, Entrant, Workload};

/// A scenario and its size. What is not said here holds for most of them.
pub trait Question: Copy {
    /// The name of its group.
    const GROUP: &'static str;

    /// The descriptors that all contestants share.
    type Shared: 'static;

    /// The last part of its identifier: N, or NxA where A are active, or what is done.
    fn number(self) -> String;

    /// How many sources there are.
    fn sources(self) -> usize;

    /// How many of the sources are active, where that is a choice.
    fn active(self) -> Option<usize> {
        None
    }

    /// How many descriptors it opens.
    fn descriptors(self) -> usize {
        2 * self.sources() + 4
    }

    /// How many events a unit brings.
    fn events_a_unit(self) -> usize {
        1
    }

    /// Who takes part, unless the user wishes otherwise, of those that [can](Self::takes).
    fn contestants(self) -> Vec<Entrant> {
        Entrant::mechanisms().collect()
    }

    /// Whether `entrant` can take part.
    fn takes(self, _entrant: Entrant) -> bool {
        true
    }

    /// Whether `entrant` can take part on this machine, or why not.
    ///
    /// # Errors
    ///
    /// A sentence that says what is missing.
    fn check(self, _entrant: Entrant) -> Result<(), String> {
        Ok(())
    }

    /// What its figures are.
    fn measure(self) -> Measure {
        Measure::Time
    }

    /// Whether all that a run does is timed, so that its processor time says something.
    fn has_cpu(self) -> bool {
        true
    }

    /// How many units belong together: those of a burst, of which a part would have fewer
    /// sources active than the scenario says, or enough for a pace to set in.
    fn units_a_step(self) -> usize {
        1
    }

    /// How many units a slice has, where it does not follow from how long they take.
    fn units_a_slice(self) -> Option<u64> {
        None
    }

    /// Opens the descriptors.
    ///
    /// # Errors
    ///
    /// As the system calls.
    fn open(self) -> io::Result<Self::Shared>;

    /// Puts a contestant with room for `capacity` events among them.
    ///
    /// # Errors
    ///
    /// As the contestant's constructor.
    fn enter<C: Contestant>(
        self,
        shared: &Rc<Self::Shared>,
        capacity: usize,
    ) -> io::Result<Box<dyn Workload>>;
}

/// The contestant that watches the read ends of `pipes`.
pub(super) fn among<C: Contestant>(pipes: &Pipes, capacity: usize) -> io::Result<C> {
    C::open(pipes.readers().clone(), capacity)
}

/// The mechanisms, and mio and polling beside them.
pub(super) fn with_rivals() -> Vec<Entrant> {
    Entrant::mechanisms()
        .chain([Entrant::Mio, Entrant::Polling])
        .collect()
}

/// The mechanisms, and the one that spins before it sleeps.
pub(super) fn with_adaptive() -> Vec<Entrant> {
    Entrant::mechanisms().chain([Entrant::Adaptive]).collect()
}

/// Microseconds, as short as they can be written.
pub(super) fn span(us: u64) -> String {
    match us % 1000 {
        0 => format!("{}ms", us / 1000),
        _ => format!("{us}us"),
    }
}
