//! The contract, on every way of waiting without, or before, sleeping.
#![cfg(target_os = "linux")]

use std::io;

use waitset_busy::{Adaptive, Busy, Sweep};
use waitset_core::Reactor;
use waitset_epoll::Epoll;
use waitset_poll::Poll;
use waitset_select::Select;

mod sweep {
    use super::*;
    waitset_conformance::conformance!(io::Result::Ok(Sweep::new()));
}

mod busy_select {
    use super::*;
    waitset_conformance::conformance!(Select::new().map(Busy::new));
}

mod busy_poll {
    use super::*;
    waitset_conformance::conformance!(Poll::new().map(Busy::new));
}

mod busy_epoll {
    use super::*;
    waitset_conformance::conformance!(Epoll::new().map(Busy::new));
}

mod adaptive_select {
    use super::*;
    waitset_conformance::conformance!(Select::new().map(Adaptive::new));
}

mod adaptive_poll {
    use super::*;
    waitset_conformance::conformance!(Poll::new().map(Adaptive::new));
}

mod adaptive_epoll {
    use super::*;
    waitset_conformance::conformance!(Epoll::new().map(Adaptive::new));
}

/// A box is a reactor, also around a box, and one that is chosen at run time.
mod boxed {
    use super::*;

    fn open() -> io::Result<Box<dyn Reactor + Send>> {
        Ok(Box::new(Box::new(Poll::new()?)))
    }

    waitset_conformance::conformance!(open().map(Adaptive::new));
}
