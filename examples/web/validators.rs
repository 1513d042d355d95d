//! Whether a peer has a file already: validators and the conditions on them.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{self, HeaderName};

use super::date;
use super::head::{Field, Head};
use super::status::Status;
use super::tags::Tags;

/// What tells one state of a resource from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validators {
    /// The value of `ETag`; empty for what is made for each request.
    pub tag: String,
    /// The time of `Last-Modified`, in whole seconds, if there is one.
    pub modified: Option<SystemTime>,
    /// Whether that time tells every state from the one before.
    is_date_strong: bool,
}

impl Validators {
    /// Makes those of a file, as they are at `now`.
    ///
    /// A time has no date before 1970. One in the future is told as the present, as RFC 9110,
    /// 8.8.2.1 asks. A date is no proof for a second after the change: another one could have
    /// the same date (8.8.2.2). The tag has the length and the nanosecond of the last change of
    /// any kind: unlike the time that `Last-Modified` tells, no program sets it.
    #[must_use]
    pub fn of(file: &Metadata, now: SystemTime) -> Self {
        let changed = i128::from(file.ctime()) * 1_000_000_000 + i128::from(file.ctime_nsec());
        let tag = format!("\"{changed:x}-{:x}\"", file.len());
        let modified = file.modified().ok();
        let is_over = |time| now.duration_since(time).is_ok_and(|age| age >= SECOND);
        Self {
            tag,
            modified: modified.and_then(|time| in_seconds(time.min(now))),
            is_date_strong: modified.is_some_and(is_over),
        }
    }

    /// Those of a page that is made for each request: there is one, and no other is like it.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            tag: String::new(),
            modified: None,
            is_date_strong: false,
        }
    }

    /// Returns what the conditions of a request come to, in the order of RFC 9110, 13.2.2: a
    /// status that answers it, or `None` if it is to be done.
    #[must_use]
    pub fn answer(&self, head: &Head) -> Option<Status> {
        let fits = match head.tags(header::IF_MATCH) {
            Tags::Absent => self.is_unmodified(head),
            tags => tags.has_strong(&self.tag),
        };
        if !fits {
            return Some(Status::PreconditionFailed);
        }
        let is_known = match head.tags(header::IF_NONE_MATCH) {
            Tags::Absent => self.is_known_by_date(head),
            tags => tags.has_weak(&self.tag),
        };
        is_known.then_some(Status::NotModified)
    }

    /// A date that cannot be read is ignored, and so are several (RFC 9110, 13.1.4).
    fn is_unmodified(&self, head: &Head) -> bool {
        let since = date(head, header::IF_UNMODIFIED_SINCE);
        let is_later = |since| self.modified.is_some_and(|time| time > since);
        !since.is_some_and(is_later)
    }

    /// As above (RFC 9110, 13.1.3).
    fn is_known_by_date(&self, head: &Head) -> bool {
        let since = date(head, header::IF_MODIFIED_SINCE);
        let is_known = |since| self.modified.is_some_and(|time| time <= since);
        since.is_some_and(is_known)
    }

    /// Returns `true` if a range still fits the state that the peer has the rest of.
    #[must_use]
    pub fn allow_range(&self, head: &Head) -> bool {
        match head.field(header::IF_RANGE) {
            Field::Absent => true,
            Field::Unusable => false,
            Field::Value(tag) if tag.contains('"') => tag == self.tag,
            // A date has to be strong, and exact (RFC 9110, 13.1.5).
            Field::Value(_) => {
                let date = date(head, header::IF_RANGE);
                self.is_date_strong && date.is_some() && date == self.modified
            }
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn in_seconds(time: SystemTime) -> Option<SystemTime> {
    date::second_of(time).map(|second| UNIX_EPOCH + Duration::from_secs(second))
}

/// The date of a field, unless it is absent or to be ignored.
fn date(head: &Head, name: HeaderName) -> Option<SystemTime> {
    match head.field(name) {
        Field::Value(date) => httpdate::parse_http_date(date).ok(),
        Field::Absent | Field::Unusable => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::web::scratch::Scratch;

    const THEN: u64 = 784_111_777; // Sun, 06 Nov 1994 08:49:37 GMT

    fn answer(fields: &str) -> Option<Status> {
        validators().answer(&head(fields))
    }

    fn validators() -> Validators {
        Validators {
            tag: "\"a-1\"".into(),
            modified: Some(UNIX_EPOCH + Duration::from_secs(THEN)),
            is_date_strong: true,
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
        assert_eq!(answer("If-Match: *\r\n"), None);
        assert_eq!(answer(&format!("If-Unmodified-Since: {OLDER}\r\n")), failed);
        assert_eq!(answer(&format!("If-Unmodified-Since: {SAME}\r\n")), None);
    }

    #[test]
    fn the_lines_of_a_field_are_one_list() {
        let none = format!(
            "If-None-Match: \"x\"\r\nIf-None-Match: \"y\"\r\nIf-Modified-Since: {SAME}\r\n"
        );
        assert_eq!(answer(&none), None);
        let known = "If-None-Match: \"x\"\r\nIf-None-Match: \"a-1\"\r\n";
        assert_eq!(answer(known), Some(Status::NotModified));
        let failed = "If-Match: \"x\"\r\nIf-Match: \"y\"\r\n";
        assert_eq!(answer(failed), Some(Status::PreconditionFailed));
        let fits = "If-Match: \"x\"\r\nIf-Match: \"a-1\"\r\n";
        assert_eq!(answer(fits), None);
    }

    #[test]
    fn a_condition_that_cannot_be_used_is_not_an_absent_one() {
        let failed = Some(Status::PreconditionFailed);
        for tags in [
            "\"caf\u{e9}\"",
            "",
            "x",
            "\"x",
            "\"a,*,b\"",
            "\"x,\"a-1\",\"y\"",
        ] {
            let date = format!("If-Modified-Since: {SAME}\r\n");
            let known = answer(&format!("If-None-Match: {tags}\r\n{date}"));
            assert_eq!(known, None, "{tags}");
            assert_eq!(answer(&format!("If-Match: {tags}\r\n")), failed, "{tags}");
        }
        // But several dates are ignored: RFC 9110, 13.1.3 and 13.1.4.
        for name in ["If-Modified-Since", "If-Unmodified-Since"] {
            let twice = format!("{name}: {OLDER}\r\n").repeat(2);
            assert_eq!(answer(&twice), None, "{name}");
        }
    }

    fn allows(validators: &Validators, fields: &str) -> bool {
        validators.allow_range(&head(fields))
    }

    #[test]
    fn a_range_is_for_the_state_that_the_peer_has() {
        let allows = |value: &str| allows(&validators(), &format!("If-Range: {value}\r\n"));
        assert!(allows("\"a-1\"") && allows(SAME));
        for other in ["\"a-2\"", "W/\"a-1\"", OLDER, "x", "", "\u{e9}"] {
            assert!(!allows(other), "{other}");
        }
        assert!(!allows("\"a-1\"\r\nIf-Range: \"a-1\""));
    }

    /// What a file of this modification time has, so long after it.
    fn of(modified: SystemTime, age: Duration) -> Validators {
        let scratch = Scratch::new();
        scratch.write("a", b"");
        let file = File::options().write(true).open(scratch.path().join("a"));
        let file = file.unwrap();
        file.set_modified(modified).unwrap();
        Validators::of(&file.metadata().unwrap(), modified + age)
    }

    #[test]
    fn a_date_is_no_proof_for_a_second_after_the_change() {
        let modified = UNIX_EPOCH + Duration::from_millis(THEN * 1000 + 900);
        let range = format!("If-Range: {SAME}\r\n");
        for (age_ms, is_strong) in [(0, false), (100, false), (999, false), (1000, true)] {
            let validators = of(modified, Duration::from_millis(age_ms));
            assert_eq!(date::format(validators.modified.unwrap()).unwrap(), SAME);
            assert_eq!(allows(&validators, &range), is_strong, "{age_ms} ms");
        }
    }

    #[test]
    fn a_time_in_the_future_is_told_as_the_present() {
        let now = UNIX_EPOCH + Duration::from_secs(THEN);
        let scratch = Scratch::new();
        scratch.write("a", b"");
        let metadata = std::fs::metadata(scratch.path().join("a")).unwrap();
        let validators = Validators::of(&metadata, now);
        assert_eq!(validators.modified, Some(now));
        assert!(!allows(&validators, &format!("If-Range: {SAME}\r\n")));
    }

    #[test]
    fn a_time_before_1970_has_no_date() {
        let second = Duration::from_secs(1);
        let validators = of(UNIX_EPOCH - second, second);
        assert_eq!(validators.modified, None);
        let same = format!("If-Modified-Since: {SAME}\r\n");
        assert_eq!(validators.answer(&head(&same)), None);
    }

    #[test]
    fn a_file_that_was_replaced_has_another_tag_though_its_time_was_set_back() {
        let scratch = Scratch::new();
        let tag = || {
            scratch.write("a", b"");
            let file = File::options().write(true).open(scratch.path().join("a"));
            let file = file.unwrap();
            file.set_modified(UNIX_EPOCH).unwrap();
            Validators::of(&file.metadata().unwrap(), SystemTime::now()).tag
        };
        let first = tag();
        // The clock of a file system has ticks.
        let is_another = |tag: String| tag != first;
        assert!((0..1_000_000).any(|_| is_another(tag())));
    }
}
