//! One random program on every mechanism, compared with raw poll(2) and with each other.
#![cfg(target_os = "linux")]

use std::io::ErrorKind;

use waitset::Backend;

#[test]
fn every_mechanism_tells_what_poll_tells() {
    let mut reactors = Vec::new();
    for backend in Backend::all() {
        match backend.open() {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                eprintln!("skipped: {error}");
            }
            _ => reactors.push((backend.name(), move || backend.open())),
        }
    }
    waitset_conformance::differential::run(&reactors);
}
