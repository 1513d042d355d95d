//! What is measured, and how long.

use std::time::Duration;

use crate::scenario::CHANGED;
use crate::scenarios::libevent::Variant;
use crate::scenarios::register::Change;
use crate::scenarios::wake::Part;
use crate::{Entrant, Scenario, settings};

/// The variable that has `cargo bench` take its time.
const BENCH: &str = "WAITSET_BENCH";

/// Pipes and tokens of the chains of a full run, of `ratios` and of the goals.
pub const CHAINS: [(usize, usize); 7] = [
    (10, 1),
    (100, 1),
    (100, 10),
    (100, 100),
    (1000, 1),
    (1000, 100),
    (1000, 1000),
];

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
    /// What `cargo bench` measures: the short profile, or with `WAITSET_BENCH=full` the long one.
    ///
    /// # Errors
    ///
    /// A sentence with the way out, for any other value.
    pub fn of_environment() -> Result<Self, String> {
        match settings::set(BENCH).as_deref() {
            None => Ok(Self::Bench),
            Some("full") => Ok(Self::Full),
            Some(other) => Err(format!(
                "unknown value {other:?} of {BENCH}; set it to full, or leave it unset"
            )),
        }
    }

    /// Its pace.
    #[must_use]
    pub const fn pace(self) -> Pace {
        match self {
            Self::Bench | Self::Quick => Pace {
                slice: Duration::from_micros(800),
                least_rounds: 9,
                most_rounds: 45,
                total: Duration::from_secs(45),
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
        let named = match self.instead.is_empty() {
            true => scenario.contestants(),
            false => self.instead.clone(),
        };
        let mut chosen = Vec::new();
        for entrant in named.iter().chain(&self.besides) {
            if !chosen.contains(entrant) {
                chosen.push(*entrant);
            }
        }
        chosen.retain(|entrant| entrant.is_here() && scenario.takes(*entrant));
        chosen
    }
}

/// The cells that criterion measures: of most groups the first, the middle one and the last.
///
/// `memory` is not among them: its figures are bytes. `timeouts` is there with the shortest
/// alone, since criterion makes ten samples at least, however long one takes.
#[must_use]
pub fn criterion_cells(profile: Profile) -> Vec<Scenario> {
    let all = cells(profile);
    let mut chosen: Vec<Scenario> = Vec::new();
    for group in all.chunk_by(|one, other| one.group() == other.group()) {
        match group[0] {
            Scenario::Memory { .. } => {}
            Scenario::Timeouts { .. } => chosen.push(group[0]),
            Scenario::OneReady { .. } => chosen.extend(group),
            _ if profile == Profile::Full || group.len() <= 3 => chosen.extend(group),
            _ => chosen.extend([group[0], group[group.len() / 2], group[group.len() - 1]]),
        }
    }
    chosen
}

/// The cells of a profile, group by group.
#[must_use]
pub fn cells(profile: Profile) -> Vec<Scenario> {
    let groups: [fn(Profile) -> Vec<Scenario>; 4] = [
        what_idle_ones_cost,
        what_changes_cost,
        what_time_costs,
        what_others_asked,
    ];
    groups.iter().flat_map(|group| group(profile)).collect()
}

impl Profile {
    /// What the profile takes of two lists, the second for those who have time.
    fn choose<T: Copy>(self, short: &[T], long: &[T]) -> Vec<T> {
        match self {
            Self::Bench | Self::Quick => short.to_vec(),
            Self::Full => long.to_vec(),
        }
    }
}

/// Waiting among many.
fn what_idle_ones_cost(profile: Profile) -> Vec<Scenario> {
    let sizes = profile.choose(
        &[1, 4, 16, 64, 256, 1024, 4096],
        &[
            1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192,
        ],
    );
    let shares = profile.choose(
        &[
            (10, 1),
            (10, 10),
            (100, 1),
            (100, 10),
            (100, 100),
            (1000, 1),
            (1000, 10),
            (1000, 100),
            (1000, 1000),
        ],
        &[
            (10, 1),
            (10, 5),
            (10, 10),
            (100, 1),
            (100, 10),
            (100, 50),
            (100, 100),
            (1000, 1),
            (1000, 10),
            (1000, 100),
            (1000, 500),
            (1000, 1000),
            (8000, 8),
            (8000, 80),
            (8000, 800),
            (8000, 4000),
            (8000, 8000),
        ],
    );
    let sparse = profile.choose(
        &[(16, 1000), (16, 8000)],
        &[(16, 100), (16, 1000), (16, 4000), (16, 16_000)],
    );
    let told = profile.choose(&[16, 256, 4096], &sizes);
    let chains = profile.choose(&[(100, 1), (100, 10), (1000, 100)], &CHAINS);
    let mut cells = Vec::new();
    cells.extend(sizes.into_iter().map(|n| Scenario::OneReady { n }));
    cells.extend(
        shares
            .into_iter()
            .map(|(n, a)| Scenario::ActiveShare { n, a }),
    );
    cells.extend(told.into_iter().map(|n| Scenario::AllReady { n }));
    cells.extend(
        sparse
            .into_iter()
            .map(|(n, lowest)| Scenario::Sparse { n, lowest }),
    );
    cells.extend(chains.into_iter().map(|(n, a)| Scenario::Chain { n, a }));
    cells
}

/// Changing what is watched, waking, and what layers cost.
fn what_changes_cost(profile: Profile) -> Vec<Scenario> {
    let n = CHANGED;
    let layers = profile.choose(
        &[(100, 1), (100, 10)],
        &[(10, 1), (100, 1), (100, 10), (1000, 100)],
    );
    let rearmed = profile.choose(&[(100, 10)], &[(100, 1), (100, 10), (1000, 100)]);
    let parts = [Part::Coalesced, Part::WakeAndWait, Part::OtherThread];
    let mut cells = Vec::new();
    cells.extend(Change::ALL.map(|change| Scenario::Register { n, change }));
    cells.push(Scenario::Toggle { n });
    cells.extend(rearmed.into_iter().map(|(n, a)| Scenario::Rearm { n, a }));
    cells.extend(parts.map(|part| Scenario::Wake { part }));
    cells.extend(layers.into_iter().map(|(n, a)| Scenario::Tax { n, a }));
    cells.push(Scenario::Memory { n: 4096 });
    cells
}

/// Sleeping, and the network.
fn what_time_costs(profile: Profile) -> Vec<Scenario> {
    let timeouts = profile.choose(&[10, 1_000], &[10, 100, 1_000, 10_000, 100_000]);
    let periods = profile.choose(&[1_000], &[1_000, 10_000]);
    let echoes = profile.choose(
        &[(1, 1), (64, 64), (1000, 1)],
        &[
            (1, 1),
            (100, 1),
            (1000, 1),
            (9000, 1),
            (64, 64),
            (1000, 64),
            (9000, 64),
        ],
    );
    let sockets = profile.choose(&[64], &[1, 64, 1024]);
    let doors = profile.choose(&[100], &[0, 1000]);
    let mut cells = vec![Scenario::RoundTrip];
    cells.extend(
        periods
            .into_iter()
            .map(|period_us| Scenario::Waiting { period_us }),
    );
    cells.extend(
        timeouts
            .into_iter()
            .map(|timeout_us| Scenario::Timeouts { timeout_us }),
    );
    cells.extend(echoes.into_iter().map(|(n, a)| Scenario::Echo { n, a }));
    cells.extend(doors.into_iter().map(|idle| Scenario::Accept { idle }));
    cells.extend(sockets.into_iter().map(|n| Scenario::Udp { n }));
    cells
}

/// Questions that have been answered before, on other kernels.
fn what_others_asked(profile: Profile) -> Vec<Scenario> {
    let kerrisk = profile.choose(&[10, 100, 1000], &[10, 100, 1000, 9900]);
    let gammo = profile.choose(&[0, 1000], &[0, 9000]);
    let banga = profile.choose(
        &[(1000, 50), (1000, 5)],
        &[(100, 50), (100, 5), (1000, 50), (1000, 10), (1000, 5)],
    );
    let mut cells = Vec::new();
    cells.extend(Variant::ALL.map(|variant| Scenario::Libevent {
        n: 100,
        a: 1,
        variant,
    }));
    cells.extend(kerrisk.into_iter().map(|n| Scenario::Kerrisk { n }));
    cells.extend(gammo.into_iter().map(|idle| Scenario::Gammo { idle }));
    let paced = |(n, pace_us)| Scenario::Banga { n, pace_us };
    cells.extend(banga.into_iter().map(paced));
    cells
}
