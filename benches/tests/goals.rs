//! The goals that need no measuring, in a process of their own: one of them needs nearly
//! all descriptors there are.
#![cfg(target_os = "linux")]
#![allow(
    clippy::disallowed_macros,
    reason = "the harness captures what a test prints"
)]

use waitset_bench::goals::{GOALS, Lab, Verdict};
use waitset_bench::limits;

#[test]
fn select_watches_18000_descriptors() {
    if let Err(reason) = limits::check(18_000) {
        return eprintln!("skipped: {reason}");
    }
    let mut lab = Lab::new(15, Err("not asked for".to_owned()));
    let goal = GOALS[8].measure(&mut lab).unwrap();
    assert_eq!((goal.number, goal.verdict()), (9, Verdict::Met));
    assert_eq!(goal.claims[0].figures[0].value, 18_000.0);
}
