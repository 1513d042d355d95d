//! The contract, on every way of waiting without, or before, sleeping.
#![cfg(target_os = "linux")]

use std::io;

use waitset_busy::{Adaptive, Busy, Sweep};
use waitset_core::Reactor;
use waitset_epoll::EpollReactor;
use waitset_poll::PollReactor;
use waitset_select::SelectReactor;

mod sweep {
    use super::*;
    waitset_conformance::conformance!(io::Result::Ok(Sweep::new()));
}

mod busy_select {
    use super::*;
    waitset_conformance::conformance!(SelectReactor::new().map(Busy::new));
}

mod busy_poll {
    use super::*;
    waitset_conformance::conformance!(PollReactor::new().map(Busy::new));
}

mod busy_epoll {
    use super::*;
    waitset_conformance::conformance!(EpollReactor::new().map(Busy::new));
}

mod adaptive_select {
    use super::*;
    waitset_conformance::conformance!(SelectReactor::new().map(Adaptive::new));
}

mod adaptive_poll {
    use super::*;
    waitset_conformance::conformance!(PollReactor::new().map(Adaptive::new));
}

mod adaptive_epoll {
    use super::*;
    waitset_conformance::conformance!(EpollReactor::new().map(Adaptive::new));
}

/// A box is a reactor, also around a box, and one that is chosen at run time.
mod boxed {
    use super::*;

    fn open() -> io::Result<Box<dyn Reactor + Send>> {
        Ok(Box::new(Box::new(PollReactor::new()?)))
    }

    waitset_conformance::conformance!(open().map(Adaptive::new));
}
