//! What stands in the documents between marks, made from what is recorded.
//!
//! ```text
//! <!-- begin: goals -->
//! <!-- end: goals -->
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::goals::{self, Goal};
use crate::instrument::kept;
use crate::instrument::run::Run;
use crate::lines;
use crate::record::Report;

/// A mark, the document it stands in, the record and what is made of it.
struct Splice {
    document: &'static str,
    mark: &'static str,
    record: &'static str,
    make: fn(&Path) -> io::Result<String>,
}

/// Everything that is spliced, by document; paths are relative to this package.
const SPLICES: [Splice; 4] = [
    Splice {
        document: "../README.md",
        mark: "record",
        record: "record/compare.jsonl",
        make: |record| Ok(kept::excerpt(&Run::read(record)?)),
    },
    Splice {
        document: "README.md",
        mark: "goals",
        record: "record/goals.json",
        make: |record| Ok(goals::markdown(&Report::<Goal>::read(record)?)),
    },
    Splice {
        document: "README.md",
        mark: "goals on a Xeon",
        record: "record/goals-xeon.json",
        make: |record| Ok(goals::markdown(&Report::<Goal>::read(record)?)),
    },
    Splice {
        document: "README.md",
        mark: "lines",
        record: "lines",
        make: lines::table,
    },
];

/// Every document that has marks, as it should be.
///
/// # Errors
///
/// As reading, and if a mark or a record is not there.
pub fn documents() -> io::Result<Vec<(PathBuf, String)>> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut documents: Vec<(PathBuf, String)> = Vec::new();
    for splice in &SPLICES {
        let path = package.join(splice.document);
        // A document can have several marks.
        let text = match documents.pop_if(|(last, _)| *last == path) {
            Some((_, text)) => text,
            None => fs::read_to_string(&path)?,
        };
        let made = (splice.make)(&package.join(splice.record))?;
        let text = fill(&text, splice.mark, &made).ok_or_else(|| {
            let text = format!("{} has no mark {}", splice.document, splice.mark);
            io::Error::new(io::ErrorKind::NotFound, text)
        })?;
        documents.push((path, text));
    }
    Ok(documents)
}

/// `text` with `made` between the marks of this name; `None` if there are none.
fn fill(text: &str, mark: &str, made: &str) -> Option<String> {
    let (begin, end) = (
        format!("<!-- begin: {mark} -->\n"),
        format!("<!-- end: {mark} -->"),
    );
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}{made}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_its_marks_is_replaced_and_nothing_else() {
        let text = "a\n<!-- begin: x -->\nold\n<!-- end: x -->\nb\n";
        let filled = "a\n<!-- begin: x -->\nnew\n<!-- end: x -->\nb\n";
        assert_eq!(fill(text, "x", "new\n").as_deref(), Some(filled));
        assert_eq!(fill(filled, "x", "new\n").as_deref(), Some(filled));
        assert_eq!(fill(text, "y", "new\n"), None);
    }
}
