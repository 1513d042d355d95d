//! A reactor under a detector keeps the contract.

#![cfg(target_os = "linux")]

use waitset::spin::SpinDetector;
use waitset::{EpollReactor, PollReactor, SelectReactor};

mod select {
    use super::*;
    waitset_conformance::conformance!(
        SelectReactor::new().and_then(|inner| SpinDetector::new(inner, |_| ()))
    );
}

mod poll {
    use super::*;
    waitset_conformance::conformance!(
        PollReactor::new().and_then(|inner| SpinDetector::new(inner, |_| ()))
    );
}

mod epoll {
    use super::*;
    waitset_conformance::conformance!(
        EpollReactor::new().and_then(|inner| SpinDetector::new(inner, |_| ()))
    );
}
