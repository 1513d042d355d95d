//! The tables under the figures.

use std::fmt::Write;

use super::paper::escaped;
use super::words::{figure, time};
use crate::instrument::cell::{Cell, cpu, median, spread};
use crate::instrument::data::Measure;
use crate::instrument::literature::{Row, beside};
use crate::instrument::terminal::{batch, contestants, mark};
use crate::tables::ratio;

/// Ratios to the lowest of each column.
pub(super) fn ratios(cells: &[&Cell]) -> String {
    let mut html = String::from("<div class=\"scroll\"><table><thead><tr><th></th>");
    for cell in cells {
        let _ = write!(html, "<th>{}</th>", escaped(cell.number()));
    }
    html.push_str("</tr></thead><tbody>");
    for name in contestants(cells) {
        let _ = write!(html, "<tr><th>{}</th>", escaped(&name));
        for cell in cells {
            let text = cell
                .of(&name)
                .map_or(String::new(), |samples| mark(cell, samples));
            let is_low = cell.of(&name).is_some_and(|it| {
                cell.tied()
                    .iter()
                    .any(|tied| tied.contestant == it.contestant)
            });
            let class = if is_low { " class=\"low\"" } else { "" };
            let _ = write!(html, "<td{class}>{text}</td>");
        }
        html.push_str("</tr>");
    }
    if cells.iter().all(|cell| cell.measure() == Measure::Bytes) {
        return html + "</tbody></table></div>"; // counts, which have neither noise nor ratios
    }
    html.push_str("</tbody><tfoot><tr><th>lowest</th>");
    for cell in cells {
        let _ = write!(
            html,
            "<td>{}</td>",
            figure(cell.measure(), median(cell.lowest()))
        );
    }
    html.push_str("</tr><tr><th>noise</th>");
    for cell in cells {
        let _ = write!(html, "<td>±{:.0} %</td>", cell.noise() * 100.0);
    }
    html.push_str("</tr></tfoot></table></div>");
    html
}

/// What others measured beside what was measured here, and what a wait finds where that
/// depends on how long it takes; nothing elsewhere.
pub(super) fn besides(cells: &[&Cell]) -> String {
    let is_paced = cells.first().is_some_and(|cell| cell.scenario() == "banga");
    let batches = contestants(cells).into_iter().map(|name| Row {
        figures: cells.iter().map(|cell| batch(cell, &name)).collect(),
        head: name,
    });
    let (corner, rows) = match is_paced {
        true => ("events a wait", batches.collect()),
        false => ("ratio", beside(cells)),
    };
    if rows.is_empty() {
        return String::new();
    }
    let mut html = format!("<div class=\"scroll\"><table><thead><tr><th>{corner}</th>");
    for cell in cells {
        let _ = write!(html, "<th>{}</th>", escaped(cell.number()));
    }
    html.push_str("</tr></thead><tbody>");
    for row in rows {
        let _ = write!(html, "<tr><th>{}</th>", escaped(&row.head));
        for figure in &row.figures {
            let _ = write!(html, "<td>{}</td>", escaped(figure));
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></div>");
    html
}

/// Everything of each contestant.
pub(super) fn everything(cells: &[&Cell]) -> String {
    let mut html = String::from(
        "<details><summary>Every figure: spread, processor time, system calls, context switches\
         </summary><div class=\"scroll\"><table><thead><tr><th>cell</th><th>who</th><th>median</th>\
         <th>95 % between</th><th>ratio</th><th>CPU</th><th>waits</th><th>changes</th>\
         <th>events a wait</th><th>sleeps</th><th>taken away</th></tr></thead><tbody>",
    );
    let count = |count: Option<f64>| count.map_or("–".to_owned(), ratio);
    for cell in cells {
        for samples in cell.entered() {
            let figures = spread(samples);
            let show = |value: f64| figure(samples.measure, value);
            let counts = samples.counts;
            let fields = [
                show(figures.median),
                format!("{} … {}", show(figures.low), show(figures.high)),
                mark(cell, samples),
                cpu(samples).map_or("–".to_owned(), |cpu| time(cpu.median)),
                count(counts.wait_calls),
                count(counts.control_calls),
                count(counts.events_a_wait),
                ratio(counts.voluntary_switches),
                ratio(counts.involuntary_switches),
            ];
            let _ = write!(
                html,
                "<tr><th>{}</th><th>{}</th>",
                escaped(cell.number()),
                escaped(&samples.contestant)
            );
            for field in fields {
                let _ = write!(html, "<td>{field}</td>");
            }
            html.push_str("</tr>");
        }
    }
    html.push_str("</tbody></table></div><p class=\"small\">A unit's. waits and changes: system calls that ask, and that \
        change what is watched, exactly counted; – where a contestant does not count. sleeps: voluntary \
        context switches; taken away: involuntary ones, which are other work on the machine.</p></details>");
    html
}

/// So many rows are not in the way of a reader.
const FEW_ROWS: usize = 12;

/// Percentiles of latencies, folded where they are many.
pub(super) fn percentiles(cells: &[&Cell]) -> String {
    let rows = cells.iter().flat_map(|cell| cell.entered());
    let rows = rows.filter(|samples| samples.latency.is_some()).count();
    let table = percentile_rows(cells);
    match rows {
        0 => String::new(),
        1..=FEW_ROWS => table,
        _ => format!("<details><summary>Percentiles</summary>{table}</details>"),
    }
}

fn percentile_rows(cells: &[&Cell]) -> String {
    let mut html = String::from(
        "<div class=\"scroll\"><table><thead><tr><th>cell</th><th>who</th><th>count</th><th>min</th><th>50 %</th>\
         <th>90 %</th><th>99 %</th><th>99.9 %</th><th>max</th></tr></thead><tbody>",
    );
    for cell in cells {
        for samples in cell.entered() {
            let Some(told) = samples.latency else {
                continue;
            };
            let at = |value: u64| time(value as f64);
            let _ = write!(
                html,
                "<tr><th>{}</th><th>{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escaped(cell.number()),
                escaped(&samples.contestant),
                told.count,
                at(told.min),
                at(told.p50),
                at(told.p90),
                at(told.p99),
                at(told.p999),
                at(told.max)
            );
        }
    }
    html.push_str("</tbody></table></div>");
    html
}
