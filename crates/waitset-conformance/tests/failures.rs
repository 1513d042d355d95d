//! What FAILURES.md says to be held by a test is.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

/// The names of all functions in the Rust files below `folder`.
fn functions(folder: &Path, into: &mut HashSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let names = text.lines().filter_map(|line| {
                let (_, name) = line.split_once("fn ")?;
                name.split_once('(').map(|(name, _)| name.to_owned())
            });
            into.extend(names);
        }
    }
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_failure_in_the_table_names_tests_that_there_are() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = HashSet::new();
    functions(package.parent().unwrap(), &mut known);
    let table = fs::read_to_string(package.join("FAILURES.md")).unwrap();
    let is_head = |line: &&str| line.starts_with("| what breaks") || line.starts_with("|---");
    let rows = table.lines().filter(|line| line.starts_with('|'));
    for row in rows.filter(|line| !is_head(line)) {
        let tests = row.trim_end_matches('|').rsplit('|').next().unwrap();
        assert!(quoted(tests).next().is_some(), "no test: {row}");
        for name in quoted(tests) {
            assert!(known.contains(name), "no test has the name {name}");
        }
    }
}
