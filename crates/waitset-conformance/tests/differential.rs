//! Random programs on the sample reactor of the guide, apart from the suite: children that its cases
//! start hold copies of descriptors for a moment.
#![cfg(target_os = "linux")]
#![allow(
    unsafe_code,
    unreachable_pub,
    dead_code,
    reason = "the sample stands as an author of a mechanism would write it"
)]

#[path = "sample/declaring.rs"]
mod declaring;
#[path = "sample/reactor.rs"]
mod reactor;

use declaring::{Opened, declaring, no_level, no_oneshot};
use reactor::Sample;
use waitset_conformance::differential;

#[test]
fn the_sample_reports_what_poll_reports() {
    let make = || -> Opened { Ok(Box::new(Sample::new()?)) };
    differential::run(&[("sample", make)]);
}

#[test]
fn random_programs_leave_out_the_modes_that_are_declared_unsupported() {
    let level = || -> Opened { Ok(Box::new(declaring(no_level)?)) };
    let oneshot = || -> Opened { Ok(Box::new(declaring(no_oneshot)?)) };
    differential::run(&[
        ("no level", level as fn() -> Opened),
        ("no one-shot", oneshot),
    ]);
}
