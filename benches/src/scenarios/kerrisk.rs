//! The question of Kerrisk, *The Linux Programming Interface*, table 63-9.

use std::io;
use std::rc::Rc;

use super::one_ready::OneReady;
use super::question::{Question, among};
use crate::pipes::Pipes;
use crate::{Contestant, Workload};

/// The question of Kerrisk's table 63-9: one of `n` is ready. A unit is a write, a wait and a
/// read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Sources.
    pub n: usize,
}

impl Question for Asked {
    const GROUP: &'static str = "kerrisk";

    type Shared = Pipes;

    fn number(self) -> String {
        self.n.to_string()
    }

    fn sources(self) -> usize {
        self.n
    }

    fn open(self) -> io::Result<Self::Shared> {
        Pipes::open(self.sources())
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
