//! `record`: runs as one, with what is made from it, to be kept in the repository.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use waitset_bench::instrument::kept::made_from;
use waitset_bench::output::Output;

use super::runs::read;

/// Keeps a run in benches/record, with the tables and the page made from it
///
/// Immediate; needs runs of `compare`. Without one, the tables, the page and the marked places
/// of the documents are made again from the data that are kept.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The parts of the run, in order; if none is given, the kept run
    parts: Vec<PathBuf>,
    /// Keep it in FOLDER [default: benches/record]
    #[arg(long, value_name = "FOLDER", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/record"), hide_default_value = true)]
    into: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, out: &mut Output) -> io::Result<ExitCode> {
    fs::create_dir_all(&arguments.into)?;
    let raw = arguments.into.join("compare.jsonl");
    if !arguments.parts.is_empty() {
        let mut whole = Vec::new();
        for part in &arguments.parts {
            read(part)?;
            whole.extend(fs::read(part)?);
        }
        fs::File::create(&raw)?.write_all(&whole)?;
    }
    for (name, text) in made_from(&read(&raw)?)? {
        let path = arguments.into.join(name);
        fs::write(&path, text)?;
        writeln!(out, "{}", path.display())?;
    }
    #[cfg(target_os = "linux")]
    for (path, text) in waitset_bench::spliced::documents()? {
        fs::write(&path, text)?;
        writeln!(out, "{}", path.display())?;
    }
    Ok(ExitCode::SUCCESS)
}
