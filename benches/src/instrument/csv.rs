//! A run as comma-separated values: a row a contestant and cell.

use std::io::{self, Write};

use super::cell::{Standing, cpu, spread};
use super::data::Measure;
use super::run::Run;

/// The columns.
const HEAD: &str = "scenario,number,n,a,contestant,measure,median,low,high,rounds,\
ratio_to_best,ratio_low,ratio_high,noise,standing,cpu_ns,wait_calls,control_calls,\
events_a_wait,voluntary_switches,involuntary_switches,p50_ns,p99_ns,p999_ns";

/// Writes `run` to `out`.
///
/// # Errors
///
/// As writing.
pub fn write(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{HEAD}")?;
    for cell in &run.cells {
        for samples in cell.entered() {
            let figures = spread(samples);
            let (standing, ratio) = match cell.standing(samples) {
                Standing::Best => ("best", None),
                Standing::Tied(ratio) => ("tied", Some(ratio)),
                Standing::Slower(ratio) => ("slower", Some(ratio)),
            };
            let ratio = ratio.map_or([1.0; 3], |ratio| [ratio.median, ratio.low, ratio.high]);
            let ratio = ratio.map(|part| match samples.measure {
                Measure::Bytes => String::new(), // some hold none, of which there is no ratio
                _ => format!("{part:.4}"),
            });
            let [median_ratio, low_ratio, high_ratio] = ratio;
            let counts = samples.counts;
            let latency = samples.latency;
            let fields = [
                samples.scenario.clone(),
                samples.number.clone(),
                samples.n.to_string(),
                text(samples.a),
                samples.contestant.clone(),
                format!("{:?}", samples.measure).to_lowercase(),
                figures.median.to_string(),
                figures.low.to_string(),
                figures.high.to_string(),
                samples.figures.len().to_string(),
                median_ratio,
                low_ratio,
                high_ratio,
                format!("{:.4}", cell.noise()),
                standing.to_owned(),
                text(cpu(samples).map(|cpu| cpu.median)),
                text(counts.wait_calls),
                text(counts.control_calls),
                text(counts.events_a_wait),
                counts.voluntary_switches.to_string(),
                counts.involuntary_switches.to_string(),
                text(latency.map(|latency| latency.p50)),
                text(latency.map(|latency| latency.p99)),
                text(latency.map(|latency| latency.p999)),
            ];
            writeln!(out, "{}", fields.join(","))?;
        }
    }
    Ok(())
}

fn text(value: Option<impl ToString>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}
