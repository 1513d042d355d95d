//! Which part of a file is asked for.

use std::ops::Range;

/// What a `Range` field asks of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of it: no range, one that cannot be read, several, or any of nothing.
    All,
    /// These bytes, at least one.
    Part(Range<u64>),
    /// Bytes that there are not.
    Nothing,
}

/// Reads a `Range` field for a file of `length` bytes (RFC 9110, 14).
///
/// A server may ignore the field, and this one ignores several ranges at once: that is
/// what a browser never asks for, and what was used to multiply answers.
///
/// So is any range of an empty file: no part of it can be named in an answer, and a client
/// that asks for a range of everything it fetches wants to hear that there is nothing.
#[must_use]
pub fn wanted(field: &str, length: u64) -> Wanted {
    if length == 0 {
        return Wanted::All;
    }
    let Some((unit, range)) = field.split_once('=') else {
        return Wanted::All;
    };
    let Some((first, last)) = range.trim().split_once('-') else {
        return Wanted::All;
    };
    if !unit.eq_ignore_ascii_case("bytes") {
        return Wanted::All;
    }
    let part = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(length),
        (Some(first), None) if last.is_empty() => first..length,
        (None, Some(count)) if first.is_empty() => length.saturating_sub(count)..length,
        _ => return Wanted::All,
    };
    match part.is_empty() {
        true => Wanted::Nothing,
        false => Wanted::Part(part),
    }
}

/// Digits alone; one that no file is long enough for is the largest.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_the_standard() {
        for (field, part) in [
            ("bytes=0-0", 0..1),
            ("bytes=0-499", 0..500),
            ("bytes=500-999", 500..1000),
            ("bytes=-500", 500..1000),
            ("bytes=-5000", 0..1000),
            ("bytes=9-", 9..1000),
            ("bytes=9-99999999999999999999", 9..1000),
            ("Bytes=1-2", 1..3),
        ] {
            assert_eq!(wanted(field, 1000), Wanted::Part(part), "{field}");
        }
    }

    #[test]
    fn what_lies_behind_the_end_cannot_be_had() {
        for field in [
            "bytes=1000-",
            "bytes=1000-1001",
            "bytes=-0",
            "bytes=99999999999999999999-",
        ] {
            assert_eq!(wanted(field, 1000), Wanted::Nothing, "{field}");
        }
    }

    #[test]
    fn any_range_of_nothing_is_all_of_it() {
        for field in ["bytes=0-", "bytes=-5", "bytes=0-0", "bytes=7-", "bytes=-0"] {
            assert_eq!(wanted(field, 0), Wanted::All, "{field}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_ignored_and_so_are_several() {
        for field in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=2-1",
            "bytes=+1-2",
            "bytes=1-+2",
            "bytes=a-b",
            "bytes=1--2",
            "bytes=0-1,5-6",
            "lines=1-2",
            "bytes 1-2",
            "bytes=1-2 3",
            "bytes=0x1-2",
        ] {
            assert_eq!(wanted(field, 1000), Wanted::All, "{field}");
        }
    }
}
