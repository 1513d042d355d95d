//! A goal and how it went.

use serde::{Deserialize, Serialize};

use super::claim::{Claim, Verdict};

/// A goal with what was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Goal {
    /// From 1 to 14.
    pub number: u8,
    /// What it is about.
    pub title: String,
    /// What it says, each with its figures.
    pub claims: Vec<Claim>,
}

impl Goal {
    /// The worst of its claims.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let verdicts = self.claims.iter().map(Claim::verdict);
        verdicts.max().unwrap_or(Verdict::NotMeasured)
    }
}
