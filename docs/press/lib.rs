//! What the book needs besides its text: marks that are filled from programs, recorded
//! runs and figures, and checks of everything that can be checked without a reader.
//!
//! A chapter is plain Markdown. Between `<!-- begin: KIND NAME -->` and `<!-- end -->`
//! stands what [`splice`] puts there; a code block anywhere else is refused, so that no
//! chapter shows code that was not compiled or output that was not recorded.

mod chapter;
mod check;
mod figures;
mod glossary;
mod measured;
mod output;
mod quote;
mod record;
mod sentence;
mod splice;
mod translation;

use std::fs;
use std::path::{Path, PathBuf};

pub use check::check;
pub use output::{note_line, print_line};
pub use record::{Recording, commands, record};
pub use splice::splice;
pub use translation::{outdated, stamp};

/// What goes wrong is a sentence for the author.
pub type Result<T> = std::result::Result<T, String>;

/// The languages of the book; the first is the one that the others are translated from.
pub const LANGUAGES: [&str; 2] = ["en", "ko"];

/// The directory of the book, `docs`.
#[must_use]
pub fn docs() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The directory of the book's text in `language`.
fn text_of(language: &str) -> PathBuf {
    docs().join("src").join(language)
}

/// The files in `directory` with `extension`, sorted by name.
fn files(directory: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).map_err(|error| named(directory, &error))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let has_extension = |path: &PathBuf| path.extension().is_some_and(|it| it == extension);
    let mut paths: Vec<_> = paths.filter(has_extension).collect();
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| named(path, &error))
}

/// Writes `text` unless the file holds it already; true if it did not.
fn write_if_changed(path: &Path, text: &str) -> Result<bool> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(false);
    }
    fs::write(path, text).map_err(|error| named(path, &error))?;
    Ok(true)
}

fn named(path: &Path, error: &dyn std::fmt::Display) -> String {
    let path = path.strip_prefix(docs()).unwrap_or(path);
    format!("{}: {error}", path.display())
}
