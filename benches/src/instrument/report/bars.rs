//! Rows of contestants: ratios with their ranges over the noise, or plain bars.

use super::paper::{Axis, Drawing, Format};
use super::words::class;
use crate::instrument::cell::{Cell, Standing, ratio};
use crate::instrument::data::Samples;
use crate::tables;

const ROW: f64 = 22.0;

/// Room for a mark on the axis, such as `100×`.
const TICK: f64 = 38.0;

/// How wide a letter is, roughly.
const LETTER: f64 = 7.2;

/// Room at the left for names.
const fn names(format: Format) -> f64 {
    match format {
        Format::Wide => 128.0,
        Format::Narrow => 104.0,
    }
}

/// Cells beside one another: each contestant's ratio to the lowest, with its range, over the
/// noise.
pub(super) fn ratios(label: &str, cells: &[&Cell]) -> String {
    let format = |format: Format| {
        let rows: f64 = cells
            .iter()
            .map(|cell| cell.entered().count() as f64 + 1.6)
            .sum();
        let mut drawing = Drawing::new(format, rows * ROW + 34.0);
        let values = cells
            .iter()
            .flat_map(|cell| cell.entered().map(|one| ratio(one, cell.lowest()).high));
        let values = values.chain([1.0, 1.5]).map(|value| value.max(1.0));
        let (left, right) = (names(format), format.width() - 64.0);
        let x = Axis::log(values, left + 6.0, right, 1.02);
        let bottom = rows * ROW + 6.0;
        let mut free = f64::MIN;
        for tick in x.ticks() {
            let at = x.at(tick);
            drawing.line("grid", (at, 8.0), (at, bottom));
            if at >= free {
                let text = format!("{}×", trimmed(tick));
                drawing.text("tick m", (at, bottom + 16.0), &text);
                free = at + TICK;
            }
        }
        let mut top = 8.0;
        for cell in cells {
            top = one_cell(&mut drawing, cell, &x, top);
        }
        drawing.finish(label)
    };
    Format::BOTH.iter().map(|one| format(*one)).collect()
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.1}");
    text.trim_end_matches(".0").to_owned()
}

fn one_cell(drawing: &mut Drawing, cell: &Cell, x: &Axis, top: f64) -> f64 {
    let mut sorted: Vec<&Samples> = cell.entered().collect();
    sorted.sort_by(|one, other| {
        ratio(one, cell.lowest())
            .median
            .total_cmp(&ratio(other, cell.lowest()).median)
    });
    drawing.text("head s", (0.0, top + 15.0), cell.number());
    let first = top + ROW;
    let height = sorted.len() as f64 * ROW;
    let noise = (x.at(1.0), x.at(1.0 + cell.noise()));
    let words = format!("noise ±{:.0} %", cell.noise() * 100.0);
    drawing.rect(
        "noise",
        (noise.0, first),
        (noise.1 - noise.0, height),
        &words,
    );
    for (place, samples) in sorted.iter().enumerate() {
        let middle = first + (place as f64 + 0.5) * ROW;
        let spread = ratio(samples, cell.lowest());
        let class = class(&samples.contestant);
        drawing.text("who s", (8.0, middle + 4.0), &samples.contestant);
        let (low, high) = (spread.low.max(1.0), spread.high.max(1.0));
        drawing.line(
            &format!("whisker {class}"),
            (x.at(low), middle),
            (x.at(high), middle),
        );
        let at = x.at(spread.median.max(1.0));
        let mark = match cell.standing(samples) {
            Standing::Slower(_) => tables::ratio(spread.median),
            Standing::Best => "lowest".to_owned(),
            Standing::Tied(_) => format!("≈{}", tables::ratio(spread.median)),
        };
        drawing.dot(
            &format!("dot {class}"),
            (at, middle),
            &format!("{} {mark}", samples.contestant),
        );
        drawing.text("value s", (x.at(high) + 8.0, middle + 4.0), &mark);
    }
    first + height + 0.6 * ROW
}

/// A row a name: a value and its words.
pub(super) fn bars(label: &str, rows: &[(String, f64, String)]) -> String {
    let format = |format: Format| {
        let mut drawing = Drawing::new(format, rows.len() as f64 * ROW + 16.0);
        let most = rows
            .iter()
            .map(|(_, value, _)| *value)
            .fold(f64::MIN_POSITIVE, f64::max);
        let longest = rows.iter().map(|(_, _, words)| words.chars().count()).max();
        let room = 12.0 + LETTER * longest.unwrap_or(0) as f64;
        let x = Axis::plain(most, names(format), format.width() - room);
        for (place, (name, value, words)) in rows.iter().enumerate() {
            let top = 8.0 + place as f64 * ROW;
            let class = class(name);
            drawing.text("who s", (0.0, top + 15.0), name);
            let width = (x.at(*value) - x.at(0.0)).max(1.5);
            drawing.rect(
                &format!("bar {class}"),
                (x.at(0.0), top + 3.0),
                (width, ROW - 6.0),
                words,
            );
            drawing.text("value s", (x.at(*value) + 8.0, top + 15.0), words);
        }
        drawing.finish(label)
    };
    Format::BOTH.iter().map(|one| format(*one)).collect()
}
