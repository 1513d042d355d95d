//! Whether a peer has a file already: validators and the conditions on them.

use std::fs::Metadata;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::head::Head;
use super::status::Status;

/// What tells one state of a file from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validators {
    /// The value of `ETag`.
    pub tag: String,
    /// In whole seconds, as HTTP has them.
    pub modified: SystemTime,
}

impl Validators {
    /// From the time of the last change, in nanoseconds, and the length.
    #[must_use]
    pub fn of(file: &Metadata) -> Self {
        let modified = file.modified().unwrap_or(UNIX_EPOCH);
        let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            tag: format!("\"{:x}-{:x}\"", since.as_nanos(), file.len()),
            modified: UNIX_EPOCH + Duration::from_secs(since.as_secs()),
        }
    }

    /// What the conditions of a request come to, in the order of RFC 9110, 13.2.2: a
    /// status that answers it, or `None` if it is to be done.
    #[must_use]
    pub fn answer(&self, head: &Head) -> Option<Status> {
        if let Some(tags) = head.field("if-match") {
            if !self.is_among(tags, Strength::Strong) {
                return Some(Status::PreconditionFailed);
            }
        } else if let Some(date) = date(head, "if-unmodified-since") {
            if self.modified > date {
                return Some(Status::PreconditionFailed);
            }
        }
        if let Some(tags) = head.field("if-none-match") {
            return self
                .is_among(tags, Strength::Weak)
                .then_some(Status::NotModified);
        }
        let date = date(head, "if-modified-since")?;
        (self.modified <= date).then_some(Status::NotModified)
    }

    /// Whether a range still fits the state that the peer has the rest of.
    #[must_use]
    pub fn allow_range(&self, head: &Head) -> bool {
        match head.field("if-range") {
            None => true,
            Some(tag) if tag.contains('"') => tag == self.tag,
            // A date is strong enough only if it is exact (RFC 9110, 13.1.5).
            Some(_) => date(head, "if-range") == Some(self.modified),
        }
    }

    /// No tag of this server has a comma, so none is found in a half of another.
    fn is_among(&self, tags: &str, strength: Strength) -> bool {
        let mut tags = tags.split(',').map(str::trim);
        tags.any(|tag| match strength {
            _ if tag == "*" => true,
            Strength::Strong => tag == self.tag,
            Strength::Weak => tag.strip_prefix("W/").unwrap_or(tag) == self.tag,
        })
    }
}

#[derive(Clone, Copy)]
enum Strength {
    Strong,
    Weak,
}

fn date(head: &Head, name: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(head.field(name)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEN: u64 = 784_111_777; // Sun, 06 Nov 1994 08:49:37 GMT

    fn answer(fields: &str) -> Option<Status> {
        validators().answer(&head(fields))
    }

    fn validators() -> Validators {
        Validators {
            tag: "\"a-1\"".into(),
            modified: UNIX_EPOCH + Duration::from_secs(THEN),
        }
    }

    fn head(fields: &str) -> Head {
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        Head::read(text.as_bytes()).unwrap().unwrap().0
    }

    const OLDER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    #[test]
    fn a_peer_that_has_the_file_is_told_so() {
        for tags in ["\"a-1\"", "W/\"a-1\"", "\"b\", \"a-1\"", "*"] {
            let told = answer(&format!("If-None-Match: {tags}\r\n"));
            assert_eq!(told, Some(Status::NotModified), "{tags}");
        }
        for date in [
            SAME,
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            let told = answer(&format!("If-Modified-Since: {date}\r\n"));
            assert_eq!(told, Some(Status::NotModified), "{date}");
        }
    }

    #[test]
    fn a_peer_that_has_another_is_answered() {
        assert_eq!(answer(""), None);
        assert_eq!(answer("If-None-Match: \"a-2\"\r\n"), None);
        assert_eq!(answer(&format!("If-Modified-Since: {OLDER}\r\n")), None);
        assert_eq!(answer("If-Modified-Since: yesterday\r\n"), None);
    }

    #[test]
    fn a_tag_outweighs_a_date() {
        let both = format!("If-None-Match: \"a-2\"\r\nIf-Modified-Since: {SAME}\r\n");
        assert_eq!(answer(&both), None);
    }

    #[test]
    fn a_condition_on_the_state_can_fail() {
        let failed = Some(Status::PreconditionFailed);
        assert_eq!(answer("If-Match: \"a-2\"\r\n"), failed);
        assert_eq!(answer("If-Match: W/\"a-1\"\r\n"), failed);
        assert_eq!(answer("If-Match: \"a-1\"\r\n"), None);
        assert_eq!(answer(&format!("If-Unmodified-Since: {OLDER}\r\n")), failed);
        assert_eq!(answer(&format!("If-Unmodified-Since: {SAME}\r\n")), None);
    }

    #[test]
    fn a_range_is_for_the_state_that_the_peer_has() {
        let allows =
            |value: &str| validators().allow_range(&head(&format!("If-Range: {value}\r\n")));
        assert!(allows("\"a-1\"") && allows(SAME));
        assert!(!allows("\"a-2\"") && !allows("W/\"a-1\"") && !allows(OLDER) && !allows("x"));
    }
}
