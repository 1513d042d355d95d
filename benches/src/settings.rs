//! What the environment sets. A variable that is blank counts as unset.

use std::env;
use std::path::PathBuf;

use crate::instrument::plan::Profile;

/// The variable that has `cargo bench` take its time.
const BENCH: &str = "WAITSET_BENCH";

fn set(variable: &str) -> Option<String> {
    let value = env::var_os(variable)?.to_string_lossy().into_owned();
    (!value.trim().is_empty()).then_some(value)
}

/// Where cargo, criterion and the instrument write.
#[must_use]
pub fn target() -> PathBuf {
    let built = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target");
    set("CARGO_TARGET_DIR").map_or_else(built, PathBuf::from)
}

/// The C compiler.
#[must_use]
pub fn compiler() -> String {
    set("CC").unwrap_or_else(|| "cc".to_owned())
}

/// What `cargo bench` measures: the short profile, or with `WAITSET_BENCH=full` the long one.
///
/// # Errors
///
/// A sentence with the way out, for any other value.
pub fn profile() -> Result<Profile, String> {
    match set(BENCH).as_deref() {
        None => Ok(Profile::Bench),
        Some("full") => Ok(Profile::Full),
        Some(other) => Err(format!(
            "unknown value {other:?} of {BENCH}; set it to full, or leave it unset"
        )),
    }
}
