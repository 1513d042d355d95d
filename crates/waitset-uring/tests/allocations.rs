//! Once warm, no wait allocates; and a million registrations leave nothing behind.
#![cfg(target_os = "linux")]

use waitset_conformance::{CountingAllocator, allocation_tests};
use waitset_uring::UringReactor;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

allocation_tests!(UringReactor::new());
