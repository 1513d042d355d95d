//! One random program on every mechanism, compared with raw poll(2) and with each other.
#![cfg(target_os = "linux")]

use std::io::ErrorKind;

use waitset::Backend;
use waitset_conformance::{differential, not_checked};

#[test]
fn every_mechanism_tells_what_poll_tells() {
    let mut reactors = Vec::new();
    for backend in Backend::all() {
        match backend.open() {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                not_checked(error);
            }
            _ => reactors.push((backend.name(), move || backend.open())),
        }
    }
    differential::run(&reactors);
}
