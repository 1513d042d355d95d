//! From a request's target to a path below the root.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::authority::Authority;
use super::status::Status;

/// What a target asks for, decoded. It has no `..`, and is relative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Below the root; empty for the root itself.
    pub path: PathBuf,
    /// Whether it ended with a slash, and so asks for a directory.
    pub is_directory: bool,
    /// What follows the question mark, as it was sent.
    pub query: Option<String>,
    /// Whom it names, if it is a whole URI.
    pub authority: Option<Authority>,
}

/// What does not stand for itself in a path (RFC 3986, 3.3).
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

impl Target {
    /// Decodes the target of a request: a path, or a whole URI.
    ///
    /// It is decoded once and then cut at its slashes, so that an encoded slash or dot is
    /// one like any other.
    ///
    /// # Errors
    ///
    /// `BadRequest` if it would leave the root or is no path, `NotFound` for hidden files.
    pub fn decode(target: &str) -> Result<Self, Status> {
        let parts = Parts::of(target).ok_or(Status::BadRequest)?;
        let bytes = percent_decode_str(parts.path).collect::<Vec<u8>>();
        if bytes.contains(&0) {
            return Err(Status::BadRequest);
        }
        let mut path = PathBuf::new();
        for name in bytes.split(|byte| *byte == b'/') {
            match name {
                b"" => {}
                b"." | b".." => return Err(Status::BadRequest),
                [b'.', ..] if name != b".well-known" => return Err(Status::NotFound),
                _ => path.push(OsStr::from_bytes(name)),
            }
        }
        Ok(Self {
            path,
            is_directory: bytes.ends_with(b"/"),
            query: parts.query.map(str::to_owned),
            authority: parts.authority,
        })
    }

    /// Returns `true` if it is this path and no other, however it is encoded.
    #[must_use]
    pub fn is(&self, path: &str) -> bool {
        let path = path.trim_start_matches('/');
        !self.is_directory && self.path == Path::new(path)
    }

    /// Where the directory is that a target without the slash at its end means. Bytes of the
    /// query that are not ASCII are encoded.
    #[must_use]
    pub fn with_slash(&self) -> String {
        let target = Self::encode(&self.path, true);
        match &self.query {
            Some(query) => format!("{target}?{}", utf8_percent_encode(query, CONTROLS)),
            None => target,
        }
    }

    /// As a target again, with one slash at its start and, for a directory, its end.
    #[must_use]
    pub fn encode(path: &Path, is_directory: bool) -> String {
        let names = path.iter().map(|name| format!("/{}", encode(name)));
        let target: String = names.collect();
        match is_directory {
            true => target + "/",
            false => target,
        }
    }
}

/// One name of a path.
#[must_use]
pub fn encode(name: &OsStr) -> String {
    match name.to_str() {
        Some(text) => utf8_percent_encode(text, ENCODED).to_string(),
        None => percent_encoding::percent_encode(name.as_bytes(), ENCODED).to_string(),
    }
}

/// A target, cut up.
struct Parts<'a> {
    authority: Option<Authority>,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Parts<'a> {
    /// A server takes a whole URI, too (RFC 9112, 3.2.2). Its authority ends at a slash, a
    /// question mark or a number sign (RFC 3986, 3.2), and names a host (RFC 9110, 4.2).
    fn of(target: &'a str) -> Option<Self> {
        let (authority, rest) = match target.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => {
                let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
                (Some(Authority::read(&rest[..end])?), &rest[end..])
            }
            _ => (None, target),
        };
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let path = match authority.is_some() && path.is_empty() {
            true => "/",
            false => path,
        };
        // A fragment is not sent.
        (path.starts_with('/') && !rest.contains('#')).then_some(Self {
            authority,
            path,
            query,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(target: &str) -> Result<String, Status> {
        let decoded = Target::decode(target)?;
        Ok(decoded.path.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_target_is_decoded_once() {
        assert_eq!(path("/a%20b/c?d=/e"), Ok("a b/c".into()));
        assert_eq!(path("/%2565"), Ok("%65".into()));
        assert_eq!(path("/%zz"), Ok("%zz".into()));
        assert_eq!(path("//a///b"), Ok("a/b".into()));
        assert_eq!(path("/"), Ok(String::new()));
        assert_eq!(path("http://host/a"), Ok("a".into()));
        assert_eq!(path("HTTP://host"), Ok(String::new()));
        assert_eq!(path("http://a?x=/a.txt"), Ok(String::new()));
        assert_eq!(path("http://a:80/a?x=/b"), Ok("a".into()));
        assert_eq!(path("http://[::1]:80/a"), Ok("a".into()));
        assert_eq!(path("/q?http://x/y"), Ok("q".into()));
    }

    #[test]
    fn nothing_leads_out_of_the_root() {
        for target in [
            "/..",
            "/../etc/passwd",
            "/a/../../etc/passwd",
            "/%2e%2e/etc/passwd",
            "/%2E%2e%2fetc%2Fpasswd",
            "/..%2f..%2fetc/passwd",
            "/a/%2e/b",
            "/./a",
            "http://host/../a",
            "/a%00.html",
            "/a#b",
            "a",
            "*",
            "",
            "host:80",
            "https://host/",
            "http:/a.txt",
            "http://",
            "http:///a.txt",
            "http://?/a.txt",
            "http://:80/a.txt",
            "http://a#/a.txt",
            "http://a?b#/a.txt",
            "http://user@a/a.txt",
            "http://a:b/a.txt",
            "http://a:65536/a.txt",
            "http://a\\b/a.txt",
            "/a?b#c",
            "../a",
        ] {
            assert_eq!(path(target), Err(Status::BadRequest), "{target}");
        }
    }

    #[test]
    fn a_path_is_the_same_however_it_is_encoded() {
        for target in [
            "/ws",
            "/%77s",
            "//ws",
            "/ws?x=/y",
            "http://a/ws",
            "http://a:1/%77%73?",
        ] {
            assert!(Target::decode(target).unwrap().is("/ws"), "{target}");
        }
        for target in ["/", "/ws/", "/WS", "/ws/x", "/w", "http://a?/ws"] {
            assert!(!Target::decode(target).unwrap().is("/ws"), "{target}");
        }
    }

    #[test]
    fn a_slash_is_added_before_the_query() {
        for (target, there) in [
            ("/a", "/a/"),
            ("//a?", "/a/?"),
            ("/a%20b?x=1&y=%2f?", "/a%20b/?x=1&y=%2f?"),
            ("http://host/a?x", "/a/?x"),
            ("/a?\u{e9}", "/a/?%C3%A9"),
        ] {
            assert_eq!(Target::decode(target).unwrap().with_slash(), there);
        }
    }

    #[test]
    fn hidden_files_are_not_there() {
        assert_eq!(path("/.git/config"), Err(Status::NotFound));
        assert_eq!(path("/a/%2eenv"), Err(Status::NotFound));
        assert_eq!(path("/.well-known/x"), Ok(".well-known/x".into()));
    }

    #[test]
    fn an_encoded_path_decodes_to_itself() {
        for name in ["a b", "100%", "ä?#<>\"", "%2e%2e", "a&b=c"] {
            let encoded = Target::encode(Path::new(name), true);
            let decoded = Target::decode(&encoded).unwrap();
            assert_eq!(decoded.path, Path::new(name));
            assert!(decoded.is_directory);
        }
    }
}
