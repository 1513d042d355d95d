//! The goals on a terminal, in 80 columns.

use super::Goal;
use super::claim::{Claim, Verdict};

/// Prints a goal with what was measured beside each of its claims.
pub fn print(goal: &Goal) {
    println!("\n{:>2}  {}", goal.number, goal.title);
    for claim in &goal.claims {
        println!("{}", row(claim));
        for left in &claim.left_out {
            println!("      not {}: {}", left.at, left.reason);
        }
    }
}

fn row(claim: &Claim) -> String {
    let noise = claim.noise().map(percent).unwrap_or_default();
    format!(
        "    {:<34} {:>8}  {:<18} {noise:>5}  {}",
        claim.what,
        claim.bound,
        measured(claim),
        claim.verdict()
    )
}

/// The figure that decides, and where it was measured.
fn measured(claim: &Claim) -> String {
    match (claim.best(), claim.worst()) {
        (Some(best), Some(worst)) if best.value == worst.value => claim.bound.show(worst.value),
        (_, Some(worst)) => format!("{} {}", claim.bound.show(worst.value), worst.at),
        (_, None) => "-".to_owned(),
    }
}

fn percent(noise: f64) -> String {
    format!("±{:.1}%", noise * 100.0)
}

/// Says in a few lines how many were met and how to read the table.
pub fn summary(goals: &[Goal], pairs: usize) {
    let count = |verdicts: &[Verdict]| {
        let verdicts = goals
            .iter()
            .filter(|goal| verdicts.contains(&goal.verdict()));
        verdicts.count()
    };
    println!(
        "\n{} of {} goals met, {} missed, {} open.",
        count(&[Verdict::Met, Verdict::WithinNoise]),
        goals.len(),
        count(&[Verdict::Missed]),
        count(&[Verdict::NotMeasured])
    );
    println!(
        "Of each claim, its worst place stands there (NxA: A of N pipes active); medians of\n\
         {pairs} pairs in turns. Noise: how far the raw loop seems to be from itself there.\n\
         met ≈: beyond the goal by less than the 3 % that are allowed for noise."
    );
}
