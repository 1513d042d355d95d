//! What a person sees while it runs: a bar with an estimate, or plain lines.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};

use super::data::Skipped;
use crate::Scenario;
use crate::note;

/// Tells how far the run is, on the standard error.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    cells: usize,
}

impl Progress {
    /// Of so many cells: a bar on a terminal that can draw one, lines elsewhere.
    #[must_use]
    pub fn of(cells: usize) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{bar:28} {pos}/{len}  {eta} left  {wide_msg}");
            let bar = ProgressBar::new(cells as u64);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self {
            bar: bar.filter(|bar| !bar.is_hidden()), // as it is where TERM is dumb
            cells,
        }
    }

    /// A cell begins.
    pub fn begin(&self, place: usize, scenario: &Scenario) {
        match &self.bar {
            Some(bar) => bar.set_message(scenario.to_string()),
            None => note!("[{}/{}] {scenario}", place + 1, self.cells),
        }
    }

    /// Something is left out.
    pub fn skipped(&self, skipped: &Skipped) {
        let who = skipped
            .contestant
            .as_ref()
            .map_or(String::new(), |who| format!(" {who}"));
        let text = format!("{}{who} skipped: {}", skipped.cell, skipped.reason);
        match &self.bar {
            Some(bar) => bar.suspend(|| note!("{text}")),
            None => note!("{text}"),
        }
    }

    /// A cell is done.
    pub fn done(&self, place: usize) {
        if let Some(bar) = &self.bar {
            bar.set_position(place as u64 + 1);
        }
    }

    /// All is done, or cut off.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
