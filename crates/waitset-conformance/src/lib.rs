//! The contract of [waitset]'s [`Reactor`] as tests, for whoever writes a mechanism.
//!
//! [`conformance!`] takes an expression that makes a reactor and expands to one `#[test]`
//! for each case; the name of a case is the sentence it proves. A case that depends on
//! what a mechanism can do consults its [`Capabilities`](waitset_core::Capabilities) and
//! then checks the documented alternative, so that none passes by looking away.
//!
//! ```
//! # use std::io;
//! # use waitset_core::Reactor;
//! # struct MyReactor;
//! # impl MyReactor {
//! #     fn new() -> io::Result<Box<dyn Reactor + Send>> { unimplemented!() }
//! # }
//! // tests/conformance.rs
//! mod my_reactor {
//! #   use super::MyReactor;
//!     waitset_conformance::conformance!(MyReactor::new());
//! }
//! # fn main() {}
//! ```
//!
//! - [`differential`] runs random programs on several reactors and compares them with
//!   raw poll(2) and with each other.
//! - [`allocation_tests!`] counts allocations, given a counting allocator.
//! - [`refusing`] has the kernel refuse system calls, as a container's filter does.
//!
//! What changes a whole process (limits, signals, a look at all descriptors) runs in a
//! child process of its own: the test binary started again for that one test. Linux only.
//!
//! [waitset]: https://docs.rs/waitset
#![cfg(target_os = "linux")]

mod allocations;
mod cases;
mod child;
pub mod differential;
#[cfg(loom)]
mod model;
mod refusing;
mod sources;
mod sys;
mod watch;

pub use allocations::{Allocated, CountingAllocator, allocated, allocation_case};
pub use cases::case;
pub use child::{not_checked, run};
#[cfg(loom)]
pub use model::Sleeper;
pub use refusing::{IO_URING, refusing};
#[doc(no_inline)]
pub use waitset_core::Reactor;

/// Makes the reactor under test.
pub type Make = fn() -> std::io::Result<Box<dyn Reactor + Send>>;
