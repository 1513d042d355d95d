//! The contract, on epoll.
#![cfg(target_os = "linux")]

waitset_conformance::conformance!(waitset_epoll::EpollReactor::new());
