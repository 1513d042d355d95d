//! One random program on every mechanism, compared with raw poll(2) and with each other.
#![cfg(target_os = "linux")]

mod backends;

#[test]
fn every_mechanism_tells_what_poll_tells() {
    waitset_conformance::differential::run(&backends::ALL);
}
