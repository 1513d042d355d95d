//! A chain of all layers over one mechanism: what each adds.

use std::io;
use std::rc::Rc;

use super::chain::Chain;
use super::question::Question;
use crate::pipes::Pipes;
use crate::{Contestant, Entrant, Workload};

/// A chain of all layers over one mechanism. A unit is an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Sources.
    pub n: usize,
    /// Tokens.
    pub a: usize,
}

impl Question for Asked {
    const GROUP: &'static str = "tax";

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
        Entrant::layers().collect()
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
