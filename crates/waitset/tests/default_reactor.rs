//! The default reactor is a type of its own, and keeps the contract.
#![cfg(target_os = "linux")]

use waitset::{Backend, DefaultReactor, Reactor};

mod contract {
    use super::DefaultReactor;

    waitset_conformance::conformance!(DefaultReactor::new());
}

#[test]
fn it_is_the_default_backend() {
    let (reactor, backend) = (DefaultReactor::new().unwrap(), Backend::default());
    assert_eq!(reactor.name(), backend.name());
    let opened = backend.open().unwrap();
    assert_eq!(reactor.capabilities(), opened.capabilities());
}
