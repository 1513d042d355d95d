//! `lines`: the same programs over waitset and over others.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use waitset_bench::output::Output;
use waitset_bench::{lines, spliced};

/// Counts the lines of the same programs over waitset and over others
///
/// Immediate; needs the repository. The programs are in benches/lines, and `cargo test` there
/// drives each. Blank lines and comments do not count. The table is printed, and written into
/// its marked place in benches/README.md.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Print the table and write nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(arguments: &Arguments, out: &mut Output) -> io::Result<ExitCode> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("lines");
    write!(out, "{}", lines::table(&folder)?)?;
    if !arguments.dry_run {
        for (path, text) in spliced::documents()? {
            fs::write(path, text)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
