//! A cell of a run: its contestants, who is best, and what is inside the noise.

use super::data::{Measure, Samples};
use crate::spread::Spread;

/// What differs by less than this is called equal, however quiet the machine was: the place
/// where the linker puts a loop moves it by as much.
pub const LEAST_NOISE: f64 = 0.03;

/// A scenario at one size, and all who took part.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Those who took part, one of them twice. Never empty.
    pub contestants: Vec<Samples>,
}

/// How a contestant stands in a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Standing {
    /// It has the lowest median, and nobody is inside the noise.
    Best,
    /// It can't be told from the one with the lowest median.
    Tied(Spread),
    /// It is slower than the best, by this ratio, beyond the noise.
    Slower(Spread),
}

impl Cell {
    fn first(&self) -> &Samples {
        &self.contestants[0]
    }

    /// Whether these samples are of this cell.
    #[must_use]
    pub fn is_of(&self, samples: &Samples) -> bool {
        let first = self.first();
        first.scenario == samples.scenario && first.number == samples.number
    }

    /// The scenario's group.
    #[must_use]
    pub fn scenario(&self) -> &str {
        &self.first().scenario
    }

    /// The number within the group.
    #[must_use]
    pub fn number(&self) -> &str {
        &self.first().number
    }

    /// `group/number`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.scenario(), self.number())
    }

    /// Sources.
    #[must_use]
    pub fn n(&self) -> usize {
        self.first().n
    }

    /// Active sources, where that is a choice.
    #[must_use]
    pub fn a(&self) -> Option<usize> {
        self.first().a
    }

    /// What the figures are.
    #[must_use]
    pub fn measure(&self) -> Measure {
        self.first().measure
    }

    /// Those who took part, each once.
    pub fn entered(&self) -> impl Iterator<Item = &Samples> {
        self.contestants
            .iter()
            .filter(|samples| !samples.is_control)
    }

    /// The samples of a contestant.
    #[must_use]
    pub fn of(&self, contestant: &str) -> Option<&Samples> {
        self.entered()
            .find(|samples| samples.contestant == contestant)
    }

    /// How far the contestant that took part twice seems to be from itself, and at least
    /// [`LEAST_NOISE`].
    #[must_use]
    pub fn noise(&self) -> f64 {
        if self.measure() == Measure::Bytes {
            return 0.0; // a count
        }
        let control = self.contestants.iter().find(|samples| samples.is_control);
        let twice = control.and_then(|control| Some((control, self.of(&control.contestant)?)));
        let measured = twice.map_or(0.0, |(control, same)| {
            ratio(control, same).distance_from_one()
        });
        measured.max(LEAST_NOISE)
    }

    /// The one with the lowest median.
    #[must_use]
    pub fn lowest(&self) -> &Samples {
        let by_median = |one: &&Samples, other: &&Samples| median(one).total_cmp(&median(other));
        self.entered().min_by(by_median).unwrap_or(self.first())
    }

    /// How `samples` stand.
    #[must_use]
    pub fn standing(&self, samples: &Samples) -> Standing {
        let lowest = self.lowest();
        if samples.contestant != lowest.contestant {
            let ratio = ratio(samples, lowest);
            return match self.is_beyond_noise(&ratio) {
                true => Standing::Slower(ratio),
                false => Standing::Tied(ratio),
            };
        }
        match self.tied().len() {
            1 => Standing::Best,
            _ => Standing::Tied(Spread {
                median: 1.0,
                low: 1.0,
                high: 1.0,
            }),
        }
    }

    /// Whether a ratio to the lowest is a difference: its whole range lies beyond the
    /// noise, in a sample that is large enough to have a range.
    fn is_beyond_noise(&self, ratio: &Spread) -> bool {
        ratio.low > 1.0 + self.noise()
    }

    /// Those who can't be told from the lowest, itself first: one if there is a winner.
    #[must_use]
    pub fn tied(&self) -> Vec<&Samples> {
        self.tied_among(|_| true)
    }

    /// The same among some.
    pub fn tied_among(&self, takes_part: impl Fn(&Samples) -> bool) -> Vec<&Samples> {
        let mut among: Vec<&Samples> = self.entered().filter(|one| takes_part(one)).collect();
        among.sort_by(|one, other| median(one).total_cmp(&median(other)));
        let Some(lowest) = among.first().copied() else {
            return among;
        };
        among.retain(|one| {
            one.contestant == lowest.contestant || !self.is_beyond_noise(&ratio(one, lowest))
        });
        among
    }

    /// Whether `one` is slower than `other` beyond the noise; `None` if one of them did not
    /// take part.
    #[must_use]
    pub fn is_clearly_slower(&self, one: &str, other: &str) -> Option<bool> {
        Some(self.is_beyond_noise(&self.ratio(one, other)?))
    }

    /// The ratio of one contestant to another.
    #[must_use]
    pub fn ratio(&self, one: &str, other: &str) -> Option<Spread> {
        Some(ratio(self.of(one)?, self.of(other)?))
    }
}

/// The median figure.
#[must_use]
pub fn median(samples: &Samples) -> f64 {
    spread(samples).median
}

/// The figures' spread.
#[must_use]
pub fn spread(samples: &Samples) -> Spread {
    Spread::of(samples.figures.iter().copied())
}

/// The processor time's spread, if it was measured.
#[must_use]
pub fn cpu(samples: &Samples) -> Option<Spread> {
    (!samples.cpu.is_empty()).then(|| Spread::of(samples.cpu.iter().copied()))
}

/// The figures of one over those of another, round by round.
#[must_use]
pub fn ratio(one: &Samples, other: &Samples) -> Spread {
    let pairs = one.figures.iter().zip(&other.figures);
    Spread::of(pairs.map(|(one, other)| one / other.max(f64::MIN_POSITIVE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(contestant: &str, figure: f64, is_control: bool) -> Samples {
        let wobble = |round: usize| figure * (1.0 + 0.01 * (round % 3) as f64);
        Samples {
            contestant: contestant.to_owned(),
            is_control,
            figures: (0..15).map(wobble).collect(),
            ..Samples::default()
        }
    }

    #[test]
    fn what_is_inside_the_noise_is_a_tie_and_what_is_beyond_has_a_winner() {
        let quiet = Cell {
            contestants: vec![
                samples("epoll", 100.0, false),
                samples("epoll", 100.5, true),
                samples("poll", 110.0, false),
                samples("raw", 101.0, false),
            ],
        };
        let names = |tied: Vec<&Samples>| -> Vec<String> {
            tied.iter().map(|one| one.contestant.clone()).collect()
        };
        assert_eq!(names(quiet.tied()), ["epoll", "raw"]);
        assert_eq!(
            names(quiet.tied_among(|one| one.contestant != "raw")),
            ["epoll"]
        );
        assert!(matches!(
            quiet.standing(quiet.of("poll").unwrap()),
            Standing::Slower(_)
        ));
        assert_eq!(quiet.is_clearly_slower("poll", "epoll"), Some(true));

        let mut loud = quiet.clone();
        loud.contestants[1] = samples("epoll", 120.0, true);
        assert_eq!(loud.tied().len(), 3, "noise of a fifth makes all equal");
    }
}
