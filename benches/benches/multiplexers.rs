//! `cargo bench`: every question a group, closed by all mechanisms in turns and a report.

use std::env;
use std::io::{self, Write};
use std::process::{Command, ExitCode};
use std::time::Duration;

use criterion::{BenchmarkId, Criterion};
use waitset_bench::instrument::plan::{Profile, criterion_cells};
use waitset_bench::{Entrant, Fixture, Scenario, Workload, limits, note, output, settings};

/// How many benchmarks there are, and how many of them ran.
#[derive(Default)]
struct Tally {
    offered: usize,
    ran: usize,
}

fn main() -> ExitCode {
    output::end_with_reader();
    limits::raise();
    let profile = match Profile::of_environment() {
        Ok(profile) => profile,
        Err(reason) => {
            note!("{reason}");
            return ExitCode::from(2);
        }
    };
    // The command line has the last word; no group has settings of its own.
    let mut criterion = configured(profile).configure_from_args();
    let mut tally = Tally::default();
    for scenarios in criterion_cells(profile).chunk_by(|one, other| one.group() == other.group()) {
        group(&mut criterion, &mut tally, scenarios);
    }
    criterion.final_summary();
    match close(&tally, profile) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Under five minutes for all, so that one can afford to look; `WAITSET_BENCH=full` takes
/// its time and draws criterion's plots too.
fn configured(profile: Profile) -> Criterion {
    let millis = Duration::from_millis;
    match profile {
        Profile::Full => Criterion::default()
            .sample_size(50)
            .warm_up_time(millis(1_000))
            .measurement_time(millis(3_000)),
        Profile::Bench | Profile::Quick => Criterion::default()
            .without_plots()
            .sample_size(10)
            .warm_up_time(millis(40))
            .measurement_time(millis(120))
            .nresamples(2_000),
    }
}

/// No throughput is set: criterion would take it for the axis of its charts in N's place.
fn group(criterion: &mut Criterion, tally: &mut Tally, scenarios: &[Scenario]) {
    let mut group = criterion.benchmark_group(scenarios[0].group());
    for scenario in scenarios {
        let fixture = match Fixture::open(*scenario) {
            Ok(fixture) => fixture,
            Err(reason) => {
                note!("{scenario} skipped: {reason}");
                continue;
            }
        };
        let contestants = scenario.contestants();
        for entrant in contestants.into_iter().filter(|one| one.is_here()) {
            tally.offered += 1;
            if measure(&mut group, &fixture, entrant) {
                tally.ran += 1;
            }
        }
    }
    group.finish();
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

/// Whether it ran, and was not filtered out.
fn measure(group: &mut Group<'_>, fixture: &Fixture, entrant: Entrant) -> bool {
    let id = BenchmarkId::new(entrant.name(), fixture.scenario().number());
    // Criterion calls the closure for every sample; what is opened and verified in the
    // first call serves all.
    let mut seat: Option<Option<Box<dyn Workload>>> = None;
    group.bench_function(id, |bencher| {
        let seat = seat.get_or_insert_with(|| attached(fixture, entrant));
        bencher.iter_custom(|units| match seat {
            Some(workload) => workload.run(units).expect("the contestant fails"),
            None => Duration::from_nanos(units), // criterion wants a figure
        });
    });
    if let Some(Some(workload)) = &mut seat {
        workload.detach().expect("the contestant fails to let go");
    }
    seat.is_some()
}

/// What cannot take part on this machine says so; its figure of 1 ns is none.
fn attached(fixture: &Fixture, entrant: Entrant) -> Option<Box<dyn Workload>> {
    let seat = fixture.enter(entrant).and_then(|mut workload| {
        workload.attach()?;
        Ok(workload)
    });
    if let Err(reason) = &seat {
        note!("{}/{entrant} skipped: {reason}", fixture.scenario());
    }
    seat.ok()
}

/// After a run that measured everything: all in turns, with the noise, and the report.
fn close(tally: &Tally, profile: Profile) -> io::Result<()> {
    let has = |flag: &str| env::args().any(|argument| argument == flag);
    let is_measuring = has("--bench") && !has("--test") && !has("--list") && !has("--profile-time");
    if !is_measuring {
        return Ok(());
    }
    let mut out = io::stdout();
    if tally.ran < tally.offered {
        return writeln!(
            out,
            "\nFor all in turns, with their noise, the crossover and a report, run without\n\
             a filter, or: cargo run --release -p waitset-bench -- compare"
        );
    }
    let page = settings::target().join("criterion/report/index.html");
    if page.exists() {
        writeln!(out, "\nCriterion's own report: {}", page.display())?;
    }
    let flag = if profile == Profile::Full {
        "--full"
    } else {
        "--quick"
    };
    let instrument = env!("CARGO_BIN_EXE_waitset-bench");
    match Command::new(instrument).args(["compare", flag]).status()? {
        status if status.success() => Ok(()),
        status => Err(io::Error::other(status.to_string())),
    }
}
