//! The value of `Date`, formatted once a second.

use std::time::{Duration, Instant, SystemTime};

/// A date that is at most a second old.
#[derive(Debug)]
pub struct Date {
    text: String,
    formatted: Instant,
}

impl Date {
    /// The date of now.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            text: httpdate::fmt_http_date(SystemTime::now()),
            formatted: now,
        }
    }

    /// The date, formatted anew if it is a second old.
    pub fn at(&mut self, now: Instant) -> &str {
        if now.duration_since(self.formatted) >= Duration::from_secs(1) {
            *self = Self::new(now);
        }
        &self.text
    }
}
