//! Counting instructions: this program again, under valgrind's callgrind.

use std::io;
use std::process::{Command, Stdio};

use crate::{Entrant, Fixture, Scenario};

/// Why no count came back.
#[derive(Debug)]
pub enum Failure {
    /// valgrind is not installed.
    NotInstalled,
    /// It ran and said this.
    Said(String),
}

/// User-space instructions of `entrant` for one event of a chain, exactly: the difference
/// of two runs that differ only in their number of events, so that all else cancels out.
///
/// `arguments` makes the arguments with which this program does one such run, see [`run`].
///
/// # Errors
///
/// If valgrind is not there or fails.
pub fn instructions_an_event(arguments: impl Fn(u64) -> Vec<String>) -> Result<f64, Failure> {
    const FEW: u64 = 2_000;
    const MANY: u64 = 12_000;
    let few = instructions(&arguments(FEW))?;
    let many = instructions(&arguments(MANY))?;
    Ok((many - few) as f64 / (MANY - FEW) as f64)
}

/// Does what is counted: a chain of so many events.
///
/// # Errors
///
/// As the contestant's calls.
pub fn run(entrant: Entrant, n: usize, a: usize, events: u64) -> io::Result<()> {
    let mut workload = Fixture::open(Scenario::Chain { n, a })?.enter(entrant)?;
    workload.attach()?;
    workload.run(events)?;
    workload.detach()
}

fn instructions(arguments: &[String]) -> Result<u64, Failure> {
    let said = |error: io::Error| Failure::Said(error.to_string());
    let program = std::env::current_exe().map_err(said)?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Failure::NotInstalled,
            _ => said(error),
        })?;
    let text = String::from_utf8_lossy(&output.stderr);
    match collected(&text) {
        Some(count) if output.status.success() => Ok(count),
        _ => Err(Failure::Said(text.into_owned())),
    }
}

/// The count in callgrind's closing line, `==42== Collected : 123456`.
fn collected(text: &str) -> Option<u64> {
    let (_, count) = text.rsplit_once("Collected :")?;
    count.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_in_callgrinds_closing_line() {
        let text = "==7== Events    : Ir\n==7== Collected : 123456\n==7==\n";
        assert_eq!(collected(text), Some(123_456));
        assert_eq!(collected("valgrind: no such file"), None);
    }
}
