//! The page.

use std::fmt::Write;

use super::figures::{Section, sections};
use super::paper::escaped;
use super::words::{count, time};
use crate::instrument::cell::{Cell, median};
use crate::instrument::run::Run;
use crate::tables::ratio;

/// The whole page of a run.
#[must_use]
pub fn page(run: &Run) -> String {
    let sections = sections(run);
    let style = include_str!("page.css");
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>waitset: ways to wait, measured</title><style>{style}</style></head><body>\
         <header><p class=\"over\">waitset</p><h1>Ways to wait for many descriptors, measured</h1>{}</header>\
         <nav aria-label=\"contents\"><ol>{}</ol></nav><main>{}",
        subtitle(run),
        contents(&sections),
        findings(run)
    );
    for section in &sections {
        let Section {
            id,
            heading,
            html: body,
        } = section;
        let _ = write!(
            html,
            "<section id=\"{id}\"><h2><a href=\"#{id}\">{}</a></h2>{body}</section>",
            escaped(heading)
        );
    }
    html.push_str(&left_out(run));
    html.push_str(METHOD);
    html.push_str(&environment(run));
    html.push_str("</main></body></html>\n");
    html
}

fn subtitle(run: &Run) -> String {
    let of = &run.environment;
    let took = run
        .end
        .map_or(", cut off".to_owned(), |end| match end.is_complete {
            true => format!(" in {:.0} s", end.seconds),
            false => format!(" in {:.0} s, cut off", end.seconds),
        });
    format!(
        "<p class=\"sub\">{}, {}, {}. {}{took}. Every figure is a ratio with its noise; absolute \
         times are this machine's and drift.</p>",
        escaped(&of.processor),
        count(of.cores, "core"),
        escaped(&of.kernel),
        count(run.cells.len(), "cell"),
    )
}

fn contents(sections: &[Section]) -> String {
    let items = sections
        .iter()
        .map(|one| (one.id.as_str(), one.heading.as_str()));
    let rest = [
        ("method", "How it was measured"),
        ("biases", "Biases"),
        ("environment", "Where"),
    ];
    let item =
        |(id, text): (&str, &str)| format!("<li><a href=\"#{id}\">{}</a></li>", escaped(text));
    items.chain(rest).map(item).collect()
}

/// What the run says at a glance, in sentences made from its cells.
fn findings(run: &Run) -> String {
    let mut told: Vec<(String, String)> = Vec::new();
    let ready: Vec<&Cell> = run.group("one_ready").collect();
    if let Some((cell, spread)) = ready
        .last()
        .and_then(|cell| Some((cell, cell.ratio("poll", "epoll")?)))
    {
        told.push((
            format!("{}×", ratio(spread.median)),
            format!(
                "is what poll costs over epoll when one of {} descriptors is ready",
                cell.n()
            ),
        ));
    }
    let all: Vec<&Cell> = run.group("all_ready").collect();
    if let Some((cell, spread)) = all
        .last()
        .and_then(|cell| Some((cell, cell.ratio("epoll", "poll")?)))
    {
        told.push((
            format!("{}×", ratio(spread.median)),
            format!(
                "is what epoll costs over poll when all of {} are ready",
                cell.n()
            ),
        ));
    }
    let trip = run.group("round_trip").next();
    if let Some((epoll, busy)) = trip.and_then(|cell| Some((cell.of("epoll")?, cell.of("busy")?))) {
        told.push((
            format!("{} or {}", time(median(busy)), time(median(epoll))),
            "is a round trip between two threads that spin, or that sleep".to_owned(),
        ));
    }
    let shown = told
        .iter()
        .map(|(number, words)| format!("<li><b>{number}</b><span>{words}</span></li>"));
    format!("<ul class=\"findings\">{}</ul>", shown.collect::<String>())
}

fn left_out(run: &Run) -> String {
    if run.skipped.is_empty() {
        return String::new();
    }
    let item = |one: &crate::instrument::data::Skipped| {
        let who = one
            .contestant
            .as_ref()
            .map_or(String::new(), |who| format!(", {who}"));
        format!(
            "<li><b>{}{}</b>: {}</li>",
            escaped(&one.cell),
            escaped(&who),
            escaped(&one.reason)
        )
    };
    let items: String = run.skipped.iter().map(item).collect();
    format!(
        "<section id=\"left-out\"><h2><a href=\"#left-out\">What was left out</a></h2><ul>{items}</ul></section>"
    )
}

const METHOD: &str = "<section id=\"method\"><h2><a href=\"#method\">How it was measured</a></h2><div class=\"box\"><ul>\
<li>All contestants of a cell take turns in slices of a millisecond or a few, in rounds, in an order that is \
shuffled for each round. A ratio is made round by round, of slices that saw the same machine.</li>\
<li>One of them takes part twice, under two names. As far as it seems to be from itself, so far must others be \
from each other to be told apart; and by 3 % at least.</li>\
<li>A figure is a median. Its range is the binomial interval between two order statistics, at 95 % confidence; \
it assumes nothing about the distribution.</li>\
<li>Answers are checked before anything is timed: every token as often as it must be, every byte back, nothing \
left over.</li>\
<li>All watch the very same descriptors, one at a time, opened before and never while the clock runs. The ready \
one is in random order.</li>\
<li>There is no overall score: which mechanism is best depends on the load.</li></ul></div></section>\
<section id=\"biases\"><h2><a href=\"#biases\">Biases that remain</a></h2><div class=\"box\"><ul>\
<li>In most cells one thread writes and waits, so nothing sleeps; a wake-up costs the same on every mechanism and \
far more than the wait. <a href=\"#round-trip\">Round trips</a> and <a href=\"#waiting\">waiting</a> show it.</li>\
<li>A unit contains the work: a read and a write of a byte, the network stack in echo. It is the same for all and \
pulls ratios towards 1.</li>\
<li>Pipes are cheap to poll, sockets less so.</li>\
<li>poll and select of this library look before they sleep, which pays where something is ready, as it is in most \
cells.</li>\
<li>mio and polling can be used from several threads at once and pay for it; these reactors belong to one.</li>\
</ul></div></section>";

fn environment(run: &Run) -> String {
    let of = &run.environment;
    let versions = of
        .versions
        .iter()
        .map(|(name, version)| format!("{name} {version}"));
    let rows = [
        ("processor", of.processor.clone()),
        ("cores", of.cores.to_string()),
        ("architecture", of.architecture.clone()),
        ("kernel", of.kernel.clone()),
        ("mitigations", of.mitigations_in_short()),
        ("governor", of.governor.clone()),
        (
            "descriptors",
            format!("{} soft, {} hard", of.descriptors_soft, of.descriptors_hard),
        ),
        ("versions", versions.collect::<Vec<_>>().join(", ")),
        ("commit", of.commit.clone()),
        ("command", of.command.join(" ")),
    ];
    let row = |(name, value): &(&str, String)| {
        format!("<tr><th>{name}</th><td>{}</td></tr>", escaped(value))
    };
    let rows: String = rows.iter().map(row).collect();
    format!(
        "<section id=\"environment\"><h2><a href=\"#environment\">Where</a></h2>\
         <div class=\"scroll\"><table class=\"facts\"><tbody>{rows}</tbody></table></div></section>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instrument::data::{Line, Samples};

    fn run() -> Run {
        let sample = |n: usize, who: &str, figure: f64| {
            Line::Samples(Samples {
                scenario: "one_ready".to_owned(),
                number: n.to_string(),
                n,
                contestant: who.to_owned(),
                figures: vec![figure; 9],
                ..Samples::default()
            })
        };
        let sizes = [1, 16, 256];
        Run::of(sizes.into_iter().flat_map(|n| {
            [
                sample(n, "poll", 100.0 * n as f64),
                sample(n, "epoll", 90.0),
            ]
        }))
    }

    #[test]
    fn the_page_needs_no_network_and_no_script() {
        let html = page(&run());
        for foreign in ["http:", "https:", "<script", "url(", "@import", "src="] {
            assert!(!html.contains(foreign), "{foreign}");
        }
    }

    #[test]
    fn every_link_within_the_page_has_its_anchor_where_the_section_is() {
        let html = page(&run());
        assert!(html.contains("id=\"one-ready\"") && html.contains("href=\"#one-ready\""));
        assert_eq!(html.matches("<svg").count(), html.matches("</svg>").count());
        assert!(html.contains("prefers-color-scheme: dark"));
    }

    #[test]
    fn a_run_of_nothing_is_a_page_too() {
        assert!(page(&Run::default()).contains("0 cells"));
    }
}
