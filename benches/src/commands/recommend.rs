//! `recommend`: a mechanism for a load, from a run on this machine.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use waitset_bench::instrument::recommend::{Answer, Estimate, Need, Objection, changes, gaps};
use waitset_bench::instrument::run::Run;
use waitset_bench::output::Output;
use waitset_bench::tables::{duration, table};

use super::{latest, read};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Descriptors the program watches
    #[arg(long, value_name = "N", value_parser = positive)]
    fds: usize,
    /// Those of them that are ready at a time
    #[arg(long, value_name = "A", value_parser = positive, default_value = "1")]
    active: usize,
    /// How late 99 of 100 answers may be: 50us, 2ms
    #[arg(long, value_name = "TIME", value_parser = nanoseconds)]
    latency: Option<f64>,
    /// Share of a processor for waiting
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "50%")]
    cpu: f64,
    /// The run to answer from [default: the latest]
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a whole number from 1 on is needed".to_owned()),
        Ok(number) => Ok(number),
    }
}

fn nanoseconds(text: &str) -> Result<f64, String> {
    let digits = text.trim_end_matches(char::is_alphabetic);
    let unit = match &text[digits.len()..] {
        "ns" => 1.0,
        "us" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => return Err("a number with ns, us, ms or s is needed, such as 50us".to_owned()),
    };
    let number: f64 = digits
        .parse()
        .map_err(|_| format!("{digits:?} is no number"))?;
    Ok(number * unit)
}

fn share(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').parse::<f64>();
    match number {
        // A spin takes all of a processor, and the clock a little more.
        Ok(100.0) => Ok(1.1),
        Ok(percent) if (0.0..100.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err("a percentage up to 100% is needed".to_owned()),
    }
}

pub(crate) fn run(arguments: &Arguments, out: &mut Output) -> io::Result<ExitCode> {
    let path = arguments.from.clone().unwrap_or_else(latest);
    let run = read(&path)?;
    let need = Need {
        fds: arguments.fds,
        active: arguments.active.min(arguments.fds),
        latency_ns: arguments.latency,
        cpu: arguments.cpu,
    };
    let Some(answer) = Answer::of(&run, need) else {
        let text = format!(
            "{} says nothing of this load; make a run with one_ready and active_share",
            path.display()
        );
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    };
    print(&run, need, &answer, out)?;
    Ok(ExitCode::SUCCESS)
}

fn print(run: &Run, need: Need, answer: &Answer, out: &mut Output) -> io::Result<()> {
    writeln!(out, "{}", verdict(answer))?;
    writeln!(
        out,
        "\nWhy, for {} descriptors with {} ready at a time:",
        need.fds, need.active
    )?;
    writeln!(out, "{}", estimates(answer))?;
    for (reason, names) in left_out(need, answer) {
        writeln!(out, "Left out as {reason}: {names}.")?;
    }
    if answer.is_outside {
        let text = "So many were not measured; the nearest cells stand for them.";
        writeln!(out, "{text}")?;
    }
    for gap in gaps(run, need) {
        writeln!(out, "Beware: {gap}.")?;
    }
    if need.fds as u64 > run.environment.descriptors_hard {
        let limit = run.environment.descriptors_hard;
        writeln!(
            out,
            "Beware: the hard limit of descriptors was {limit} (ulimit -Hn)."
        )?;
    }
    let changes = changes(run, need, answer);
    if !changes.is_empty() {
        let lead = match answer.tied {
            0 => "There would be an answer",
            _ => "The answer would be another",
        };
        writeln!(out, "\n{lead}")?;
        for change in &changes {
            writeln!(out, "- {change}")?;
        }
    }
    let of = &run.environment;
    writeln!(
        out,
        "\nFrom a run on {}, {} cores, {}.",
        of.processor, of.cores, of.kernel
    )
}

fn verdict(answer: &Answer) -> String {
    let winners = answer.winners();
    let margin = answer
        .margin()
        .map(|(margin, next)| format!("{} costs {margin:.2} times as much", next.name));
    let margin = margin.map_or(String::new(), |margin| format!("; {margin}"));
    match winners.as_slice() {
        [] => "None meets this.".to_owned(),
        [one] => format!(
            "{one}{margin}, beyond a noise of ±{:.0} %.",
            answer.ranked[0].noise * 100.0
        ),
        several => format!("tie: {}{margin}.", several.join(", ")),
    }
}

/// Each reason to leave out, with the names of those it applies to.
fn left_out(need: Need, answer: &Answer) -> Vec<(String, String)> {
    let names = |reason: Objection| {
        let those = answer.left_out.iter().filter(|(_, why)| *why == reason);
        let names: Vec<&str> = those.map(|(estimate, _)| estimate.name.as_str()).collect();
        names.join(", ")
    };
    let limit = duration(need.latency_ns.unwrap_or_default());
    let share = need.cpu * 100.0;
    let told = [
        (format!("later than {limit}"), names(Objection::Latency)),
        (
            format!("above {share:.0} % of a processor while waiting"),
            names(Objection::Cpu),
        ),
    ];
    let told = told.into_iter();
    told.filter(|(_, names)| !names.is_empty()).collect()
}

fn estimates(answer: &Answer) -> String {
    let heads = [
        "",
        "an event",
        "noise",
        "99 of 100 within",
        "cpu while waiting",
    ];
    let mut table = table(heads);
    let left_out = answer.left_out.iter().map(|(estimate, _)| estimate);
    answer.ranked.iter().chain(left_out).for_each(|estimate| {
        table.add_row(row(estimate));
    });
    table.to_string()
}

fn row(estimate: &Estimate) -> [String; 5] {
    let cpu = estimate
        .waiting_cpu
        .map(|cpu| format!("{:.1} %", cpu * 100.0));
    [
        estimate.name.clone(),
        duration(estimate.cost_ns),
        format!("±{:.0}%", estimate.noise * 100.0),
        estimate.latency_ns.map_or(String::new(), duration),
        cpu.unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_shares_are_read_with_their_units() {
        assert_eq!(nanoseconds("50us"), Ok(50_000.0));
        assert_eq!(nanoseconds("2ms"), Ok(2_000_000.0));
        assert!(nanoseconds("50").is_err());
        assert_eq!(share("10%"), Ok(0.1));
        assert!(share("120%").is_err());
        assert!(positive("0").is_err());
    }
}
