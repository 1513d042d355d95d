//! Exact counts: this program again, under valgrind.

use std::fmt;
use std::io;
use std::process::{Command, Stdio};

use clap::Args;
use clap::builder::RangedU64ValueParser;

use crate::foreign::Foreign;
use crate::messages::Exchange;
use crate::{Entrant, Fixture, Scenario};

/// Pipes of the chain that is counted.
pub const PIPES: usize = 100;

/// How many of them are active.
pub const TOKENS: [usize; 2] = [1, 10];

/// Events of the two runs that are subtracted.
const FEW: u64 = 2_000;
const MANY: u64 = 12_000;

/// Has the C library fill and copy memory in a loop. Callgrind counts `rep stosb` as an
/// instruction for each byte, and the 16 KiB that a read of hyper's clears as 16,384.
const WITHOUT_REP: &str =
    "glibc.cpu.x86_rep_stosb_threshold=1073741824:glibc.cpu.x86_rep_movsb_threshold=1073741824";

/// Why no count came back.
#[derive(Debug)]
pub enum Failure {
    /// valgrind is not installed.
    NotInstalled,
    /// It ran and said this.
    Said(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled => f.write_str("valgrind counts, and is not installed"),
            Self::Said(text) => f.write_str(text.trim_end()),
        }
    }
}

/// Does the work that is counted: what valgrind runs
#[derive(Clone, Debug, Args)]
pub struct Counted {
    /// A contestant, a loop in C, or a layer that answers messages
    contestant: String,
    /// Active pipes
    #[arg(value_parser = RangedU64ValueParser::<usize>::new().range(1..=PIPES as u64))]
    tokens: usize,
    /// Events to pass on, or messages to answer
    events: u64,
}

impl Counted {
    /// Does it.
    ///
    /// # Errors
    ///
    /// As the contestant's calls, and if there is none of this name.
    pub fn run(&self) -> io::Result<()> {
        let Self {
            contestant,
            tokens,
            events,
        } = self;
        if let Ok(exchange) = contestant.parse::<Exchange>() {
            return exchange.run(*events);
        }
        let chain = Scenario::Chain {
            n: PIPES,
            a: *tokens,
        };
        let fixture = Fixture::open(chain)?;
        let mut workload = match contestant.parse::<Entrant>() {
            Ok(entrant) => fixture.enter(entrant)?,
            Err(_) => {
                let unknown = |_| io::Error::other(format!("no contestant is named {contestant}"));
                fixture.enter_foreign(&Foreign::built(contestant).map_err(unknown)?)?
            }
        };
        workload.attach()?;
        workload.run(*events)?;
        workload.detach()
    }

    fn arguments(contestant: &str, tokens: usize, events: u64) -> [String; 4] {
        let (tokens, events) = (tokens.to_string(), events.to_string());
        ["run".to_owned(), contestant.to_owned(), tokens, events]
    }
}

/// User-space instructions of a contestant for one event of a chain with so many active,
/// exactly: the difference of two runs that differ only in their number of events, so that
/// all else cancels out.
///
/// # Errors
///
/// If valgrind is not there or fails.
pub fn instructions_an_event(contestant: &str, tokens: usize) -> Result<f64, Failure> {
    let count = |events| {
        let tool = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
        let text = valgrind(&tool, &Counted::arguments(contestant, tokens, events))?;
        collected(&text).ok_or(Failure::Said(text))
    };
    an_event(count(FEW)?, count(MANY)?)
}

/// User-space instructions of a layer for one message there and back, both ends included, as
/// exactly as [`instructions_an_event`] unless the layer reads the clock.
///
/// # Errors
///
/// If valgrind is not there or fails.
pub fn instructions_per_message(exchange: Exchange) -> Result<f64, Failure> {
    instructions_an_event(exchange.name(), 1)
}

/// System calls for one event of a chain, exactly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SystemCalls {
    /// All of them.
    pub all: f64,
    /// Those that read the clock, which are seen here because valgrind hides the vDSO.
    pub looks_at_clock: f64,
}

/// The system calls of a contestant for one event of a chain with so many active.
///
/// # Errors
///
/// If valgrind is not there or fails.
pub fn system_calls_an_event(contestant: &str, tokens: usize) -> Result<SystemCalls, Failure> {
    let trace = |events| {
        let tool = ["--tool=none", "--trace-syscalls=yes"];
        valgrind(&tool, &Counted::arguments(contestant, tokens, events))
    };
    let (few, many) = (trace(FEW)?, trace(MANY)?);
    Ok(SystemCalls {
        all: an_event(calls(&few, ""), calls(&many, ""))?,
        looks_at_clock: an_event(calls(&few, "clock_gettime"), calls(&many, "clock_gettime"))?,
    })
}

fn an_event(few: u64, many: u64) -> Result<f64, Failure> {
    match many.checked_sub(few) {
        Some(difference) => Ok(difference as f64 / (MANY - FEW) as f64),
        None => Err(Failure::Said("fewer counts of more events".to_owned())),
    }
}

fn valgrind(tool: &[&str], arguments: &[String]) -> Result<String, Failure> {
    let said = |error: io::Error| Failure::Said(error.to_string());
    let program = std::env::current_exe().map_err(said)?;
    let output = Command::new("valgrind")
        .args(tool)
        .arg(program)
        .args(arguments)
        .env("GLIBC_TUNABLES", WITHOUT_REP)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Failure::NotInstalled,
            _ => said(error),
        })?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.success() {
        true => Ok(text),
        false => Err(Failure::Said(reason(&text).to_owned())),
    }
}

/// What the program said, and not valgrind, whose lines begin with `==`.
fn reason(text: &str) -> &str {
    let mut lines = text.lines();
    let said = lines.find(|line| !line.starts_with("==") && !line.starts_with("SYSCALL["));
    let said = said.unwrap_or("valgrind fails");
    said.strip_prefix("waitset-bench: ").unwrap_or(said)
}

/// The count in callgrind's closing line, `==42== Collected : 123456`.
fn collected(text: &str) -> Option<u64> {
    let (_, count) = text.rsplit_once("Collected :")?;
    count.split_whitespace().next()?.parse().ok()
}

/// How many calls whose name contains `name` stand in valgrind's trace. A call that may
/// block has a second mark, `... [async]`, which does not count.
fn calls(text: &str, name: &str) -> u64 {
    let marks = text.split("SYSCALL[").skip(1);
    let calls = marks.filter_map(|mark| Some(mark.split_once(") ")?.1));
    let counted = calls.filter(|call| {
        let called = call.split('(').next().unwrap_or_default();
        !called.starts_with("...") && called.contains(name)
    });
    counted.count() as u64
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

    #[test]
    fn a_call_counts_once_also_if_it_blocks() {
        let text = "SYSCALL[7,1](0) sys_read ( 3, 0x1f, 832 ) --> [async] ... \n\
                    SYSCALL[7,1](0) ... [async] --> Success(0x1) \n\
                    SYSCALL[7,1](228) sys_clock_gettime( 1, 0x1f )[sync] --> Success(0x0) \n";
        assert_eq!((calls(text, ""), calls(text, "clock_gettime")), (2, 1));
    }
}
