//! `report`: a run as a page.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::Args;
use waitset_bench::instrument::report::page;
use waitset_bench::instrument::run::Run;

use super::directory;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The run [default: the latest]
    run: Option<PathBuf>,
    /// Write the page here [default: in target/waitset-bench]
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Open it in a browser
    #[arg(long)]
    open: bool,
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<ExitCode> {
    let from = arguments
        .run
        .clone()
        .unwrap_or_else(|| directory().join("latest.jsonl"));
    let to = arguments
        .html
        .clone()
        .unwrap_or_else(|| directory().join("report.html"));
    write(&Run::read(&from)?, &to, arguments.open)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the page, and says how to open it or does so.
pub(crate) fn write(run: &Run, path: &Path, is_opened: bool) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, page(run))?;
    let path = path.canonicalize()?;
    println!("Report: {OPENER} {}", path.display());
    if is_opened {
        let mut opener = Command::new(OPENER);
        opener.arg(&path).stdin(Stdio::null());
        if let Err(error) = opener.spawn() {
            eprintln!("{OPENER}: {error}");
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
