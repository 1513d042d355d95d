//! The contract, on io_uring.
#![cfg(target_os = "linux")]

waitset_conformance::conformance!(waitset_uring::Uring::new());
