//! `cargo bench`: select, poll, epoll, a sweep and a spin side by side.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use waitset_bench::closing::{self, SIZES};
use waitset_bench::scenario::CHANGED;
use waitset_bench::scenarios::register::Change;
use waitset_bench::{Entrant, Fixture, Scenario, Workload, limits};

const CHAINS: [(usize, usize); 5] = [(10, 1), (100, 1), (100, 10), (100, 100), (1000, 10)];
const ECHOES: [(usize, usize); 3] = [(10, 1), (64, 64), (1000, 1)];

/// How many benchmarks there are, and how many of them ran.
#[derive(Default)]
struct Tally {
    offered: usize,
    ran: usize,
}

fn main() {
    limits::raise();
    // The command line has the last word.
    let mut criterion = profile().configure_from_args();
    let mut tally = Tally::default();
    group(
        &mut criterion,
        &mut tally,
        &SIZES.map(|n| Scenario::OneReady { n }),
    );
    group(
        &mut criterion,
        &mut tally,
        &SIZES.map(|n| Scenario::AllReady { n }),
    );
    group(
        &mut criterion,
        &mut tally,
        &CHAINS.map(|(n, a)| Scenario::Chain { n, a }),
    );
    let n = CHANGED;
    group(
        &mut criterion,
        &mut tally,
        &Change::ALL.map(|change| Scenario::Register { n, change }),
    );
    group(
        &mut criterion,
        &mut tally,
        &ECHOES.map(|(n, a)| Scenario::Echo { n, a }),
    );
    criterion.final_summary();
    close(&tally);
}

/// Minutes for all, so that one can afford to look; `WAITSET_BENCH=full` takes its time.
fn profile() -> Criterion {
    let is_full = env::var("WAITSET_BENCH").is_ok_and(|value| value == "full");
    let millis = Duration::from_millis;
    match is_full {
        true => Criterion::default()
            .sample_size(50)
            .warm_up_time(millis(1_000))
            .measurement_time(millis(3_000)),
        false => Criterion::default()
            .sample_size(12)
            .warm_up_time(millis(100))
            .measurement_time(millis(250))
            .nresamples(10_000),
    }
}

fn group(criterion: &mut Criterion, tally: &mut Tally, scenarios: &[Scenario]) {
    let mut group = criterion.benchmark_group(scenarios[0].group());
    for scenario in scenarios {
        let fixture = match Fixture::open(*scenario) {
            Ok(fixture) => fixture,
            Err(reason) => {
                eprintln!("{scenario} skipped: {reason}");
                continue;
            }
        };
        group.throughput(Throughput::Elements(scenario.events_a_unit() as u64));
        for mechanism in Entrant::mechanisms() {
            let id = BenchmarkId::new(mechanism.name(), scenario.number());
            // Criterion calls the closure for every sample; what is opened and verified
            // in the first call serves all.
            let mut workload = None;
            group.bench_function(id, |bencher| {
                let workload = workload.get_or_insert_with(|| attached(&fixture, mechanism));
                bencher.iter_custom(|units| workload.run(units).expect("the mechanism fails"));
            });
            tally.offered += 1;
            if let Some(mut workload) = workload {
                workload.detach().expect("the mechanism fails to let go");
                tally.ran += 1;
            }
        }
    }
    group.finish();
}

fn attached(fixture: &Fixture, mechanism: Entrant) -> Box<dyn Workload> {
    let mut workload = fixture
        .enter(mechanism)
        .expect("the mechanism cannot be opened");
    workload
        .attach()
        .expect("the mechanism refuses the sources");
    workload
}

/// The closing tables, after a run that measured everything.
fn close(tally: &Tally) {
    let has = |flag: &str| env::args().any(|argument| argument == flag);
    let is_measuring = has("--bench") && !has("--test") && !has("--list") && !has("--profile-time");
    if !is_measuring {
        return;
    }
    if tally.ran < tally.offered {
        println!(
            "\nFor the mechanisms in turns, with their noise and the crossover, run without a filter,"
        );
        println!("or: cargo run --release -p waitset-bench --bin crossover");
    } else if let Err(error) = closing::print() {
        eprintln!("the closing tables: {error}");
    }
    let report = target().join("criterion/report/index.html");
    if report.exists() {
        println!("All distributions and plots: {}", report.display());
    }
}

/// Where criterion writes, by its own rules.
fn target() -> PathBuf {
    let set = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    set.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target"))
}
