//! What is measured, and how long.

use std::time::Duration;

use crate::scenario::CHANGED;
use crate::scenarios::register::Change;
use crate::scenarios::wake::Part;
use crate::{Entrant, Scenario};

/// How thorough a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// For `cargo bench`, where criterion takes its time with each.
    Bench,
    /// Under a minute for all.
    Quick,
    /// Minutes.
    Full,
}

/// How long a run may take, and how finely it is cut.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How long a slice lasts.
    pub slice: Duration,
    /// Rounds that are made even if the time is up.
    pub least_rounds: usize,
    /// Rounds after which more would say little.
    pub most_rounds: usize,
    /// How long all cells together should take.
    pub total: Duration,
}

impl Profile {
    /// Its pace.
    #[must_use]
    pub const fn pace(self) -> Pace {
        match self {
            Self::Bench | Self::Quick => Pace {
                slice: Duration::from_micros(800),
                least_rounds: 9,
                most_rounds: 25,
                total: Duration::from_secs(50),
            },
            Self::Full => Pace {
                slice: Duration::from_micros(2_500),
                least_rounds: 15,
                most_rounds: 61,
                total: Duration::from_secs(500),
            },
        }
    }
}

/// Who takes part, where the user has a wish.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Those named instead of the scenario's own.
    pub instead: Vec<Entrant>,
    /// Those named besides.
    pub besides: Vec<Entrant>,
}

impl Choice {
    /// Who takes part in `scenario`, each once.
    #[must_use]
    pub fn contestants(&self, scenario: Scenario) -> Vec<Entrant> {
        let mut chosen = match self.instead.is_empty() {
            true => scenario.contestants(),
            false => self.instead.clone(),
        };
        for entrant in &self.besides {
            if !chosen.contains(entrant) {
                chosen.push(*entrant);
            }
        }
        chosen.retain(|entrant| entrant.is_here() && scenario.takes(*entrant));
        chosen
    }
}

/// The cells of a profile, group by group.
#[must_use]
pub fn cells(profile: Profile) -> Vec<Scenario> {
    let n = CHANGED;
    let mut cells = Vec::new();
    cells.extend([1, 4, 16, 64, 256, 1024, 4096].map(|n| Scenario::OneReady { n }));
    cells.extend([1, 4, 16, 64, 256, 1024, 4096].map(|n| Scenario::AllReady { n }));
    cells.extend([(100, 1), (100, 10), (1000, 100)].map(|(n, a)| Scenario::Chain { n, a }));
    cells.extend(Change::ALL.map(|change| Scenario::Register { n, change }));
    cells.push(Scenario::Toggle { n });
    cells.extend([Part::Coalesced, Part::WakeAndWait].map(|part| Scenario::Wake { part }));
    cells.extend([(10, 1), (64, 64), (1000, 1)].map(|(n, a)| Scenario::Echo { n, a }));
    let _ = profile;
    cells
}
