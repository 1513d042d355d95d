//! Once warm, no mechanism allocates; and a million registrations leave nothing behind.
#![cfg(target_os = "linux")]

use std::io;

use waitset_busy::{Adaptive, Busy, Sweep};
use waitset_conformance::{CountingAllocator, allocation_tests};
use waitset_epoll::Epoll;
use waitset_poll::Poll;
use waitset_select::Select;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

mod select {
    use super::*;
    allocation_tests!(Select::new());
}

mod poll {
    use super::*;
    allocation_tests!(Poll::new());
}

mod epoll {
    use super::*;
    allocation_tests!(Epoll::new());
}

mod sweep {
    use super::*;
    allocation_tests!(io::Result::Ok(Sweep::new()));
}

mod busy {
    use super::*;
    allocation_tests!(Epoll::new().map(Busy::new));
}

mod adaptive {
    use super::*;
    allocation_tests!(Epoll::new().map(Adaptive::new));
}
