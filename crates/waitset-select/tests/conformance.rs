//! The contract, on select: with sets of any size, and as POSIX has it.
#![cfg(target_os = "linux")]

mod any_size {
    waitset_conformance::conformance!(waitset_select::SelectReactor::new());
}

mod posix {
    waitset_conformance::conformance!(waitset_select::SelectReactor::posix());
}
