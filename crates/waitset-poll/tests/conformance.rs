//! The contract, on poll.
#![cfg(target_os = "linux")]

waitset_conformance::conformance!(waitset_poll::PollReactor::new());
