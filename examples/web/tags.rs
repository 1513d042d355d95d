//! Entity tags, as conditions list them (RFC 9110, 8.8.3 and 13.1).

/// What `If-Match` or `If-None-Match` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tags<'a> {
    /// There is no such field.
    Absent,
    /// An asterisk: whatever there is.
    Any,
    /// These tags.
    These(Vec<Tag<'a>>),
    /// Something else, which fits nothing.
    Unusable,
}

/// An entity tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag<'a> {
    is_weak: bool,
    /// With its quotes.
    quoted: &'a [u8],
}

impl<'a> Tags<'a> {
    /// Reads the lines of a field as one list.
    pub fn read(lines: impl Iterator<Item = &'a [u8]>) -> Self {
        let lines: Vec<_> = lines.map(<[u8]>::trim_ascii).collect();
        if lines.is_empty() {
            return Self::Absent;
        }
        if lines == [b"*"] {
            return Self::Any;
        }
        let mut tags = Vec::new();
        for mut rest in lines {
            while !rest.is_empty() {
                let Some(after) = Tag::read_one(rest, &mut tags) else {
                    return Self::Unusable;
                };
                rest = after;
            }
        }
        Self::These(tags)
    }

    /// Returns `true` if `tag`, which is strong, is among them, each of which has to be strong
    /// as well.
    #[must_use]
    pub fn has_strong(&self, tag: &str) -> bool {
        self.has(tag, |one| !one.is_weak)
    }

    /// Returns `true` if `tag` is among them, weak or not.
    #[must_use]
    pub fn has_weak(&self, tag: &str) -> bool {
        self.has(tag, |_| true)
    }

    fn has(&self, tag: &str, counts: impl Fn(&Tag<'_>) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::These(tags) => tags
                .iter()
                .any(|one| one.quoted == tag.as_bytes() && counts(one)),
            Self::Absent | Self::Unusable => false,
        }
    }
}

impl<'a> Tag<'a> {
    /// Takes an element of a list, which may be empty, and the comma behind it. Returns what
    /// follows.
    fn read_one(list: &'a [u8], tags: &mut Vec<Self>) -> Option<&'a [u8]> {
        let weak = list.strip_prefix(b"W/");
        let quoted = weak.unwrap_or(list);
        let mut rest = list;
        if let [b'"', inner @ ..] = quoted {
            let length = inner.iter().position(|byte| *byte == b'"')? + 2;
            let (tag, after) = quoted.split_at(length);
            let is_of_tag = |byte: &u8| !byte.is_ascii_control() && *byte != b' ';
            tag.iter().all(is_of_tag).then_some(())?;
            tags.push(Self {
                is_weak: weak.is_some(),
                quoted: tag,
            });
            rest = after.trim_ascii_start();
        }
        match rest {
            [] => Some(rest),
            [b',', after @ ..] => Some(after.trim_ascii_start()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(lines: &[&'a str]) -> Tags<'a> {
        Tags::read(lines.iter().map(|line| line.as_bytes()))
    }

    #[test]
    fn tags_are_found_on_all_lines_and_whatever_is_in_them() {
        for lines in [
            &["\"a\""][..],
            &["W/\"b\", \"a\""],
            &["\"b\"", "\"a\""],
            &[",, \"b,*\" ,\t\"a\",", ""],
            &["\"caf\u{e9}\",\"\",\"a\""],
        ] {
            assert!(read(lines).has_strong("\"a\""), "{lines:?}");
            assert!(read(lines).has_weak("\"a\""), "{lines:?}");
            assert!(!read(lines).has_weak("\"c\""), "{lines:?}");
        }
        assert!(read(&["W/\"a\""]).has_weak("\"a\""));
        assert!(!read(&["W/\"a\""]).has_strong("\"a\""));
    }

    #[test]
    fn an_asterisk_alone_is_any_tag() {
        assert_eq!(read(&["*"]), Tags::Any);
        assert!(read(&[" * "]).has_strong("\"a\""));
        for lines in [
            &["*", "*"][..],
            &["*, \"a\""],
            &["\"a\", *"],
            &["\"b\"", "*"],
        ] {
            assert_eq!(read(lines), Tags::Unusable, "{lines:?}");
        }
        assert!(!read(&["\"b,*,c\""]).has_strong("\"a\""));
    }

    #[test]
    fn what_is_no_list_of_tags_cannot_be_used_and_is_not_absent() {
        assert_eq!(read(&[]), Tags::Absent);
        assert_eq!(read(&[""]), Tags::These(Vec::new()));
        for line in [
            "a",
            "\"a",
            "a\"",
            "\"a\"\"b\"",
            "\"a\" \"b\"",
            "w/\"a\"",
            "W/a",
            "W/ \"a\"",
            "W/",
            "\"a b\"",
            "\"a\tb\"",
            "\"a\u{7f}\"",
            "\"",
            "\"a\",x",
        ] {
            assert_eq!(read(&[line]), Tags::Unusable, "{line}");
        }
    }
}
