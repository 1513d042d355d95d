//! Every scenario gives right answers on every contestant, at sizes that take no time.
#![cfg(unix)]
#![allow(
    clippy::disallowed_macros,
    reason = "the harness captures what a test prints"
)]

use waitset_bench::scenarios::libevent::Variant;
use waitset_bench::scenarios::register::Change;
use waitset_bench::scenarios::wake::Part;
use waitset_bench::{Entrant, Fixture, Scenario, foreign};

/// Entering verifies; a few units more, twice attached, show that nothing stays behind.
fn all_answer_rightly(scenarios: impl IntoIterator<Item = Scenario>) {
    scenarios.into_iter().for_each(each_answers_rightly);
}

fn each_answers_rightly(scenario: Scenario) {
    let fixture = Fixture::open(scenario).unwrap();
    let taking_part = Entrant::all().filter(|entrant| scenario.takes(*entrant));
    let mut count = 0;
    for entrant in taking_part {
        let mut workload = fixture.enter(entrant).unwrap();
        for units in [1, 37] {
            workload.attach().unwrap();
            workload.run(units).unwrap();
            workload.detach().unwrap();
        }
        count += 1;
    }
    assert!(count >= 8, "only {count} took part in {scenario}");
}

#[test]
fn everyone_finds_the_one_that_is_ready() {
    all_answer_rightly([1, 2, 16].map(|n| Scenario::OneReady { n }));
}

#[test]
fn everyone_tells_all_that_are_ready() {
    all_answer_rightly([1, 2, 300].map(|n| Scenario::AllReady { n }));
}

#[test]
fn no_token_of_a_chain_or_burst_is_lost_or_told_twice() {
    let cells = [(1, 1), (10, 1), (10, 3), (30, 10), (16, 16), (300, 300)];
    all_answer_rightly(cells.map(|(n, a)| Scenario::Chain { n, a }));
}

#[test]
fn everyone_watches_what_is_registered_and_only_that() {
    all_answer_rightly(Change::ALL.map(|change| Scenario::Register { n: 20, change }));
    all_answer_rightly([Scenario::Toggle { n: 20 }]);
}

#[test]
fn wakes_end_a_wait_and_coalesce() {
    let parts = [Part::Coalesced, Part::WakeAndWait, Part::OtherThread];
    all_answer_rightly(parts.map(|part| Scenario::Wake { part }));
}

#[test]
fn every_client_has_its_message_back() {
    let cells = [(1, 1), (20, 3), (8, 8)];
    all_answer_rightly(cells.map(|(n, a)| Scenario::Echo { n, a }));
}

#[test]
fn everyone_finds_all_of_the_share_that_is_active() {
    let cells = [(1, 1), (20, 3), (20, 20)];
    all_answer_rightly(cells.map(|(n, a)| Scenario::ActiveShare { n, a }));
}

#[test]
fn everyone_finds_what_came_in_the_meantime() {
    let cells = [(1, 1), (20, 1), (20, 50)];
    all_answer_rightly(cells.map(|(n, pace_us)| Scenario::Banga { n, pace_us }));
}

#[test]
fn everyone_finds_few_with_high_numbers() {
    all_answer_rightly([200, 1100].map(|lowest| Scenario::Sparse { n: 4, lowest }));
}

#[test]
fn libevents_benchmark_loses_no_event_in_any_variant() {
    let variants = Variant::ALL;
    all_answer_rightly(variants.map(|variant| Scenario::Libevent {
        n: 20,
        a: 2,
        variant,
    }));
}

#[test]
fn what_re_arms_finds_every_token() {
    all_answer_rightly([Scenario::Rearm { n: 20, a: 3 }]);
}

#[test]
fn each_question_between_threads_has_one_answer() {
    all_answer_rightly([Scenario::RoundTrip]);
}

#[test]
fn nobody_is_early_and_nobody_tells_what_is_not_there() {
    all_answer_rightly([100, 2_000].map(|timeout_us| Scenario::Timeouts { timeout_us }));
    all_answer_rightly([Scenario::Waiting { period_us: 500 }]);
}

#[test]
fn every_connection_lives_once() {
    all_answer_rightly([0, 3].map(|idle| Scenario::Accept { idle }));
}

#[test]
fn every_datagram_arrives_where_it_was_sent() {
    all_answer_rightly([1, 5].map(|n| Scenario::Udp { n }));
}

#[test]
fn what_tells_once_cannot_take_part_where_nothing_is_read() {
    let scenario = Scenario::AllReady { n: 1 };
    assert!(!scenario.takes(Entrant::Mio));
    let refused = Fixture::open(scenario).unwrap().enter(Entrant::Mio);
    assert_eq!(
        refused.err().unwrap().kind(),
        std::io::ErrorKind::Unsupported
    );
}

/// Where no compiler or none of the libraries is installed there is nothing to see, and
/// the test says so.
#[test]
fn loops_in_c_lose_no_token_and_tell_none_twice() {
    let (loops, missing) = foreign::build();
    missing.iter().for_each(|missing| eprintln!("{missing}"));
    for (n, a) in [(1, 1), (10, 1), (10, 3), (16, 16), (300, 300)] {
        let fixture = Fixture::open(Scenario::Chain { n, a }).unwrap();
        for one in &loops {
            let mut workload = match fixture.enter_foreign(one) {
                Ok(workload) => workload,
                // Beside other tests the numbers are high: libevent's select aborts there.
                Err(error) if error.kind() == std::io::ErrorKind::Unsupported => continue,
                Err(error) => panic!("{}: {error}", one.name()),
            };
            for units in [1, 37, 301] {
                workload.attach().unwrap();
                workload.run(units).unwrap();
                workload.detach().unwrap();
            }
        }
    }
}
