//! Where runs are kept, and how they are read.

use std::io;
use std::path::{Path, PathBuf};

use waitset_bench::instrument::run::Run;
use waitset_bench::settings;

/// Where a run is kept if no file is named: beside what cargo builds.
pub(super) fn directory() -> PathBuf {
    settings::target().join("waitset-bench")
}

/// The run that was made last.
pub(super) fn latest() -> PathBuf {
    directory().join("latest.jsonl")
}

/// Reads a run, and says how to make one where there is none.
pub(super) fn read(path: &Path) -> io::Result<Run> {
    let way_out = |error: io::Error| {
        let text = match error.kind() {
            io::ErrorKind::NotFound => {
                format!("there is no run at {}; make one: compare", path.display())
            }
            io::ErrorKind::InvalidData => format!("{error}; it must be a file of compare --json"),
            _ => return error,
        };
        io::Error::new(error.kind(), text)
    };
    Run::read(path).map_err(way_out)
}
