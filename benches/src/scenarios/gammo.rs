//! The question of Gammo et al.: a few clients that talk, among many that are idle.

use std::io;
use std::rc::Rc;

use super::connections::Connections;
use super::echo::Echo;
use super::question::Question;
use crate::{Contestant, Workload};

/// The question of Gammo et al.: 64 clients that talk, and idle ones. A unit is a message
/// echoed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Connections that are idle.
    pub idle: usize,
}

impl Question for Asked {
    const GROUP: &'static str = "gammo";

    type Shared = Connections;

    fn number(self) -> String {
        format!("idle{}", self.idle)
    }

    fn sources(self) -> usize {
        self.idle + TALKING
    }

    fn active(self) -> Option<usize> {
        Some(TALKING)
    }

    fn units_a_step(self) -> usize {
        TALKING
    }

    fn open(self) -> io::Result<Self::Shared> {
        Connections::open(self.sources())
    }

    fn enter<C: Contestant>(
        self,
        shared: &Rc<Self::Shared>,
        capacity: usize,
    ) -> io::Result<Box<dyn Workload>> {
        let contestant = C::open(shared.servers().clone(), capacity)?;
        Ok(Box::new(Echo::new(contestant, shared.clone(), TALKING)))
    }
}

/// Clients that talk.
const TALKING: usize = 64;
