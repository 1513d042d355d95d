//! What must not allocate, and what must leave memory as it was.

mod cases;
mod sys;

pub use sys::{Allocated, CountingAllocator, allocated};

/// Expands to a `#[test]` for each operation that must not allocate. The argument is that of
/// [`conformance!`](crate::conformance).
///
/// The test binary must have [`CountingAllocator`] as its `#[global_allocator]`; a first test
/// checks that.
///
/// ```
/// # use std::io;
/// # use waitset_core::Reactor;
/// # struct MyReactor;
/// # impl MyReactor {
/// #     fn new() -> io::Result<Box<dyn Reactor + Send>> { unimplemented!() }
/// # }
/// #[global_allocator]
/// static ALLOCATOR: waitset_conformance::CountingAllocator =
///     waitset_conformance::CountingAllocator;
///
/// mod my_reactor {
/// #   use super::MyReactor;
///     waitset_conformance::allocation_tests!(MyReactor::new());
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! allocation_tests {
    ($make:expr $(,)?) => {
        fn make() -> ::std::io::Result<::std::boxed::Box<dyn $crate::Reactor + Send>> {
            Ok(::std::boxed::Box::new($make?))
        }

        $crate::__each_allocation_case!($crate::__allocation_tests);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __allocation_tests {
    ($($case:ident)*) => {
        $(#[test]
        fn $case() {
            const NAME: &str = concat!(module_path!(), "::", stringify!($case));
            $crate::run(NAME, &[], $crate::allocation_case::$case, make);
        })*
    };
}

/// The list. A case that is missing here is dead code to the compiler.
#[doc(hidden)]
#[macro_export]
macro_rules! __each_allocation_case {
    ($($callback:tt)*) => {
        $($callback)*! {
            allocations_are_counted
            waits_with_events_allocate_nothing
            empty_waits_allocate_nothing
            rearming_allocates_nothing
            toggling_an_interest_allocates_nothing
            waking_allocates_nothing
            waiting_for_files_allocates_nothing
            registering_again_allocates_nothing
            a_million_rounds_leave_descriptors_and_memory_as_they_were
        }
    };
}

macro_rules! published {
    ($($case:ident)*) => {
        #[doc(hidden)]
        pub mod allocation_case {
            pub use crate::allocations::cases::{$($case),*};
        }
    };
}

crate::__each_allocation_case!(published);
