//! Once warm, no mechanism allocates; and a million registrations leave nothing behind.
#![cfg(target_os = "linux")]

use std::io;

use waitset_busy::{Adaptive, Busy, Sweep};
use waitset_conformance::{CountingAllocator, allocation_tests};
use waitset_epoll::EpollReactor;
use waitset_poll::PollReactor;
use waitset_select::SelectReactor;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

mod select {
    use super::*;
    allocation_tests!(SelectReactor::new());
}

mod poll {
    use super::*;
    allocation_tests!(PollReactor::new());
}

mod epoll {
    use super::*;
    allocation_tests!(EpollReactor::new());
}

mod sweep {
    use super::*;
    allocation_tests!(io::Result::Ok(Sweep::new()));
}

mod busy {
    use super::*;
    allocation_tests!(EpollReactor::new().map(Busy::new));
}

mod adaptive {
    use super::*;
    allocation_tests!(EpollReactor::new().map(Adaptive::new));
}
