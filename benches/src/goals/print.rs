//! The goals on a terminal, in 80 columns.

use std::io::{self, Write};

use super::claim::{Claim, Verdict};
use super::goal::Goal;

/// Prints a goal with what was measured beside each of its claims.
///
/// # Errors
///
/// As writing.
pub fn print(goal: &Goal, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{:>2}  {}", goal.number, goal.title)?;
    for claim in &goal.claims {
        writeln!(out, "{}", row(claim))?;
        for left in &claim.left_out {
            writeln!(out, "      not {}: {}", left.at, left.reason)?;
        }
        if let Some(floor) = &claim.floor {
            for figure in &floor.figures {
                let value = claim.bound.show(figure.value);
                writeln!(out, "      {} itself: {value} {}", floor.name, figure.at)?;
            }
        }
    }
    Ok(())
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
///
/// # Errors
///
/// As writing.
pub fn summary(goals: &[Goal], pairs: usize, out: &mut dyn Write) -> io::Result<()> {
    let count = |verdicts: &[Verdict]| {
        let verdicts = goals
            .iter()
            .filter(|goal| verdicts.contains(&goal.verdict()));
        verdicts.count()
    };
    writeln!(
        out,
        "\n{} of {} goals met, {} out of reach, {} missed, {} open.",
        count(&[Verdict::Met, Verdict::WithinNoise]),
        goals.len(),
        count(&[Verdict::OutOfReach]),
        count(&[Verdict::Missed]),
        count(&[Verdict::NotMeasured])
    )?;
    writeln!(
        out,
        "Of each claim, its worst place stands there (NxA: A of N pipes active); medians of\n\
         {pairs} pairs in turns. Noise: how far one measured against itself seems to be there.\n\
         met ≈: beyond the goal by less than the 3 % that are allowed for noise. Out of\n\
         reach: so is what makes the fewest calls there, the line below."
    )
}
