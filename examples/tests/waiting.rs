//! Runs `waiting` once and reads its table.

mod support;

use std::process::Output;

use support::example;
use waitset::Backend;

fn waiting(flags: &[&str]) -> Output {
    example("waiting").args(flags).output().unwrap()
}

/// The columns behind a way's name.
fn row<'a>(table: &'a str, way: &str) -> Vec<&'a str> {
    let line = table.lines().find(|line| line.starts_with(way));
    let line = line.unwrap_or_else(|| panic!("no {way} in {table}"));
    line[20..].split_whitespace().collect()
}

#[test]
fn every_way_to_wait_has_its_row_and_the_calls_that_it_must_make() {
    let output = waiting(&["--seconds", "0.1"]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{table}");
    assert!(table.lines().all(|line| line.len() <= 80), "{table}");
    let calls = |way| row(&table, way)[1].parse::<u64>().unwrap();
    // 20 messages, and an end for each of the sockets.
    assert_eq!(calls("blocking read"), 21, "{table}");
    assert_eq!(calls("a thread per socket"), 28, "{table}");
    // Eight sockets are asked in each round, of which one has something.
    for way in ["busy loop  ", "busy loop, yielding", "busy loop, 1 ms"] {
        assert!(calls(way) > 28, "{table}");
    }
    for backend in Backend::all() {
        // With a blank, for "busy" is how others begin, too.
        let columns = row(&table, &format!("{backend:<20} "));
        assert!(columns.len() == 6 || columns == ["cannot", "be", "had", "here"]);
    }
}

#[test]
fn one_mechanism_is_shown_if_one_is_named() {
    let output = waiting(&["--seconds", "0.05", "--reactor", "poll"]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{table}");
    assert!(
        table.contains("\npoll ") && !table.contains("\nselect "),
        "{table}"
    );
}
