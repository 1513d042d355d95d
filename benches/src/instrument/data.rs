//! What is kept of a run: one JSON object a line, in the order of measuring.

use serde::{Deserialize, Serialize};

use super::environment::Environment;

/// A line of a run's file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum Line {
    /// The first line.
    Environment(Environment),
    /// A contestant in a cell.
    Samples(Samples),
    /// Something that was left out.
    Skipped(Skipped),
    /// The last line; without it the run was cut off.
    End(End),
}

/// What was measured of one contestant in one cell: a figure a round.
///
/// The n-th figures of all contestants of a cell are of the same round, within
/// milliseconds, so that their ratio means something where they themselves drift.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Samples {
    /// The scenario's group.
    pub scenario: String,
    /// Its size, or what is done.
    pub number: String,
    /// Sources.
    pub n: usize,
    /// Sources that are active, where that is a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub a: Option<usize>,
    /// Who.
    pub contestant: String,
    /// Whether this is the second time that one contestant takes part, for the noise.
    pub is_control: bool,
    /// What the figures are.
    pub measure: Measure,
    /// Units of work a slice.
    pub units: u64,
    /// The figure of each round.
    pub figures: Vec<f64>,
    /// Processor time a unit of each round, in nanoseconds, user and kernel, all threads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cpu: Vec<f64>,
    /// Bytes a registered source holds in the kernel, where they are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_bytes: Option<f64>,
    /// Exact counts of the last round.
    pub counts: Counts,
    /// Latencies of all rounds, where a unit is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Percentiles>,
}

/// What a figure is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Nanoseconds a unit of work.
    #[default]
    Time,
    /// Nanoseconds by which a timeout was late.
    Lateness,
    /// Processor time a millisecond of waiting, in nanoseconds.
    WaitingCpu,
    /// Bytes a registered source.
    Bytes,
}

/// What a unit took besides time; absent where the contestant does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// System calls that ask for readiness, a unit.
    pub wait_calls: Option<f64>,
    /// System calls that change what is watched, a unit.
    pub control_calls: Option<f64>,
    /// Events a wait.
    pub events_a_wait: Option<f64>,
    /// Times a thread gave up the processor because it had to wait, a unit.
    pub voluntary_switches: f64,
    /// Times the processor was taken away, a unit: other work on this machine.
    pub involuntary_switches: f64,
}

/// Percentiles of a histogram, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// How many were recorded.
    pub count: u64,
    /// The least.
    pub min: u64,
    /// Half are below.
    pub p50: u64,
    /// Nine of ten are below.
    pub p90: u64,
    /// 99 of 100.
    pub p99: u64,
    /// 999 of 1000.
    pub p999: u64,
    /// The most.
    pub max: u64,
}

/// Something that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// A cell, `group/number`.
    pub cell: String,
    /// Who, or all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contestant: Option<String>,
    /// The reason, a sentence.
    pub reason: String,
}

/// How the run ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// Whether everything that was planned was measured.
    pub is_complete: bool,
    /// How long it took.
    pub seconds: f64,
}

/// Keeps what a figure means in a file: six significant digits.
#[must_use]
pub fn rounded(figure: f64) -> f64 {
    format!("{figure:.5e}").parse().unwrap_or(figure)
}
