//! Which mechanism wins, over N and the share that is active.

use std::collections::BTreeSet;

use super::paper::{Drawing, Format};
use super::words::class;
use crate::instrument::cell::{Cell, median};
use crate::instrument::data::Samples;
use crate::tables;

/// Those a program could choose that sleeps: the floor and a spin of the same calls would
/// tie everywhere.
fn is_choice(samples: &Samples) -> bool {
    !matches!(
        samples.contestant.as_str(),
        "raw" | "busy" | "sweep" | "adaptive"
    )
}

/// The share that is active, in thousandths.
fn share(cell: &Cell) -> usize {
    (1000.0 * cell.a().unwrap_or(1) as f64 / cell.n() as f64).round() as usize
}

/// The map.
pub(super) fn heat(label: &str, cells: &[&Cell]) -> String {
    let sizes: BTreeSet<usize> = cells.iter().map(|cell| cell.n()).collect();
    let shares: BTreeSet<usize> = cells.iter().map(|cell| share(cell)).collect();
    let format = |format: Format| {
        let left = 56.0;
        let size = ((format.width() - left) / sizes.len().max(1) as f64, 58.0);
        let bottom = 8.0 + size.1 * shares.len() as f64;
        let mut drawing = Drawing::new(format, bottom + 46.0);
        for (row, share) in shares.iter().rev().enumerate() {
            let middle = 8.0 + (row as f64 + 0.5) * size.1;
            drawing.text("tick e", (left - 8.0, middle + 4.0), &percent(*share));
        }
        for (column, n) in sizes.iter().enumerate() {
            let middle = left + (column as f64 + 0.5) * size.0;
            drawing.text("tick m", (middle, bottom + 18.0), &n.to_string());
        }
        drawing.text(
            "axis m",
            (f64::midpoint(left, format.width()), bottom + 38.0),
            "descriptors N",
        );
        for cell in cells {
            let column = sizes.iter().position(|n| *n == cell.n()).unwrap_or(0) as f64;
            let row = shares
                .iter()
                .rev()
                .position(|it| *it == share(cell))
                .unwrap_or(0) as f64;
            tile(
                &mut drawing,
                cell,
                (left + column * size.0, 8.0 + row * size.1),
                size,
            );
        }
        drawing.finish(label)
    };
    Format::BOTH.iter().map(|one| format(*one)).collect()
}

fn percent(thousandths: usize) -> String {
    match thousandths % 10 {
        0 => format!("{} %", thousandths / 10),
        _ => format!("{:.1} %", thousandths as f64 / 10.0),
    }
}

fn tile(drawing: &mut Drawing, cell: &Cell, at: (f64, f64), size: (f64, f64)) {
    let tied = cell.tied_among(is_choice);
    let Some(lowest) = tied.first() else {
        return;
    };
    let names: Vec<&str> = tied.iter().map(|one| one.contestant.as_str()).collect();
    let next = cell
        .entered()
        .filter(|one| is_choice(one) && !names.contains(&one.contestant.as_str()))
        .map(|one| median(one) / median(lowest))
        .fold(f64::INFINITY, f64::min);
    let margin = match next.is_finite() {
        true => format!("next {}×", tables::ratio(next)),
        false => String::new(),
    };
    let kind = match names.len() {
        1 => format!("tile {}", class(&lowest.contestant)),
        _ => "tile tie".to_owned(),
    };
    let title = format!("{}: {} {margin}", cell.number(), names.join(", "));
    drawing.rect(
        &kind,
        (at.0 + 1.5, at.1 + 1.5),
        (size.0 - 3.0, size.1 - 3.0),
        &title,
    );
    let (words, margin) = match names.as_slice() {
        // Side by side they would leave the tile.
        [one, other] if size.0 < 110.0 => (format!("{one} ≈"), (*other).to_owned()),
        _ => (in_words(&names), margin),
    };
    let middle = at.0 + size.0 / 2.0;
    drawing.text("tile-name m", (middle, at.1 + 27.0), &words);
    drawing.text("tile-note m", (middle, at.1 + 44.0), &margin);
}

fn in_words(names: &[&str]) -> String {
    match names {
        [one] => (*one).to_owned(),
        [one, other] => format!("{one} ≈ {other}"),
        several => format!("{} tie", several.len()),
    }
}
