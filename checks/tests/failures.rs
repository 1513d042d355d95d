//! The tables of failures, of loops in `waitset` and of mechanisms in `waitset-conformance`,
//! name
//! tests: they exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Hands each file of Rust below `directory` to `visit`.
fn sources(directory: &Path, visit: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, visit);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            visit(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}

fn crates() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates"))
}

/// The rows of the tables, without their heads.
fn rows(tables: &str) -> Vec<&str> {
    let is_head = |line: &str| line.starts_with("| case ") || line.starts_with("| what breaks ");
    let rows = tables.lines().filter(|line| line.starts_with("| "));
    rows.filter(|line| !is_head(line)).collect()
}

/// The tests that a row names, between backticks in its last column.
fn named(row: &str) -> Vec<&str> {
    let (_, tests) = row.trim_end_matches(" |").rsplit_once(" | ").unwrap();
    tests.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_test_that_a_case_names_exists() {
    let of_loops = rows(include_str!("../../crates/waitset/tests/FAILURES.md"));
    let of_mechanisms = rows(include_str!("../../crates/waitset-conformance/FAILURES.md"));
    assert_eq!(of_loops.len(), 38, "cases are added, not taken away");
    assert!(!of_mechanisms.is_empty());
    let mut missing = BTreeSet::new();
    for case in of_loops.into_iter().chain(of_mechanisms) {
        let named = named(case);
        assert!(!named.is_empty(), "{case} is held by nothing");
        missing.extend(named);
    }
    let root = crates().join("..");
    for directory in ["crates", "checks", "models"] {
        sources(&root.join(directory), &mut |_, source| {
            missing.retain(|test| !source.contains(&format!("fn {test}(")));
        });
    }
    assert!(missing.is_empty(), "{missing:?}");
}

/// `Instant` is the monotonic clock (clock_gettime(2), `CLOCK_MONOTONIC`), which nobody sets;
/// the other one moves when somebody does.
#[test]
fn the_loop_reads_no_clock_that_can_be_set() {
    let mut read = 0;
    for name in fs::read_dir(crates()).unwrap() {
        sources(&name.unwrap().path().join("src"), &mut |path, source| {
            read += 1;
            assert!(!source.contains("SystemTime"), "{}", path.display());
        });
    }
    assert!(read > 50, "{read}");
}
