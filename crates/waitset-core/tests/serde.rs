//! What programs store reads back as it was, and survives fields that come later.
#![cfg(feature = "serde")]

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use waitset_core::{Capabilities, Interest, Mode, Stats, Support, Token};

#[track_caller]
fn assert_stored<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T, json: &str) {
    assert_eq!(serde_json::to_string(&value).unwrap(), json);
    assert_eq!(serde_json::from_str::<T>(json).unwrap(), value);
}

#[test]
fn values_are_stored_as_they_are_displayed() {
    assert_stored(Token::MAX, "2305843009213693951");
    assert_stored(Mode::Oneshot, r#""oneshot""#);
    assert_stored(Support::Emulated, r#""emulated""#);
    for interest in (1..=7).filter_map(Interest::from_bits) {
        assert_stored(interest, &format!("\"{interest}\""));
    }
}

#[test]
fn an_empty_or_unknown_interest_cannot_be_read() {
    for wrong in [r#""""#, r#""readable|""#, "0", r#""READABLE""#] {
        assert!(serde_json::from_str::<Interest>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn stats_and_capabilities_read_back_and_lack_fields_without_harm() {
    let stats = Stats {
        waits: 3,
        ..Stats::default()
    };
    let select = Capabilities {
        descriptor_limit: Some(1_024),
        hangup_shows_as: Interest::READABLE,
        ..Capabilities::FULL
    };
    let json = serde_json::to_string(&(stats, select)).unwrap();
    assert_eq!(
        serde_json::from_str::<(Stats, Capabilities)>(&json).unwrap(),
        (stats, select)
    );
    let of_before: Stats = serde_json::from_str(r#"{"waits":3}"#).unwrap();
    assert_eq!(of_before, stats);
    let of_before: Capabilities = serde_json::from_str(r#"{"edge":"unsupported"}"#).unwrap();
    assert_eq!(of_before.edge, Support::Unsupported);
    assert_eq!(of_before.level, Capabilities::FULL.level);
}
