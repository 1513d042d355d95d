//! Lines over a logarithmic axis, with their ranges as bands.

use super::paper::{Axis, Drawing, Format, apart};
use super::words::{class, time, time_mark};

/// A contestant's line.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    pub(super) name: String,
    /// Where, how much, and the range of the latter.
    pub(super) points: Vec<Point>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// What the lines are drawn over.
#[derive(Clone, Debug)]
pub(super) struct Frame<'a> {
    /// What the drawing shows, in words.
    pub(super) label: &'a str,
    /// What is from left to right.
    pub(super) x: &'a str,
    /// What is from bottom to top; nanoseconds.
    pub(super) y: &'a str,
    /// The marks from left to right.
    pub(super) marks: Vec<(f64, String)>,
    /// A range that is marked, with its words.
    pub(super) range: Option<(f64, f64, String)>,
}

/// Room around the plot.
struct Room {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

const fn room(format: Format) -> Room {
    match format {
        Format::Wide => Room {
            left: 66.0,
            right: 92.0,
            top: 34.0,
            bottom: 48.0,
        },
        Format::Narrow => Room {
            left: 48.0,
            right: 72.0,
            top: 34.0,
            bottom: 44.0,
        },
    }
}

/// The lines, for wide and narrow screens.
pub(super) fn curves(frame: &Frame<'_>, curves: &[Curve]) -> String {
    Format::BOTH
        .iter()
        .map(|format| draw(*format, frame, curves))
        .collect()
}

fn draw(format: Format, frame: &Frame<'_>, curves: &[Curve]) -> String {
    let height = match format {
        Format::Wide => 420.0,
        Format::Narrow => 360.0,
    };
    let room = room(format);
    let mut drawing = Drawing::new(format, height);
    let (right, bottom) = (format.width() - room.right, height - room.bottom);
    let marks = frame.marks.iter().map(|(value, _)| *value);
    let x = Axis::log(marks, room.left + 10.0, right - 10.0, 1.0);
    let values = curves
        .iter()
        .flat_map(|curve| &curve.points)
        .flat_map(|point| [point.low, point.high]);
    let y = Axis::log(values, bottom, room.top, 1.15);
    for tick in y.ticks() {
        drawing.line("grid", (room.left, y.at(tick)), (right, y.at(tick)));
        drawing.text(
            "tick e",
            (room.left - 7.0, y.at(tick) + 4.0),
            &time_mark(tick),
        );
    }
    let mut free = f64::MIN;
    for (value, text) in &frame.marks {
        let at = x.at(*value);
        drawing.line("mark", (at, bottom), (at, bottom + 4.0));
        if at - free > text.chars().count() as f64 * 8.0 + 4.0 {
            drawing.text("tick m", (at, bottom + 18.0), text);
            free = at;
        }
    }
    drawing.text(
        "axis m",
        (f64::midpoint(room.left, right), height - 8.0),
        frame.x,
    );
    drawing.text("axis s", (4.0, 16.0), frame.y);
    if let Some((from, to, words)) = &frame.range {
        let (from, to) = (x.at(*from), x.at(*to));
        drawing.rect(
            "range",
            (from, room.top),
            ((to - from).max(2.0), bottom - room.top),
            words,
        );
        drawing.text("note s", (from + 5.0, room.top + 13.0), words);
    }
    for curve in curves {
        lines(&mut drawing, curve, &x, &y);
    }
    names(&mut drawing, curves, &y, (right, room.top, bottom));
    drawing.finish(frame.label)
}

fn lines(drawing: &mut Drawing, curve: &Curve, x: &Axis, y: &Axis) {
    let class = class(&curve.name);
    let upper = curve
        .points
        .iter()
        .map(|point| (x.at(point.x), y.at(point.high)));
    let lower = curve
        .points
        .iter()
        .rev()
        .map(|point| (x.at(point.x), y.at(point.low)));
    let band: Vec<(f64, f64)> = upper.chain(lower).collect();
    drawing.path(&format!("band {class}"), &band, true);
    let line: Vec<(f64, f64)> = curve
        .points
        .iter()
        .map(|point| (x.at(point.x), y.at(point.y)))
        .collect();
    drawing.path(&format!("line {class}"), &line, false);
    for (point, at) in curve.points.iter().zip(&line) {
        let (low, high) = (time(point.low), time(point.high));
        let title = format!(
            "{}: {}, between {low} and {high}",
            curve.name,
            time(point.y)
        );
        drawing.dot(&format!("dot {class}"), *at, &title);
    }
}

/// The names, beside the ends of the lines.
fn names(drawing: &mut Drawing, curves: &[Curve], y: &Axis, edge: (f64, f64, f64)) {
    let (right, top, bottom) = edge;
    let ends: Vec<(&str, f64)> = curves
        .iter()
        .filter_map(|curve| Some((curve.name.as_str(), y.at(curve.points.last()?.y))))
        .collect();
    let mut places: Vec<f64> = ends.iter().map(|(_, at)| *at).collect();
    apart(&mut places, 15.0, top, bottom);
    for ((name, at), place) in ends.iter().zip(places) {
        let class = class(name);
        drawing.line(
            &format!("lead {class}"),
            (right - 8.0, *at),
            (right + 4.0, place),
        );
        drawing.text(&format!("name s {class}"), (right + 7.0, place + 4.0), name);
    }
}
