//! Whether the glossaries say the same, and what the chapters say.

use std::collections::BTreeSet;

use crate::{LANGUAGES, Result, read, text_of};

const NAME: &str = "glossary.md";

/// A row of a glossary: its terms, the same in the other language, the chapters.
struct Row<'a> {
    own: &'a str,
    other: &'a str,
    chapters: Vec<&'a str>,
}

/// What is wrong with the glossaries.
pub(crate) fn faults() -> Result<Vec<String>> {
    let [english, korean] = [read_glossary(0)?, read_glossary(1)?];
    let [english, korean] = [rows(&english), rows(&korean)];
    let mut faults = differences(&english, &korean);
    for (language, rows) in LANGUAGES.iter().zip([&english, &korean]) {
        let mut found = unsorted(rows);
        for row in rows {
            for chapter in &row.chapters {
                if !mentions(&read(&text_of(language).join(chapter))?, row.own) {
                    found.push(format!("{chapter} does not say {:?}", row.own));
                }
            }
        }
        faults.extend(
            found
                .iter()
                .map(|fault| format!("{language}/{NAME}: {fault}")),
        );
    }
    Ok(faults)
}

/// Terms that a Korean text explains, in stars before the English in brackets, and that
/// stand in no row of the glossary.
pub(crate) fn unlisted(text: &str) -> Result<Vec<String>> {
    let glossary = read_glossary(1)?;
    let rows = rows(&glossary);
    let listed: BTreeSet<String> = rows.iter().flat_map(|row| terms(row.other)).collect();
    let explained = text.match_indices("*(").filter_map(|(index, _)| {
        let (term, _) = text[index + 2..].split_once(')')?;
        let is_english = |c: char| c.is_ascii_lowercase() || matches!(c, ' ' | '-');
        (!term.is_empty() && term.chars().all(is_english)).then_some(term)
    });
    let explained = explained.filter(|term| !listed.contains(*term));
    Ok(explained
        .map(|term| format!("explains {term:?}, which the glossary does not have"))
        .collect())
}

fn read_glossary(language: usize) -> Result<String> {
    read(&text_of(LANGUAGES[language]).join(NAME))
}

fn rows(text: &str) -> Vec<Row<'_>> {
    let table = text.lines().filter(|line| line.starts_with("| "));
    let cells = table.skip(1).filter_map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [own, other, places] = cells.as_slice() else {
            return None;
        };
        Some(Row {
            own,
            other,
            chapters: crate::check::targets(places).collect(),
        })
    });
    cells.collect()
}

/// Rows that stand in one glossary only.
fn differences(english: &[Row<'_>], korean: &[Row<'_>]) -> Vec<String> {
    let of_english = english
        .iter()
        .map(|row| (row.own, row.other, &row.chapters));
    let of_korean = korean.iter().map(|row| (row.other, row.own, &row.chapters));
    let [of_english, of_korean]: [BTreeSet<_>; 2] = [of_english.collect(), of_korean.collect()];
    let odd = of_english.symmetric_difference(&of_korean);
    odd.map(|(english, korean, _)| format!("{NAME}: {english} = {korean} is not the same in both"))
        .collect()
}

fn unsorted(rows: &[Row<'_>]) -> Vec<String> {
    let pairs = rows.windows(2).filter(|pair| pair[0].own > pair[1].own);
    pairs
        .map(|pair| format!("{:?} stands before {:?}", pair[0].own, pair[1].own))
        .collect()
}

/// The terms of a cell: `hang-up, half-close (of a stream)` has two.
fn terms(cell: &str) -> Vec<String> {
    let (cell, _) = cell.split_once(" (").unwrap_or((cell, ""));
    cell.split(", ").map(str::to_lowercase).collect()
}

/// Whether a text, emphasised or not, has one of the terms.
fn mentions(text: &str, cell: &str) -> bool {
    let text = text.replace('\n', " ").replace('*', "").to_lowercase();
    terms(cell).iter().any(|term| text.contains(term.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "| a | b | c |\n|---|---|---|\n\
        | kernel | 커널 | [x](01-socket.md) |\n| wake, waking (up) | 깨우기 | [y](03-waiting.md) |\n";

    #[test]
    fn a_row_is_its_terms_and_chapters() {
        let rows = rows(TABLE);
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[1].chapters, ["03-waiting.md"]);
        assert_eq!(terms(rows[1].own), ["wake", "waking"]);
        assert!(mentions("what a\nwaking costs", rows[1].own));
        assert!(!mentions("sleep", rows[1].own));
    }

    #[test]
    fn a_row_that_only_one_language_has_is_found() {
        let korean = "| b | a | c |\n|---|---|---|\n| 커널 | kernel | [x](01-socket.md) |\n";
        assert_eq!(differences(&rows(TABLE), &rows(korean)).len(), 1);
    }

    #[test]
    fn rows_out_of_order_and_terms_without_a_row_are_found() {
        let mut rows = rows(TABLE);
        rows.reverse();
        assert_eq!(unsorted(&rows).len(), 1);
        assert_eq!(unlisted("*커널*(kernel), *딴것*(quux)").unwrap().len(), 1);
    }
}
