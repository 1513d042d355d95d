//! The goals as a table in a document.

use std::fmt::Write;

use super::claim::{Claim, Figure, Floor};
use super::goal::Goal;
use crate::record::Report;

/// Every claim with its best and its worst figure, and what could not be measured.
#[must_use]
pub fn markdown(report: &Report<Goal>) -> String {
    let mut text = format!(
        "{}; `{}`.\n\n| # | claim | goal | best | worst | noise | |\n|---|---|---|---|---|---|---|\n",
        report.machine, report.command
    );
    for goal in &report.records {
        line(
            &mut text,
            format_args!("| {} | **{}** | | | | | |", goal.number, goal.title),
        );
        for claim in &goal.claims {
            line(&mut text, format_args!("{}", row(claim)));
        }
    }
    text.push('\n');
    for goal in &report.records {
        for claim in &goal.claims {
            for left in &claim.left_out {
                let (number, what) = (goal.number, &claim.what);
                let (at, reason) = (&left.at, &left.reason);
                line(
                    &mut text,
                    format_args!("- {number}, {what}, not {at}: {reason}"),
                );
            }
            if let Some(floor) = &claim.floor {
                line(
                    &mut text,
                    format_args!("- {}, {}, {}", goal.number, claim.what, under(claim, floor)),
                );
            }
        }
    }
    text
}

/// What the floor reached.
fn under(claim: &Claim, floor: &Floor) -> String {
    let figures = floor.figures.iter().map(|figure| shown(claim, figure));
    let figures: Vec<_> = figures.collect();
    format!("{} itself: {}", floor.name, figures.join(", "))
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string succeeds.
    let _ = writeln!(text, "{line}");
}

/// A figure and where it was measured.
fn shown(claim: &Claim, figure: &Figure) -> String {
    format!("{} ({})", claim.bound.show(figure.value), figure.at)
}

fn row(claim: &Claim) -> String {
    let noise = claim
        .noise()
        .map(|noise| format!("±{:.1} %", noise * 100.0));
    let worst = claim.worst();
    let is_other = |best: &&Figure| worst.is_some_and(|worst| worst.value != best.value);
    let best = claim.best().filter(is_other);
    let show = |figure| shown(claim, figure);
    format!(
        "| | {} | {} | {} | {} | {} | {} |",
        claim.what,
        claim.bound,
        best.map(show).unwrap_or_default(),
        worst.map(show).unwrap_or_default(),
        noise.unwrap_or_default(),
        claim.verdict()
    )
}
