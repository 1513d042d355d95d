//! The sections of the page: a question, its figure, its tables.

use super::bars::{bars, ratios};
use super::curves::{Curve, Frame, Point, curves};
use super::heat::heat;
use super::tables;
use super::words::{figure, time_mark};
use crate::Entrant;
use crate::instrument::cell::{Cell, median, spread};
use crate::instrument::data::Samples;
use crate::instrument::groups::{about, title};
use crate::instrument::run::Run;
use crate::instrument::terminal::{contestants, crossing};

/// A part of the page.
#[derive(Clone, Debug)]
pub(super) struct Section {
    /// The anchor.
    pub(super) id: String,
    /// The question.
    pub(super) heading: String,
    /// The drawing, the words and the tables, as HTML.
    pub(super) html: String,
}

/// All sections that the run has data for, in the order of reading.
pub(super) fn sections(run: &Run) -> Vec<Section> {
    let mut sections = Vec::new();
    sections.extend(map(run));
    for group in run.groups() {
        let cells: Vec<&Cell> = run.group(group).collect();
        sections.push(match group {
            "one_ready" | "all_ready" | "kerrisk" if cells.len() > 1 => over_n(group, &cells),
            "active_share" => over_share(group, &cells),
            "round_trip" => latencies(group, &cells),
            "timeouts" if cells.len() > 1 => lateness(group, &cells),
            "waiting" | "memory" => plain(group, &cells),
            _ => rows(group, &cells),
        });
    }
    sections
}

fn section(group: &str, drawing: String, caption: &str, cells: &[&Cell]) -> Section {
    let asked = about(group);
    let source = asked.source.map_or(String::new(), |source| {
        format!("<p class=\"source\">{source}</p>")
    });
    Section {
        id: group.replace('_', "-"),
        heading: asked.question.to_owned(),
        html: format!(
            "<p>{}</p>{source}<figure>{drawing}<figcaption>{caption}</figcaption></figure>{}{}{}{}",
            asked.unit,
            tables::ratios(cells),
            tables::besides(cells),
            tables::percentiles(cells),
            tables::everything(cells)
        ),
    }
}

/// A line a contestant, each point made of a cell and its samples.
fn lines(cells: &[&Cell], point: impl Fn(&Cell, &Samples) -> Option<Point>) -> Vec<Curve> {
    let line = |name: String| {
        let points = cells.iter().filter_map(|cell| point(cell, cell.of(&name)?));
        let points: Vec<Point> = points.collect();
        Curve { name, points }
    };
    let all = contestants(cells).into_iter().map(line);
    all.filter(|curve| !curve.points.is_empty()).collect()
}

fn marks(values: impl Iterator<Item = usize>) -> Vec<(f64, String)> {
    values
        .map(|value| (value as f64, value.to_string()))
        .collect()
}

fn over_n(group: &str, cells: &[&Cell]) -> Section {
    let point = |cell: &Cell, samples: &Samples| {
        let at = spread(samples);
        Some(Point {
            x: cell.n() as f64,
            y: at.median,
            low: at.low,
            high: at.high,
        })
    };
    let default = Entrant::DEFAULT.name();
    let range = crossing(cells, "poll", default).and_then(|(last, first)| {
        Some((
            last? as f64,
            first? as f64,
            format!("poll, {default}: crossover"),
        ))
    });
    let frame = Frame {
        label: title(group),
        x: "descriptors N",
        y: "time a unit",
        marks: marks(cells.iter().map(|cell| cell.n())),
        range,
    };
    let caption = "Medians, with the range in which each lies with 95 % confidence as a band. \
        Both axes are logarithmic. A crossover is a range: the last N at which one is not clearly \
        slower, and the first from which on it is.";
    section(group, curves(&frame, &lines(cells, point)), caption, cells)
}

fn over_share(group: &str, cells: &[&Cell]) -> Section {
    let mut sizes: Vec<usize> = cells.iter().map(|cell| cell.n()).collect();
    sizes.dedup();
    let mut drawings = String::new();
    for n in sizes {
        let row: Vec<&Cell> = cells.iter().copied().filter(|cell| cell.n() == n).collect();
        if row.len() < 2 {
            continue;
        }
        let share = |cell: &Cell| 100.0 * cell.a().unwrap_or(1) as f64 / cell.n() as f64;
        let point = |cell: &Cell, samples: &Samples| {
            let at = spread(samples);
            Some(Point {
                x: share(cell),
                y: at.median,
                low: at.low,
                high: at.high,
            })
        };
        let x = format!("share of {n} descriptors that is active");
        let label = format!("{}, N = {n}", title(group));
        let frame = Frame {
            label: &label,
            x: &x,
            y: "time an event",
            marks: row
                .iter()
                .map(|cell| (share(cell), format!("{} %", share(cell))))
                .collect(),
            range: None,
        };
        drawings.push_str(&curves(&frame, &lines(&row, point)));
    }
    let caption = "Cost of an event, by N. The more descriptors are active, the less the idle ones \
        that select and poll look at cost each event.";
    section(group, drawings, caption, cells)
}

/// Percentiles from left to right, as the tail has it.
fn latencies(group: &str, cells: &[&Cell]) -> Section {
    let mut lines = Vec::new();
    for samples in cells.iter().flat_map(|cell| cell.entered()) {
        let Some(told) = samples.latency else {
            continue;
        };
        // From the right the distance to certainty: 50 % is 1 in 2, 99.9 % is 1 in 1000.
        let points = [
            (2.0, told.p50),
            (10.0, told.p90),
            (100.0, told.p99),
            (1000.0, told.p999),
        ];
        let point = |(x, ns): (f64, u64)| {
            let y = ns as f64;
            Point {
                x,
                y,
                low: y,
                high: y,
            }
        };
        lines.push(Curve {
            name: samples.contestant.clone(),
            points: points.map(point).to_vec(),
        });
    }
    let marks = [
        (2.0, "50 %"),
        (10.0, "90 %"),
        (100.0, "99 %"),
        (1000.0, "99.9 %"),
    ];
    let frame = Frame {
        label: title(group),
        x: "so many are answered within",
        y: "latency",
        marks: marks.map(|(at, text)| (at, text.to_owned())).to_vec(),
        range: None,
    };
    let caption = "Percentiles of single round trips, from a histogram with three digits. What spins \
        answers at once and keeps a processor busy; what sleeps pays for two wake-ups.";
    section(group, curves(&frame, &lines), caption, cells)
}

fn lateness(group: &str, cells: &[&Cell]) -> Section {
    let asked = |cell: &Cell| -> f64 {
        let text = cell.number();
        let digits = text.trim_end_matches(char::is_alphabetic);
        let scale = if text.ends_with("us") { 1e3 } else { 1e6 };
        digits.parse::<f64>().unwrap_or(1.0) * scale
    };
    let point = |cell: &Cell, samples: &Samples| {
        let at = spread(samples);
        let least = |value: f64| value.max(100.0);
        Some(Point {
            x: asked(cell),
            y: least(at.median),
            low: least(at.low),
            high: least(at.high),
        })
    };
    let frame = Frame {
        label: title(group),
        x: "timeout asked for",
        y: "late by",
        marks: cells
            .iter()
            .map(|cell| (asked(cell), time_mark(asked(cell))))
            .collect(),
        range: None,
    };
    let caption = "By how much a wait that times out is late; none was early. The kernel adds the \
        thread's timer slack, 50 µs unless set; a timeout in whole milliseconds adds up to one more.";
    section(group, curves(&frame, &lines(cells, point)), caption, cells)
}

fn plain(group: &str, cells: &[&Cell]) -> Section {
    let mut drawings = String::new();
    for cell in cells {
        let mut sorted: Vec<&Samples> = cell.entered().collect();
        sorted.sort_by(|one, other| median(one).total_cmp(&median(other)));
        let row = |samples: &&Samples| {
            let kernel = samples
                .kernel_bytes
                .map_or(String::new(), |bytes| format!(" + {bytes:.0} in kernel"));
            let words = format!("{}{kernel}", figure(samples.measure, median(samples)));
            (samples.contestant.clone(), median(samples), words)
        };
        let rows: Vec<_> = sorted.iter().map(row).collect();
        let label = format!("{} {}", title(group), cell.number());
        drawings.push_str(&format!("<p class=\"small\">{}</p>", cell.number()));
        drawings.push_str(&bars(&label, &rows));
    }
    section(group, drawings, about(group).caption, cells)
}

fn rows(group: &str, cells: &[&Cell]) -> Section {
    let caption = "Each contestant's time over the lowest of its cell, round by round: the median, and \
        the range in which it lies with 95 % confidence. The grey strip is the noise: what differs by \
        less is marked ≈.";
    section(group, ratios(title(group), cells), caption, cells)
}

fn map(run: &Run) -> Option<Section> {
    let cells: Vec<&Cell> = run.group("active_share").collect();
    if cells.len() < 4 {
        return None;
    }
    let drawing = heat(
        "the mechanism that wins, over N and the share that is active",
        &cells,
    );
    Some(Section {
        id: "map".to_owned(),
        heading: "Which mechanism wins where?".to_owned(),
        html: format!(
            "<p>The cheapest an event among the mechanisms that sleep, over the number of descriptors \
             and the share of them that is active. Below it, how many times as much the best of the \
             others costs.</p><figure>{drawing}<figcaption>Grey is a tie: the difference lies inside \
             the noise of its cell. The raw loop and what spins are left out, since they make the same \
             system calls as epoll. The figures are those of <a href=\"#active-share\">active shares\
             </a>.</figcaption></figure>"
        ),
    })
}
