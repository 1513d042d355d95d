//! Runs `waiting` once and reads its table.

mod support;

use std::process::Output;

use support::{Running, example, mechanisms};
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
fn who_sleeps_leaves_the_processor_to_the_neighbour() {
    let output = waiting(&["--seconds", "0.5", "--backend", "epoll"]);
    let table = String::from_utf8(output.stdout).unwrap();
    let share = |way, column: usize| row(&table, way)[column].parse::<f64>().unwrap();
    for way in ["blocking read", "epoll"] {
        assert!(share(way, 0) < share(way, 5), "{table}");
    }
}

#[test]
fn each_mechanism_tells_and_counts_if_it_is_asked_to() {
    for backend in mechanisms() {
        let flags = ["--stats", "--explain", "--seconds", "0.05"];
        let mut command = example("waiting");
        command.args(flags).env(Backend::VARIABLE, backend.name());
        let output = command.output().unwrap();
        let table = String::from_utf8(output.stdout).unwrap();
        assert!(
            table.contains(&format!("\n{backend}: Stats {{ ")),
            "{table}"
        );
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(&format!(" {backend}: ")), "{told:.2000}");
    }
}

#[test]
fn ctrl_c_ends_it_with_what_it_has_found() {
    let mut command = example("waiting");
    let mut running = Running::start(command.args(["--seconds", "60"]));
    assert!(running.line().starts_with("way "));
    let rest = running.stop();
    assert!(rest.contains("does not stop the machine"), "{rest}");
}

#[test]
fn one_mechanism_is_shown_if_one_is_named() {
    let output = waiting(&["--seconds", "0.05", "--backend", "poll"]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{table}");
    assert!(
        table.contains("\npoll ") && !table.contains("\nselect "),
        "{table}"
    );
}
