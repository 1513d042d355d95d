//! Recorded runs: a command, and what it printed each of several times.
//!
//! `record/NAME.txt` begins with `$ COMMAND` and `runs TIMES, each within SECONDS s`; each
//! run follows a line `--- NUMBER`. A chapter shows the runs as one, in which a number
//! that differed is a range.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::println;
use crate::{Result, docs, files, named, read, sentence, write_if_changed};

/// A command and what it printed each time.
#[derive(Debug)]
pub struct Recording {
    name: String,
    command: String,
    seconds: u32,
    runs: Vec<String>,
}

impl Recording {
    /// Reads `record/NAME.txt`.
    ///
    /// # Errors
    ///
    /// If it is not there or not in the form that [`record`] writes.
    pub fn load(name: &str) -> Result<Self> {
        let path = path(name);
        let text = read(&path)?;
        parse(name, &text).ok_or_else(|| named(&path, &"not a recording"))
    }

    /// The command, as a shell takes it in the root of the repository.
    #[must_use]
    pub fn command(&self) -> &str {
        &self.command
    }

    /// The runs as one text, numbers that differ as ranges.
    ///
    /// # Errors
    ///
    /// If the runs differ in more than numbers.
    pub fn merged(&self) -> Result<String> {
        merge(&self.runs).ok_or_else(|| {
            let name = &self.name;
            format!("record/{name}.txt: the runs differ in more than numbers")
        })
    }
}

fn path(name: &str) -> PathBuf {
    docs().join("record").join(name).with_extension("txt")
}

fn parse(name: &str, text: &str) -> Option<Recording> {
    let (head, runs) = text.split_once("\n--- 1\n")?;
    let (command, bound) = head.strip_prefix("$ ")?.rsplit_once("\nruns ")?;
    let (_times, seconds) = bound.strip_suffix(" s")?.split_once(", each within ")?;
    let mut recording = Recording {
        name: name.to_owned(),
        command: command.to_owned(),
        seconds: seconds.parse().ok()?,
        runs: vec![String::new()],
    };
    for line in runs.lines() {
        if line.starts_with("--- ") {
            recording.runs.push(String::new());
        } else if let Some(run) = recording.runs.last_mut() {
            run.push_str(line);
            run.push('\n');
        }
    }
    Some(recording)
}

/// Runs a command and keeps what it prints: anew as it was recorded before, or given how
/// often, within how many seconds each, and what.
///
/// # Errors
///
/// If the command fails, takes too long, or prints a different text each time.
pub fn record(name: &str, given: Option<(u32, u32, &str)>) -> Result<()> {
    let (times, seconds, command) = match given {
        Some((times, seconds, command)) => (times, seconds, command.to_owned()),
        None => {
            let old = Recording::load(name)?;
            (old.runs.len() as u32, old.seconds, old.command)
        }
    };
    let mut text = format!("$ {command}\nruns {times}, each within {seconds} s\n");
    for number in 1..=times {
        let printed = run(&command, seconds)?;
        let _ = write!(text, "--- {number}\n{printed}");
    }
    let recording = parse(name, &text).ok_or("the command printed what a recording can't hold")?;
    fs::write(path(name), text).map_err(|error| named(&path(name), &error))?;
    println!("$ {command}\n{}", recording.merged()?);
    let machine =
        "echo $(uname -s) $(uname -r | cut -d- -f1) $(uname -m); getconf _NPROCESSORS_ONLN";
    let machine = run(machine, 10)?;
    let (kernel, processors) = machine
        .trim_end()
        .split_once('\n')
        .unwrap_or((&machine, "?"));
    let text = format!("{kernel}, {processors} processors\n");
    write_if_changed(&docs().join("record/machine.txt"), &text).map(|_| ())
}

/// Every recording, by name.
pub(crate) fn recordings() -> Result<Vec<Recording>> {
    let files = files(&docs().join("record"), "txt")?;
    let names = files.iter().filter_map(|file| file.file_stem()?.to_str());
    names
        .filter(|name| *name != "machine")
        .map(Recording::load)
        .collect()
}

/// Runs every recorded command once and holds what it prints to the recording, and those
/// that stand within sentences.
///
/// A command must end in time and without failure. Where its words differ from the
/// recorded ones, a line says so: another kernel may have other answers.
///
/// # Errors
///
/// The commands that failed.
pub fn commands() -> Result<()> {
    let mut failed = Vec::new();
    for mut recording in recordings()? {
        let told = match run(&recording.command, recording.seconds) {
            Err(error) => {
                failed.push(error);
                "failed"
            }
            Ok(printed) => {
                recording.runs.push(printed);
                let is_alike = recording.merged().is_ok();
                if is_alike {
                    "as recorded"
                } else {
                    "other words than recorded"
                }
            }
        };
        println!("{}: {told}", recording.name);
    }
    sentence::run_listed(&mut failed);
    if failed.is_empty() {
        Ok(())
    } else {
        Err(failed.join("\n"))
    }
}

/// What `command` prints, run in the root of the repository and ended after `seconds`.
pub(crate) fn run(command: &str, seconds: u32) -> Result<String> {
    let root = docs().parent().unwrap_or(docs());
    let output = Command::new("timeout")
        .args([&seconds.to_string(), "sh", "-c", command])
        .current_dir(root)
        .env("CARGO_TERM_QUIET", "true")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("timeout: {error}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stdout);
        return Err(format!("$ {command}\n{text}{}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("$ {command}: {error}"))
}

/// Texts that differ in numbers only, as one.
fn merge(runs: &[String]) -> Option<String> {
    let (first, others) = runs.split_first()?;
    let rest: Vec<Vec<&str>> = others.iter().map(|run| run.lines().collect()).collect();
    if rest.iter().any(|run| run.len() != first.lines().count()) {
        return None;
    }
    let mut lines = Vec::new();
    for (index, line) in first.lines().enumerate() {
        let mut pieces = pieces_of(line);
        for run in &rest {
            widen(&mut pieces, &pieces_of(run[index]))?;
        }
        lines.push(pieces.iter().map(Piece::shown).collect::<String>());
    }
    Some(align(&lines))
}

/// A number, as its lowest and highest spelling, or what stands between numbers.
enum Piece {
    Number(String, String),
    Words(String),
}

impl Piece {
    fn shown(&self) -> String {
        match self {
            Self::Words(text) => text.clone(),
            Self::Number(low, high) if low == high => low.clone(),
            Self::Number(low, high) => format!("{low}–{high}"),
        }
    }
}

fn pieces_of(line: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        if digits > 0 {
            pieces.push(Piece::Words(rest[..digits].to_owned()));
        }
        rest = &rest[digits..];
        let is_of_number = |c: char| c.is_ascii_digit() || c == '.' || c == ',';
        let end = rest.find(|c| !is_of_number(c)).unwrap_or(rest.len());
        let number = rest[..end].trim_end_matches(['.', ',']);
        if !number.is_empty() {
            pieces.push(Piece::Number(number.to_owned(), number.to_owned()));
        }
        rest = &rest[number.len()..];
        if let Some(c) = rest.chars().next().filter(|c| matches!(c, '.' | ',')) {
            pieces.push(Piece::Words(c.to_string()));
            rest = &rest[1..];
        }
    }
    pieces
}

/// Takes `other` into `pieces`; `None` if they differ in more than numbers and blanks.
fn widen(pieces: &mut [Piece], other: &[Piece]) -> Option<()> {
    if pieces.len() != other.len() {
        return None;
    }
    for (piece, other) in pieces.iter_mut().zip(other) {
        match (piece, other) {
            // An address or a version is no number, but may stay the same.
            (Piece::Number(low, high), Piece::Number(new, _)) if new == low && new == high => {}
            (Piece::Number(low, high), Piece::Number(new, _)) => {
                if value(new)? < value(low)? {
                    low.clone_from(new);
                }
                if value(new)? > value(high)? {
                    high.clone_from(new);
                }
            }
            (Piece::Words(mine), Piece::Words(theirs)) => {
                let same = mine.split_whitespace().eq(theirs.split_whitespace());
                same.then_some(())?;
            }
            _ => return None,
        }
    }
    Some(())
}

fn value(number: &str) -> Option<f64> {
    number.replace(',', "").parse().ok()
}

/// Puts the columns of neighbouring lines, two blanks or more apart, under one another
/// again: ranges are wider than the numbers they come from.
fn align(lines: &[String]) -> String {
    let rows: Vec<Vec<&str>> = lines.iter().map(|line| cells(line)).collect();
    let mut text = String::new();
    let mut start = 0;
    while start < rows.len() {
        let columns = rows[start].len();
        let same = rows[start..].iter().take_while(|row| row.len() == columns);
        let end = start + same.count();
        let width = |column: usize| {
            let cells = rows[start..end]
                .iter()
                .map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let is_number = |cell: &str| {
            cell.chars()
                .all(|c| c.is_ascii_digit() || ".,–%".contains(c))
        };
        let to_the_right: Vec<bool> = (0..columns)
            .map(|column| {
                let numbers = rows[start..end].iter().filter(|row| is_number(row[column]));
                2 * numbers.count() > end - start
            })
            .collect();
        for row in &rows[start..end] {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let gap = width(column) - cell.chars().count();
                let gap = " ".repeat(gap);
                line += if column == 0 { "" } else { "  " };
                line += &if to_the_right[column] {
                    gap + cell
                } else {
                    (*cell).to_owned() + &gap
                };
            }
            text += line.trim_end();
            text.push('\n');
        }
        start = end;
    }
    text
}

fn cells(line: &str) -> Vec<&str> {
    let body = line.trim_start();
    let indent = &line[..line.len() - body.len()];
    if !indent.is_empty() || body.is_empty() || body.starts_with('|') {
        return vec![line]; // not a table: kept as it stands
    }
    body.split("  ")
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(runs: &[&str]) -> Option<String> {
        merge(&runs.iter().map(|run| (*run).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn numbers_that_differ_become_a_range_and_others_stay() {
        let shown = merged(&[
            "3 waits, 1.5 ms.\n",
            "3 waits, 12.0 ms.\n",
            "3 waits, 2 ms.\n",
        ]);
        assert_eq!(shown.unwrap(), "3 waits, 1.5–12.0 ms.\n");
    }

    #[test]
    fn columns_stand_under_one_another_again() {
        let shown = merged(&["a  1\nbb  200\n", "a  1000\nbb  201\n"]).unwrap();
        assert_eq!(shown, "a    1–1000\nbb  200–201\n");
    }

    #[test]
    fn what_only_looks_like_a_number_may_stay_the_same() {
        assert_eq!(merged(&["at 127.0.0.1\n"; 2]).unwrap(), "at 127.0.0.1\n");
        assert_eq!(merged(&["at 127.0.0.1\n", "at 127.0.0.2\n"]), None);
    }

    #[test]
    fn other_words_are_no_range() {
        assert_eq!(merged(&["one 1\n", "two 1\n"]), None);
        assert_eq!(merged(&["one 1\n", "one 1\nmore\n"]), None);
    }

    #[test]
    fn a_recording_is_read_as_it_is_written() {
        let text = "$ true\nruns 2, each within 5 s\n--- 1\na 1\n--- 2\na 2\n";
        let recording = parse("x", text).unwrap();
        assert_eq!((recording.command(), recording.seconds), ("true", 5));
        assert_eq!(recording.merged().unwrap(), "a 1–2\n");
    }
}
