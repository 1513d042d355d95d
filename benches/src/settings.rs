//! What the environment sets. A variable that is blank counts as unset.

use std::env;
use std::path::PathBuf;

/// The value of a variable, if it is set.
#[must_use]
pub fn set(variable: &str) -> Option<String> {
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
