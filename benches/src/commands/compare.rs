//! `compare`: a run, its tables, its files.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use signal_hook::consts::SIGINT;
use waitset::Signal;
use waitset_bench::instrument::csv;
use waitset_bench::instrument::data::{End, Line};
use waitset_bench::instrument::environment::Environment;
use waitset_bench::instrument::measure::Runner;
use waitset_bench::instrument::plan::{self, Choice, Pace, Profile};
use waitset_bench::instrument::progress::Progress;
use waitset_bench::instrument::run::Run;
use waitset_bench::instrument::terminal;
use waitset_bench::machine::Machine;
use waitset_bench::note;
use waitset_bench::output::Output;
use waitset_bench::{Entrant, Scenario, limits};

use super::report;
use super::runs::directory;

/// More than an idle machine has.
const MUCH_NOISE: f64 = 0.1;

/// With so few cells there is room for everything of each.
const FEW: usize = 4;

/// Measures mechanisms in shuffled rounds, with the noise beside every figure
///
/// Takes under a minute, or about nine with --full. Prints tables, keeps the data of the run
/// for the commands that read one, and writes a report. An interrupt ends the run and keeps
/// what was measured.
#[derive(Args)]
#[command(
    after_help = "Data and report are written into target/waitset-bench if no FILE is named."
)]
pub(crate) struct Arguments {
    /// Take under a minute for all; the default
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// Take minutes, with longer slices and more of them
    #[arg(long)]
    full: bool,
    /// Measure only cells whose name contains one of TEXTS: udp,chain/100
    #[arg(long, value_name = "TEXTS", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    scenario: Vec<String>,
    /// Measure only these contestants: poll,epoll
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    backend: Vec<Entrant>,
    /// Measure these too: mio,polling,calloop
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    against: Vec<Entrant>,
    /// Write the data to FILE, one JSON object per line
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the medians to FILE, one row per cell and contestant
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write the report to FILE, one page of HTML
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Open the report in a browser
    #[arg(long)]
    open: bool,
}

impl Arguments {
    fn profile(&self) -> Profile {
        if self.full {
            Profile::Full
        } else {
            Profile::Quick
        }
    }

    /// Some of the cells have their part of the time.
    fn pace(&self, cells: usize) -> Pace {
        let pace = self.profile().pace();
        let all = plan::cells(self.profile()).len();
        let total = pace.total.mul_f64(cells as f64 / all as f64);
        Pace { total, ..pace }
    }

    /// The last to be written would overwrite the others.
    fn check_files(&self) -> io::Result<()> {
        let named = [&self.json, &self.csv, &self.html].into_iter().flatten();
        let mut seen = HashSet::new();
        match named.into_iter().find(|path| !seen.insert(*path)) {
            None => Ok(()),
            Some(twice) => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "{} is named twice; name a file for each of --json, --csv and --html",
                    twice.display()
                ),
            )),
        }
    }

    fn cells(&self) -> io::Result<Vec<Scenario>> {
        let mut cells = plan::cells(self.profile());
        let names = |cell: &Scenario, text: &String| cell.to_string().contains(text);
        let is_unknown = |text: &&String| !cells.iter().any(|cell| names(cell, text));
        if let Some(unknown) = self.scenario.iter().find(is_unknown) {
            let text = format!(
                "no cell's name contains {unknown}; groups are\n{}",
                groups()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        if !self.scenario.is_empty() {
            cells.retain(|cell| self.scenario.iter().any(|text| names(cell, text)));
        }
        Ok(cells)
    }
}

pub(crate) fn run(arguments: &Arguments, out: &mut Output) -> io::Result<ExitCode> {
    let environment = Environment::here();
    limits::raise();
    let cells = arguments.cells()?;
    arguments.check_files()?;
    let stop = stopped_by_interrupt()?;
    let path = arguments
        .json
        .clone()
        .unwrap_or_else(|| directory().join("latest.jsonl"));
    note!("{}", Machine::here());
    let run = measure(arguments, environment, &cells, &stop, &path)?;
    // The files first: the reader of the tables may go before their end.
    if let Some(path) = &arguments.csv {
        let mut file = BufWriter::new(File::create(path)?);
        csv::write(&run, &mut file)?;
        file.flush()?;
    }
    let page = arguments
        .html
        .clone()
        .unwrap_or_else(|| directory().join("report.html"));
    let page = report::write(&run, &page)?;
    print(&run, &cells, out)?;
    writeln!(out, "Data: {}", path.display())?;
    report::tell(&page, arguments.open, out)?;
    Ok(match stop.load(Ordering::Relaxed) {
        true => ExitCode::from(130), // as a shell has it for what SIGINT ended
        false => ExitCode::SUCCESS,
    })
}

/// The groups of cells, in lines that fit a terminal.
fn groups() -> String {
    let mut names: Vec<&str> = plan::cells(Profile::Full)
        .iter()
        .map(Scenario::group)
        .collect();
    names.dedup();
    let lines = names.chunks(8).map(|names| names.join(", "));
    lines.collect::<Vec<_>>().join(",\n")
}

/// The first interrupt ends the run with what there is, the second one the process.
fn stopped_by_interrupt() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    if Signal::INTERRUPT.is_ignored() {
        return Ok(stop); // as by `nohup`, or in the background of a shell
    }
    signal_hook::flag::register_conditional_shutdown(SIGINT, 130, stop.clone())?;
    signal_hook::flag::register(SIGINT, stop.clone())?;
    Ok(stop)
}

fn measure(
    arguments: &Arguments,
    environment: Environment,
    cells: &[Scenario],
    stop: &AtomicBool,
    path: &Path,
) -> io::Result<Run> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut file = BufWriter::new(File::create(path)?);
    let mut lines = Vec::new();
    let mut keep = |line: Line| -> io::Result<()> {
        serde_json::to_writer(&mut file, &line)?;
        writeln!(file)?;
        file.flush()?;
        lines.push(line);
        Ok(())
    };
    let runner = Runner {
        pace: arguments.pace(cells.len()),
        choice: Choice {
            instead: arguments.backend.clone(),
            besides: arguments.against.clone(),
        },
        stop,
    };
    let progress = Progress::of(cells.len());
    let start = Instant::now();
    keep(Line::Environment(environment))?;
    let is_complete = runner.run(cells, &progress, &mut keep)?;
    progress.finish();
    let seconds = start.elapsed().as_secs_f64();
    keep(Line::End(End {
        is_complete,
        seconds,
    }))?;
    Ok(Run::of(lines))
}

fn print(run: &Run, cells: &[Scenario], out: &mut Output) -> io::Result<()> {
    writeln!(out, "\n{}", terminal::tables(run))?;
    if cells.len() <= FEW {
        writeln!(out, "{}", terminal::details(run))?;
    }
    let Some(end) = run.end else {
        return Ok(());
    };
    let (measured, all, seconds) = (run.cells.len(), cells.len(), end.seconds);
    let how = match end.is_complete {
        true => "",
        false => ", cut off: what was measured is kept",
    };
    writeln!(out, "{measured} of {all} cells in {seconds:.0} s{how}")?;
    let noise = run.typical_noise();
    if noise > MUCH_NOISE {
        let percent = noise * 100.0;
        let text = "something else is running on this machine";
        writeln!(out, "The noise is ±{percent:.0} % in half of them: {text}.")?;
    }
    Ok(())
}
