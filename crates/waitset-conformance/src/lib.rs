//! The contract of [`Reactor`] as tests, for those who write a mechanism.
//!
//! [`conformance!`] takes an expression that creates a reactor, and expands to one `#[test]` per
//! case. The name of a case is the sentence it proves. If a mechanism
//! [declares](waitset_core::Capabilities) that it differs, a case tests the documented alternative,
//! so that none passes by looking away. The [guide] walks through a complete mechanism.
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
//! - [`differential`] runs random programs on several reactors and compares them with raw poll(2)
//!   and with each other.
//! - [`allocation_tests!`] counts allocations, given a counting allocator.
//! - [`refusing`] lets the kernel refuse system calls, as a container's filter does.
//!
//! Tests that change the whole process (limits, signals, a look at all descriptors) run in a child
//! process of their own: the test binary, started again for that test. Linux only.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg(target_os = "linux")]

mod allocations;
mod cases;
mod child;
pub mod differential;
#[doc = include_str!("guide.md")]
#[doc = "```"]
#[doc = include_str!("../tests/sample/reactor.rs")]
#[doc = "```"]
#[doc = include_str!("guide-tests.md")]
pub mod guide {}
mod refusing;
mod sources;
mod sys;
mod watch;

pub use allocations::{Allocated, CountingAllocator, allocated, allocation_case};
pub use cases::{RULES, case};
pub use child::{not_checked, run};
pub use refusing::{IO_URING, refusing};
#[doc(no_inline)]
pub use waitset_core::Reactor;

/// Creates the reactor under test.
pub type Make = fn() -> std::io::Result<Box<dyn Reactor + Send>>;
