//! Random programs on io_uring alone, checked against raw poll(2).
#![cfg(target_os = "linux")]

use waitset_conformance::{Reactor, differential, not_checked};
use waitset_uring::UringReactor;

#[test]
fn io_uring_tells_what_poll_tells() {
    if let Err(error) = UringReactor::new() {
        return not_checked(error);
    }
    let make = || Ok(Box::new(UringReactor::new()?) as Box<dyn Reactor + Send>);
    differential::run(&[("uring", make)]);
}
