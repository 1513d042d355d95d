//! A reactor under a detector keeps the contract.

#![cfg(target_os = "linux")]

use waitset::spin::SpinDetector;
use waitset::{Epoll, Poll, Select};

mod select {
    use super::*;
    waitset_conformance::conformance!(
        Select::new().and_then(|inner| SpinDetector::new(inner, |_| ()))
    );
}

mod poll {
    use super::*;
    waitset_conformance::conformance!(
        Poll::new().and_then(|inner| SpinDetector::new(inner, |_| ()))
    );
}

mod epoll {
    use super::*;
    waitset_conformance::conformance!(
        Epoll::new().and_then(|inner| SpinDetector::new(inner, |_| ()))
    );
}
