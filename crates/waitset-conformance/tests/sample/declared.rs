//! A mechanism that declares what it lacks passes; the declaration alone decides.

use std::panic;

use waitset_conformance::{Make, case, run};

use crate::declaring::{Opened, declaring, no_level};

mod level {
    waitset_conformance::conformance!(crate::declaring::declaring(crate::declaring::no_level));
}

mod oneshot {
    waitset_conformance::conformance!(crate::declaring::declaring(crate::declaring::no_oneshot));
}

/// Whether a case of these rules passes.
fn passes(rules: &[u8], case: fn(Make), make: fn() -> Opened) -> bool {
    panic::catch_unwind(|| run("sample::declared", rules, case, make)).is_ok()
}

#[test]
fn a_mode_that_is_declared_unsupported_and_accepted_fails() {
    let case = case::readiness::data_reads_as_readable;
    assert!(passes(&[1], case, || Ok(Box::new(declaring(no_level)?))));
    let accepts = || -> Opened {
        let mut declaring = declaring(no_level)?;
        declaring.refuses = false;
        Ok(Box::new(declaring))
    };
    assert!(!passes(&[1], case, accepts));
}

#[test]
fn only_a_declaration_ends_the_cases_of_closed_descriptors() {
    let fails = |_: Make| panic!("the case runs");
    let tolerates = || -> Opened { Ok(Box::new(declaring(|_| ())?)) };
    let does_not = || -> Opened {
        Ok(Box::new(declaring(|can| {
            can.tolerates_closed_descriptors = false
        })?))
    };
    assert!(!passes(&[10], fails, tolerates));
    assert!(passes(&[10], fails, does_not));
    assert!(
        !passes(&[8, 10], fails, does_not),
        "another rule is the main one"
    );
}
