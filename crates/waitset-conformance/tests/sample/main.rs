//! The sample reactor of the guide passes the whole suite, and is as short as the guide says.
#![cfg(target_os = "linux")]
#![allow(
    unsafe_code,
    unreachable_pub,
    reason = "the sample stands as an author of a mechanism would write it"
)]

mod declared;
mod declaring;
mod reactor;

use reactor::Sample;

waitset_conformance::conformance!(Sample::new());

#[test]
fn the_sample_has_fewer_than_150_lines() {
    assert!(include_str!("reactor.rs").lines().count() < 150);
}
