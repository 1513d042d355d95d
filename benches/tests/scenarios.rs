//! Every scenario gives right answers on every contestant, at sizes that take no time.
#![cfg(unix)]

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
    let parts = [Part::Coalesced, Part::WakeAndWait];
    all_answer_rightly(parts.map(|part| Scenario::Wake { part }));
}

#[test]
fn every_client_has_its_message_back() {
    let cells = [(1, 1), (20, 3), (8, 8)];
    all_answer_rightly(cells.map(|(n, a)| Scenario::Echo { n, a }));
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
