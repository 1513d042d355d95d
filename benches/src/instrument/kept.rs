//! What is kept in `benches/record/` beside the raw data, all made from it.

use std::io;

use super::run::Run;
use super::{csv, report, terminal};

/// Files by name: medians, tables and the page.
///
/// # Errors
///
/// Never: writing to memory succeeds.
pub fn made_from(run: &Run) -> io::Result<[(&'static str, String); 3]> {
    let mut rows = Vec::new();
    csv::write(run, &mut rows)?;
    let rows = String::from_utf8(rows).map_err(io::Error::other)?;
    Ok([
        ("compare.csv", rows),
        ("compare.md", tables(run)),
        ("compare.html", report::page(run)),
    ])
}

/// The first question's tables, for the README.
#[must_use]
pub fn excerpt(run: &Run) -> String {
    let of = &run.environment;
    let tables = terminal::tables(run);
    let is_title = |line: &&str| !line.is_empty() && !line.starts_with('|');
    let title = tables.lines().find(is_title).unwrap_or_default();
    let rows = tables.lines().skip_while(|line| !line.starts_with('|'));
    let rows: Vec<&str> = rows.take_while(|line| !is_title(line)).collect();
    format!(
        "{}, {} cores, {}:\n\
         `cargo run --release -p waitset-bench -- compare --full`,\n\
         {title}, N from left to right.\n\
         Each time is a ratio to the lowest of its column; ≈ is inside the noise.\n\n{}\n\n\
         [All of it](benches/record/compare.md)\n",
        of.processor,
        of.cores,
        of.kernel,
        rows.join("\n").trim_end()
    )
}

/// The tables as a page of Markdown, which they are already.
fn tables(run: &Run) -> String {
    let of = &run.environment;
    let mut text = format!(
        "# A full run\n\n{}, {} cores, {}, {} descriptors; commit {}.\n\n```text\n{}\n```\n",
        of.processor,
        of.cores,
        of.kernel,
        of.descriptors_hard,
        of.commit,
        of.command.join(" ").replace(" && ", "\n")
    );
    for line in terminal::tables(run).lines() {
        let is_title = !line.is_empty() && !line.starts_with('|') && line.contains('(');
        text.push_str(if is_title { "\n## " } else { "" });
        text.push_str(line);
        text.push('\n');
        text.push_str(if is_title { "\n" } else { "" });
    }
    text
}
