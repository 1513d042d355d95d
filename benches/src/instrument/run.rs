//! A run read back: its cells, and what was left out.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use super::cell::Cell;
use super::data::{End, Line, Skipped};
use super::environment::Environment;

/// A run.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// Where it was made.
    pub environment: Environment,
    /// What was measured, in the order of measuring.
    pub cells: Vec<Cell>,
    /// What was left out.
    pub skipped: Vec<Skipped>,
    /// How it ended; `None` if the file was cut off.
    pub end: Option<End>,
}

impl Run {
    /// A run of these lines.
    #[must_use]
    pub fn of(lines: impl IntoIterator<Item = Line>) -> Self {
        let mut run = Self::default();
        lines.into_iter().for_each(|line| run.take(line));
        run
    }

    /// Reads one from a file of lines. Several runs in one file, as parts of a long one,
    /// become one: the environment is the first one's, with the commands of all.
    ///
    /// # Errors
    ///
    /// As reading, and `InvalidData` with the line's number if a line is none.
    pub fn read(path: &Path) -> io::Result<Self> {
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let file = File::open(path).map_err(named)?;
        let mut run = Self::default();
        for (number, line) in BufReader::new(file).lines().enumerate() {
            let line = serde_json::from_str(&line?).map_err(|error| {
                let text = format!("line {}: {error}", number + 1);
                named(io::Error::new(io::ErrorKind::InvalidData, text))
            })?;
            run.take(line);
        }
        Ok(run)
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Environment(environment) if self.environment.kernel.is_empty() => {
                self.environment = environment;
            }
            Line::Environment(part) => {
                self.environment.command.push("&&".to_owned());
                self.environment.command.extend(part.command);
            }
            Line::Skipped(skipped) => self.skipped.push(skipped),
            Line::End(end) => {
                let before = self.end.map_or(0.0, |end| end.seconds);
                self.end = Some(End {
                    seconds: end.seconds + before,
                    ..end
                });
            }
            Line::Samples(samples) => {
                let has = |cell: &&mut Cell| cell.is_of(&samples);
                match self.cells.iter_mut().find(has) {
                    Some(cell) => cell.contestants.push(samples),
                    None => self.cells.push(Cell {
                        contestants: vec![samples],
                    }),
                }
            }
        }
    }

    /// The cells of a group.
    pub fn group<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Cell> {
        self.cells
            .iter()
            .filter(move |cell| cell.scenario() == name)
    }

    /// The groups, in the order of measuring.
    #[must_use]
    pub fn groups(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = Vec::new();
        for cell in &self.cells {
            if !groups.contains(&cell.scenario()) {
                groups.push(cell.scenario());
            }
        }
        groups
    }

    /// The cell with this name, `group/number`.
    #[must_use]
    pub fn cell(&self, name: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.name() == name)
    }

    /// The noise that is typical of the run: the median of its cells'.
    #[must_use]
    pub fn typical_noise(&self) -> f64 {
        let mut noise: Vec<f64> = self.cells.iter().map(Cell::noise).collect();
        noise.sort_by(f64::total_cmp);
        noise.get(noise.len() / 2).copied().unwrap_or(0.0)
    }
}
