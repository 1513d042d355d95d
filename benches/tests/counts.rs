//! Exact counts gate; times never do.
#![cfg(target_os = "linux")]

use waitset_bench::{Entrant, Fixture, Scenario};
use waitset_conformance::{CountingAllocator, allocated};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const UNITS: u64 = 100;

/// Waits, system calls that ask, system calls that change, and calls of the allocator, for
/// so many units.
fn counts(scenario: Scenario, entrant: Entrant) -> [u64; 4] {
    let fixture = Fixture::open(scenario).unwrap();
    let mut workload = fixture.enter(entrant).unwrap();
    workload.attach().unwrap();
    workload.run(UNITS).unwrap();
    let (before, taken) = (workload.stats().unwrap(), allocated().calls);
    workload.run(UNITS).unwrap();
    let taken = allocated().calls - taken;
    let stats = workload.stats().unwrap().since(&before);
    workload.detach().unwrap();
    [stats.waits, stats.wait_calls, stats.control_calls, taken]
}

#[test]
fn a_wait_that_finds_something_is_one_system_call_and_no_allocation() {
    for entrant in [
        Entrant::Select,
        Entrant::Poll,
        Entrant::Epoll,
        Entrant::EpollEdge,
        Entrant::Busy,
    ] {
        let told = counts(Scenario::OneReady { n: 64 }, entrant);
        assert_eq!(told, [UNITS, UNITS, 0, 0], "{entrant}");
    }
}

#[test]
fn arming_again_makes_no_system_call_where_the_next_wait_can_do_without() {
    for entrant in [
        Entrant::SelectOneshot,
        Entrant::PollOneshot,
        Entrant::EpollOneshot,
    ] {
        let told = counts(Scenario::Rearm { n: 64, a: 1 }, entrant);
        assert_eq!(told, [UNITS, UNITS, 0, 0], "{entrant}");
    }
}

/// A wait that scans 1000 pipes is never as short as a microsecond.
#[test]
fn what_comes_during_a_wait_is_found_by_the_next_with_its_system_call() {
    let scenario = Scenario::Banga {
        n: 1000,
        pace_us: 1,
    };
    let step = scenario.units_a_step();
    assert!(
        step > 100,
        "too few for the first wait, of one event, not to matter"
    );
    let [waits, wait_calls, control_calls, taken] = counts(scenario, Entrant::Poll);
    assert!(waits < UNITS, "{waits} waits for {UNITS} events");
    assert_eq!([wait_calls, control_calls, taken], [waits, 0, 0]);
}

#[test]
fn ten_events_of_one_wait_share_its_system_call() {
    for entrant in [Entrant::Select, Entrant::Poll, Entrant::Epoll] {
        let told = counts(Scenario::ActiveShare { n: 100, a: 10 }, entrant);
        assert_eq!(told, [UNITS / 10, UNITS / 10, 0, 0], "{entrant}");
    }
}
