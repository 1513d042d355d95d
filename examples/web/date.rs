//! Dates as HTTP has them: in whole seconds, from 1970 to 9999.

use std::time::{SystemTime, UNIX_EPOCH};

/// 23:59:59 on the last day of the year 9999: years have four digits (RFC 9110, 5.6.7).
const LAST_SECOND: u64 = 253_402_300_799;

/// Returns the second of a time, counted from 1970, or `None` if it has no date.
#[must_use]
pub fn second_of(time: SystemTime) -> Option<u64> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    Some(since.as_secs()).filter(|second| *second <= LAST_SECOND)
}

/// Formats a time, or returns `None` if it has no date. `httpdate` would panic.
#[must_use]
pub fn format(time: SystemTime) -> Option<String> {
    second_of(time).map(|_| httpdate::fmt_http_date(time))
}

/// The value of `Date`, formatted once per second.
#[derive(Debug, Default)]
pub struct Date {
    text: String,
    second: Option<u64>,
}

impl Date {
    /// Returns the date of `now`. A server whose clock is out of range sends none (RFC 9110,
    /// 6.6.1).
    pub fn at(&mut self, now: SystemTime) -> Option<&str> {
        let second = second_of(now);
        if second != self.second {
            self.second = second;
            self.text = format(now).unwrap_or_default();
        }
        second.map(|_| self.text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    #[test]
    fn a_time_without_a_date_is_none_and_no_panic() {
        let last = format(at(LAST_SECOND));
        assert_eq!(last.as_deref(), Some("Fri, 31 Dec 9999 23:59:59 GMT"));
        let before = UNIX_EPOCH - Duration::from_nanos(1);
        for time in [before, at(LAST_SECOND + 1), at(i64::MAX as u64)] {
            assert_eq!(format(time), None, "{time:?}");
            assert_eq!(Date::default().at(time), None, "{time:?}");
        }
    }

    #[test]
    fn the_date_is_that_of_the_second_also_if_the_clock_is_set_back() {
        let mut date = Date::default();
        assert_eq!(date.at(at(1)), Some("Thu, 01 Jan 1970 00:00:01 GMT"));
        let late = at(1) + Duration::from_millis(999);
        assert_eq!(date.at(late), Some("Thu, 01 Jan 1970 00:00:01 GMT"));
        assert_eq!(date.at(at(2)), Some("Thu, 01 Jan 1970 00:00:02 GMT"));
        assert_eq!(date.at(at(0)), Some("Thu, 01 Jan 1970 00:00:00 GMT"));
        assert_eq!(date.at(at(LAST_SECOND + 1)), None);
        assert_eq!(date.at(at(0)), Some("Thu, 01 Jan 1970 00:00:00 GMT"));
    }
}
