//! `report`: a run as a page.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::Args;
use waitset_bench::instrument::report::page;
use waitset_bench::instrument::run::Run;
use waitset_bench::note;
use waitset_bench::output::Output;

use super::runs::{directory, latest, read};

/// Writes a run as a page
///
/// Immediate; needs a run of `compare`. The page is one file of HTML.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The data of the run [default: the latest]
    run: Option<PathBuf>,
    /// Write the page to FILE [default: in target/waitset-bench]
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Open it in a browser
    #[arg(long)]
    open: bool,
}

pub(crate) fn run(arguments: &Arguments, out: &mut Output) -> io::Result<ExitCode> {
    let from = arguments.run.clone().unwrap_or_else(latest);
    let to = arguments
        .html
        .clone()
        .unwrap_or_else(|| directory().join("report.html"));
    let page = write(&read(&from)?, &to)?;
    tell(&page, arguments.open, out)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the page, and returns its whole path.
pub(crate) fn write(run: &Run, path: &Path) -> io::Result<PathBuf> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, page(run))?;
    path.canonicalize()
}

/// Says how to open the page, or does so.
pub(crate) fn tell(page: &Path, is_opened: bool, out: &mut Output) -> io::Result<()> {
    writeln!(out, "Report: {OPENER} {}", page.display())?;
    if is_opened {
        let mut opener = Command::new(OPENER);
        opener.arg(page);
        // It may live for long, and must not hold a pipe that this program writes to.
        opener.stdin(Stdio::null());
        opener.stdout(Stdio::null()).stderr(Stdio::null());
        if let Err(error) = opener.spawn() {
            note!("not opened, since {OPENER} does not start: {error}");
        }
    }
    Ok(())
}

/// What opens a file in the program that shows it.
const OPENER: &str = if cfg!(target_os = "macos") {
    "open"
} else {
    "xdg-open"
};
