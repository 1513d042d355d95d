//! What was measured, as data.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use crate::machine::Machine;
use crate::spread::Spread;

/// One contestant against another in one scenario.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// The scenario's group.
    pub scenario: String,
    /// Its size or what is done, as in identifiers.
    pub what: String,
    /// Who was measured.
    pub contestant: String,
    /// Against whom.
    pub baseline: String,
    /// Sources.
    pub n: usize,
    /// Sources that were active, where that is a choice.
    pub a: Option<usize>,
    /// The contestant's time over the baseline's, pair by pair: below one is faster.
    pub ratio: Spread,
    /// The contestant's nanoseconds a unit. These drift with the machine; ratios do not.
    pub nanoseconds: Spread,
    /// Its system calls a unit that change what is watched, where it counts them.
    pub control_calls_a_unit: Option<f64>,
    /// How many pairs of slices there were.
    pub pairs: usize,
}

/// Records and what made them.
#[derive(Debug, Serialize)]
pub struct Report<T> {
    /// The command, as the program was called.
    pub command: Vec<String>,
    /// Where.
    pub machine: Machine,
    /// What was measured.
    pub records: Vec<T>,
}

impl<T: Serialize> Report<T> {
    /// A report of `records` made by this process on this machine.
    #[must_use]
    pub fn new(records: Vec<T>) -> Self {
        let mut command: Vec<String> = std::env::args().collect();
        if let Some(program) = command.first_mut() {
            *program = env!("CARGO_PKG_NAME").to_owned();
        }
        Self {
            command,
            machine: Machine::here(),
            records,
        }
    }

    /// Writes it to `path` as JSON.
    ///
    /// # Errors
    ///
    /// As creating and writing the file.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        serde_json::to_writer_pretty(&mut file, self)?;
        writeln!(file)?;
        file.flush()
    }
}
