//! What was measured, as data.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::spread::Spread;

/// One contestant against another in one scenario.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
#[derive(Debug, Serialize, Deserialize)]
pub struct Report<T> {
    /// The command that makes one like it.
    pub command: String,
    /// Where.
    pub machine: Machine,
    /// What was measured.
    pub records: Vec<T>,
}

impl<T: Serialize> Report<T> {
    /// A report of `records` made by this process on this machine.
    #[must_use]
    pub fn new(records: Vec<T>) -> Self {
        Self {
            command: command(),
            machine: Machine::here(),
            records,
        }
    }

    /// Reads one that was written.
    ///
    /// # Errors
    ///
    /// As opening and reading the file, and if it is none.
    pub fn read(path: &Path) -> io::Result<Self>
    where
        T: DeserializeOwned,
    {
        let file = BufReader::new(File::open(path)?);
        serde_json::from_reader(file).map_err(io::Error::from)
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

/// How this program is started from the workspace, with the same arguments.
fn command() -> String {
    let words = std::env::args().skip(1);
    let start = concat!("cargo run --release -p ", env!("CARGO_PKG_NAME"), " --");
    words.fold(start.to_owned(), |command, word| command + " " + &word)
}
