//! `footprint`: what an echo server brings along over each library.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use waitset_bench::footprint::{Footprint, LIBRARIES, Library};
use waitset_bench::machine::Machine;
use waitset_bench::note;
use waitset_bench::output::Output;
use waitset_bench::tables::table;

use super::runs::directory;

/// Counts the packages that an echo server needs, and the CPU time of building it
///
/// Takes about two minutes; needs cargo, and the network for what was never downloaded. The
/// server of benches/lines is built over each library, with nothing built before. CPU time is
/// user and system time of all processes, which other programs on the machine disturb less
/// than the time that passes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Libraries to build with; all if none is given
    #[arg(value_parser = library)]
    libraries: Vec<Library>,
}

fn library(name: &str) -> Result<Library, String> {
    let found = LIBRARIES.into_iter().find(|library| library.name == name);
    let names = LIBRARIES.map(|library| library.name);
    found.ok_or_else(|| format!("there are {}", names.join(", ")))
}

pub(crate) fn run(arguments: &Arguments, out: &mut Output) -> io::Result<ExitCode> {
    let chosen = match arguments.libraries.as_slice() {
        [] => &LIBRARIES[..],
        chosen => chosen,
    };
    let folder = directory().join("footprint");
    let mut table = table(["", "locked", "built", "cargo build", "--release"]);
    for library in chosen {
        note!("building with {} ...", library.name);
        table.add_row(row(library, library.measure(&folder)?));
    }
    writeln!(out, "{}\n\n{table}", Machine::here())?;
    writeln!(
        out,
        "Packages in the lock file, packages built here, and CPU time."
    )?;
    Ok(ExitCode::SUCCESS)
}

fn row(library: &Library, found: Footprint) -> [String; 5] {
    let seconds = |time: std::time::Duration| format!("{:.1} s", time.as_secs_f64());
    [
        library.name.to_owned(),
        found.locked.to_string(),
        found.built.to_string(),
        seconds(found.debug),
        seconds(found.release),
    ]
}
