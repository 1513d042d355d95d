//! The subcommands, one a file.

pub(crate) mod compare;
pub(crate) mod diff;
pub(crate) mod recommend;
pub(crate) mod record;
pub(crate) mod report;

use std::env;
use std::path::PathBuf;

/// Where a run is kept if no file is named: beside what cargo builds.
pub(crate) fn directory() -> PathBuf {
    let set = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = set.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target"));
    target.join("waitset-bench")
}
