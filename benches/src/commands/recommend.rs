//! `recommend`: a mechanism for a load, from a run on this machine.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use clap::error::ErrorKind;
use jiff::SignedDuration;
use waitset_bench::instrument::recommend::{Answer, Estimate, Need, Objection, changes, gaps};
use waitset_bench::instrument::run::Run;
use waitset_bench::output::Output;
use waitset_bench::tables::{duration, table};

use super::runs::{latest, read};

/// Names a mechanism for a load, from a run on this machine
///
/// Immediate; needs a run of `compare`. Says what each mechanism costs for this load and what
/// would change the answer, or that several are equal within the noise.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Descriptors that the program watches
    #[arg(long, value_name = "N", value_parser = descriptors, allow_negative_numbers = true)]
    fds: usize,
    /// How many of them are ready at a time
    #[arg(long, value_name = "A", value_parser = descriptors, allow_negative_numbers = true, default_value = "1")]
    active: usize,
    /// The highest p99 latency that is acceptable: 50us, 2ms
    #[arg(long, value_name = "TIME", value_parser = latency, allow_hyphen_values = true)]
    latency: Option<Duration>,
    /// The highest share of a CPU that waiting may take, up to 100%
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "50%", allow_hyphen_values = true)]
    cpu: f64,
    /// The run to answer from [default: the latest]
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

/// A descriptor is an `int` (open(2)).
const MOST_DESCRIPTORS: usize = i32::MAX as usize;

fn descriptors(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=MOST_DESCRIPTORS) => Ok(number),
        _ => Err(format!(
            "give a whole number from 1 on, up to {MOST_DESCRIPTORS}"
        )),
    }
}

fn latency(text: &str) -> Result<Duration, String> {
    let way_out = "give a time above 0 with its unit, ns, us, ms or s, such as 50us";
    // The Greek letter means the same as the sign for micro, which jiff knows.
    let text = text.replace('\u{3bc}', "\u{b5}");
    let time: SignedDuration = text
        .parse()
        .map_err(|error| format!("{error}; {way_out}"))?;
    match Duration::try_from(time) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err(format!("it is not above 0; {way_out}")),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.strip_suffix('%').unwrap_or(text).parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(percent / 100.0),
        _ => Err("give a percentage above 0% and up to 100%, such as 10%".to_owned()),
    }
}

impl Arguments {
    /// Ends the program if they contradict each other.
    pub(crate) fn check(&self) {
        let Self { fds, active, .. } = self;
        if active > fds {
            let text = format!(
                "--active {active} is more than --fds {fds}; give at most as many active \
                 descriptors as there are\n"
            );
            clap::Error::raw(ErrorKind::ValueValidation, text).exit();
        }
    }
}

/// A spin takes all of a CPU, and the clock a little more.
const SPIN: f64 = 1.1;

pub(crate) fn run(arguments: &Arguments, out: &mut Output) -> io::Result<ExitCode> {
    let path = arguments.from.clone().unwrap_or_else(latest);
    let run = read(&path)?;
    let need = Need {
        fds: arguments.fds,
        active: arguments.active,
        latency_ns: arguments.latency.map(|time| time.as_secs_f64() * 1e9),
        cpu: match arguments.cpu {
            1.0 => SPIN,
            share => share,
        },
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
    fn times_are_read_with_their_units() {
        for (text, nanos) in [
            ("50us", 50_000),
            ("50\u{b5}s", 50_000),
            ("50\u{3bc}s", 50_000),
            ("1.5ms", 1_500_000),
            ("1ns", 1),
            ("2s", 2_000_000_000),
        ] {
            assert_eq!(latency(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_above_zero_is_refused_with_the_way_out() {
        for text in [
            "",
            " ",
            "50",
            "us",
            "-5us",
            "0us",
            "0.0ms",
            "nan",
            "nanus",
            "inf",
            "infs",
            "1e400s",
            "50us!",
            "50usx",
            "50 apples",
            "99999999999999999999s",
            "--50us",
            "5us ago",
            "0x5us",
        ] {
            let refused = latency(text).unwrap_err();
            assert!(refused.contains("such as 50us"), "{text:?}: {refused}");
        }
    }

    #[test]
    fn shares_are_percentages_above_zero() {
        assert_eq!(share("10%"), Ok(0.1));
        assert_eq!(share("10"), Ok(0.1));
        assert_eq!(share("0.5%"), Ok(0.005));
        assert_eq!(share("100%"), Ok(1.0));
        for text in [
            "", "%", "10%%", "0%", "-0%", "-1%", "100.1%", "120%", "nan%", "inf%", "1e400%",
            " 10%", "10 %", "10%x", "%10",
        ] {
            assert!(share(text).is_err(), "{text:?}");
        }
    }
}
