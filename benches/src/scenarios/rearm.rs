//! A chain of contestants that arm each source again after its event.

use std::io;
use std::rc::Rc;

use super::chain::Chain;
use super::question::Question;
use crate::pipes::Pipes;
use crate::{Contestant, Entrant, Workload};

/// A chain of contestants that re-arm. A unit is an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Sources.
    pub n: usize,
    /// Tokens.
    pub a: usize,
}

impl Question for Asked {
    const GROUP: &'static str = "rearm";

    type Shared = Pipes;

    fn number(self) -> String {
        format!("{}x{}", self.n, self.a)
    }

    fn sources(self) -> usize {
        self.n
    }

    fn active(self) -> Option<usize> {
        Some(self.a)
    }

    fn contestants(self) -> Vec<Entrant> {
        Entrant::all().collect()
    }

    /// The default mechanism stands beside them, as it is without.
    fn takes(self, entrant: Entrant) -> bool {
        entrant.rearms() || entrant == Entrant::DEFAULT
    }

    fn units_a_step(self) -> usize {
        if self.n == self.a { self.n } else { 1 }
    }

    fn open(self) -> io::Result<Self::Shared> {
        Pipes::open(self.sources())
    }

    fn enter<C: Contestant>(
        self,
        shared: &Rc<Self::Shared>,
        capacity: usize,
    ) -> io::Result<Box<dyn Workload>> {
        Ok(Box::new(Chain::<C>::open(shared, self.a, capacity)?))
    }
}
