//! What chapters quote from the recorded comparison, `benches/record/compare.md`.
//!
//! A section there is a heading, tables, and for some questions a paragraph that begins
//! with `Crossover: `.

use std::fmt::Write;

use crate::{Result, docs, read};

const CROSSOVER: &str = "Crossover: ";

fn record() -> Result<String> {
    let root = docs().parent().unwrap_or(docs());
    read(&root.join("benches/record/compare.md"))
}

/// The tables of the question whose heading begins with `title`.
pub(crate) fn tables(title: &str) -> Result<String> {
    let record = record()?;
    let mut sections = sections(&record).filter(|(heading, _)| heading.starts_with(title));
    let (Some((_, body)), None) = (sections.next(), sections.next()) else {
        return Err(format!("the record has no one question {title:?}"));
    };
    let lines = body
        .lines()
        .filter(|line| line.is_empty() || line.starts_with('|'));
    let tables = lines.collect::<Vec<_>>().join("\n");
    Ok(format!("\n{}\n\n", tables.trim()))
}

/// Where poll falls behind epoll, a line or two for each question that has the answer.
pub(crate) fn crossovers() -> Result<String> {
    let record = record()?;
    let mut text = String::new();
    for (heading, body) in sections(&record) {
        if let Some(said) = crossover(body) {
            let _ = writeln!(text, "{heading}:\n    {said}");
        }
    }
    Ok(text)
}

/// How many descriptors, one of them ready, poll waits for without being clearly slower
/// than epoll, and from how many on it is slower.
pub(crate) fn crossover_of_one() -> Result<(u32, u32)> {
    let record = record()?;
    let said = sections(&record)
        .find(|(heading, _)| heading.starts_with("one of N is ready"))
        .and_then(|(_, body)| crossover(body))
        .ok_or("the record has no crossover for one of N")?;
    let number = |word: &str| word.trim_matches(',').parse().ok();
    let numbers: Vec<u32> = said.split(' ').filter_map(number).collect();
    match numbers.as_slice() {
        [last, first] => Ok((*last, *first)),
        _ => Err(format!("no two numbers in {said:?}")),
    }
}

fn sections(record: &str) -> impl Iterator<Item = (&str, &str)> {
    let pieces = record.split("\n## ").skip(1);
    pieces.filter_map(|piece| piece.split_once('\n'))
}

/// The sentence on the crossover in a section, in one line.
fn crossover(body: &str) -> Option<String> {
    let (_, rest) = body.split_once(CROSSOVER)?;
    let (said, _) = rest.split_once("\n\n").unwrap_or((rest, ""));
    Some(said.trim().replace('\n', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_of_the_record_gives_its_tables_alone() {
        let tables = tables("one of N is ready").unwrap();
        assert!(tables.contains("| poll "), "{tables}");
        assert!(!tables.contains(CROSSOVER), "{tables}");
        assert!(
            tables
                .lines()
                .all(|line| line.is_empty() || line.starts_with('|'))
        );
        assert!(super::tables("what nobody asked").is_err());
    }

    #[test]
    fn a_crossover_is_two_numbers_of_descriptors() {
        let (last, first) = crossover_of_one().unwrap();
        assert!(last < first, "{last} {first}");
        assert!(crossovers().unwrap().contains(&format!("N = {last}")));
    }
}
