//! Random programs on one or more reactors, each with real descriptors of its own.
//!
//! Every wait of a program is checked twice. First, against an oracle: raw poll(2) of each source
//! shows what is ready, and a small model knows which registrations are armed, so that every event
//! is allowed and none is missing. Second, between the reactors: those with the same
//! [`Capabilities`](waitset_core::Capabilities) must report the same. The permitted differences
//! stand in [`shown`] and nowhere else.
//!
//! A program that fails is shrunk and printed, one operation per line.

mod model;
mod operation;
mod shown;
mod source;
mod world;

use std::env;
use std::fmt;
use std::io;
use std::net::TcpListener;
use std::num::NonZero;

use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use waitset_core::Reactor;

pub use operation::Program;
pub use shown::shown;
use world::{Told, World};

type Opened = io::Result<Box<dyn Reactor + Send>>;

/// How many programs [`run`] runs, and how many operations the longest has, unless the
/// environment says otherwise.
const PROGRAMS: u32 = 256;
const LENGTH: u32 = 60;

/// Runs random programs on all `reactors`, each a name and a function that creates it.
///
/// It runs 256 programs of at most 60 operations, unless the environment variables
/// `WAITSET_PROGRAMS` and `WAITSET_LENGTH` say otherwise.
///
/// Call it from a test file without tests that start processes, such as those of
/// [`conformance!`](crate::conformance): a child holds copies of descriptors for a moment, and a source
/// that was closed meanwhile would look open.
///
/// # Panics
///
/// Panics if a reactor breaks the contract, with the shortest program that shows it.
pub fn run<M: Fn() -> Opened>(reactors: &[(&'static str, M)]) {
    let cases = number("WAITSET_PROGRAMS", PROGRAMS);
    let length = number("WAITSET_LENGTH", LENGTH) as usize;
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let answer = TestRunner::new(config).run(&operation::programs(length), |program| {
        run_one(reactors, &listener, &program).map_err(|found| TestCaseError::fail(found.0))
    });
    match answer {
        Ok(()) => {}
        Err(TestError::Fail(found, program)) => panic!("{found}\n{program:?}"),
        Err(error) => panic!("{error}"),
    }
}

fn number(variable: &str, default: u32) -> u32 {
    let text = env::var(variable).unwrap_or_default();
    if text.trim().is_empty() {
        return default;
    }
    match text.parse::<NonZero<u32>>() {
        Ok(number) => number.get(),
        Err(_) => panic!(
            "{variable} is {text:?}; set it to a whole number from 1 to {}",
            u32::MAX
        ),
    }
}

/// What a reactor did that it may not.
#[derive(Debug)]
pub(crate) struct Found(String);

impl Found {
    pub(crate) fn new(text: impl fmt::Display) -> Self {
        Self(text.to_string())
    }
}

fn run_one<M: Fn() -> Opened>(
    reactors: &[(&'static str, M)],
    listener: &TcpListener,
    program: &Program,
) -> Result<(), Found> {
    let mut worlds: Vec<_> = reactors
        .iter()
        .map(|(name, make)| World::new(name, make().unwrap(), listener, program.kinds()))
        .collect();
    for (number, operation) in program.operations().iter().enumerate() {
        let mut told = Vec::new();
        for world in &mut worlds {
            let answer = world.run(operation, listener);
            told.push(answer.map_err(|Found(text)| {
                let name = world.name();
                Found(format!("{name}, operation {number}: {text}"))
            })?);
        }
        compare(&worlds, &told)
            .map_err(|Found(text)| Found(format!("operation {number}: {text}")))?;
    }
    Ok(())
}

/// Worlds had the same to tell, and those of the same capabilities told the same.
fn compare(worlds: &[World], told: &[Told]) -> Result<(), Found> {
    for (position, (one, told_by_one)) in worlds.iter().zip(told).enumerate() {
        for (other, told_by_other) in worlds.iter().zip(told).skip(position + 1) {
            let pair = || format!("{} and {}", one.name(), other.name());
            if told_by_one.ready != told_by_other.ready {
                let (a, b) = (&told_by_one.ready, &told_by_other.ready);
                return Err(Found(format!("{} see {a:?} and {b:?}", pair())));
            }
            if one.tells_as(other) && told_by_one.events != told_by_other.events {
                let (a, b) = (&told_by_one.events, &told_by_other.events);
                return Err(Found(format!("{} tell {a:?} and {b:?}", pair())));
            }
        }
    }
    Ok(())
}
