//! One of a few is ready, and their descriptors are high: what a bitmap costs.

use std::io;
use std::rc::Rc;

use super::one_ready::OneReady;
use super::question::{Question, among};
use crate::pipes::Pipes;
use crate::{Contestant, Workload};

/// One of a few is ready whose numbers begin at `lowest`. A unit is a write, a wait and a
/// read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Sources.
    pub n: usize,
    /// The lowest number of a source.
    pub lowest: usize,
}

impl Question for Asked {
    const GROUP: &'static str = "sparse";

    type Shared = Pipes;

    fn number(self) -> String {
        format!("{}@{}", self.n, self.lowest)
    }

    fn sources(self) -> usize {
        self.n
    }

    fn descriptors(self) -> usize {
        self.lowest + 2 * self.n
    }

    fn open(self) -> io::Result<Self::Shared> {
        Pipes::open_above(self.lowest, self.n)
    }

    fn enter<C: Contestant>(
        self,
        shared: &Rc<Self::Shared>,
        capacity: usize,
    ) -> io::Result<Box<dyn Workload>> {
        Ok(Box::new(OneReady::new(
            among::<C>(shared, capacity)?,
            shared.clone(),
        )))
    }
}
