//! One random program on every mechanism, compared with raw poll(2) and with each other.
#![cfg(target_os = "linux")]

use std::io::{self, ErrorKind, Write};

use waitset::Backend;

#[test]
fn every_mechanism_tells_what_poll_tells() {
    let mut reactors = Vec::new();
    for backend in Backend::all() {
        match backend.open() {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                // Past the harness, which keeps what passing tests print to itself.
                let _ = writeln!(io::stderr(), "NOT CHECKED: {error}");
            }
            _ => reactors.push((backend.name(), move || backend.open())),
        }
    }
    waitset_conformance::differential::run(&reactors);
}
