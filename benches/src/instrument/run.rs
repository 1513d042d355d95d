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
    /// Cells that parts before the present one have measured.
    before: usize,
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
    /// become one: the environment is the first one's, with the commands of all. Of a cell
    /// that two parts have measured, the later one's is kept.
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
            let line = serde_json::from_str(&line.map_err(named)?).map_err(|error| {
                let text = format!("line {}: {error}", number + 1);
                named(io::Error::new(io::ErrorKind::InvalidData, text))
            })?;
            run.take(line);
        }
        Ok(run)
    }

    fn take(&mut self, line: Line) {
        if matches!(line, Line::Environment(_)) {
            self.before = self.cells.len();
        }
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
                let place = self.cells.iter().position(|cell| cell.is_of(&samples));
                match place {
                    Some(place) if place >= self.before => {
                        self.cells[place].contestants.push(samples);
                        return;
                    }
                    Some(place) => {
                        self.cells.remove(place);
                        self.before -= 1;
                    }
                    None => {}
                }
                self.cells.push(Cell {
                    contestants: vec![samples],
                });
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

#[cfg(test)]
mod tests {
    use super::super::data::Samples;
    use super::*;

    #[test]
    fn of_a_cell_that_two_parts_have_measured_the_later_one_is_kept() {
        let part = |cells: &[(&str, f64)]| {
            let environment = Environment {
                kernel: "Linux".to_owned(),
                ..Environment::default()
            };
            let lines = cells.iter().flat_map(|(number, figure)| {
                ["epoll", "poll"].map(|who| {
                    Line::Samples(Samples {
                        number: (*number).to_owned(),
                        contestant: who.to_owned(),
                        figures: vec![*figure],
                        ..Samples::default()
                    })
                })
            });
            let lines: Vec<Line> = [Line::Environment(environment)]
                .into_iter()
                .chain(lines)
                .collect();
            lines
        };
        let parts = [
            part(&[("a", 1.0), ("b", 2.0)]),
            part(&[("c", 3.0), ("a", 4.0)]),
        ];
        let run = Run::of(parts.concat());
        let told = run.cells.iter().map(|cell| {
            let figures = cell.contestants.iter().map(|one| one.figures[0]);
            (cell.number(), figures.collect::<Vec<_>>())
        });
        let told: Vec<_> = told.collect();
        assert_eq!(
            told,
            [
                ("b", vec![2.0, 2.0]),
                ("c", vec![3.0, 3.0]),
                ("a", vec![4.0, 4.0])
            ]
        );
    }
}
