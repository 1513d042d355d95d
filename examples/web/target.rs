//! From a request's target to a path below the root.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::status::Status;

/// What a target asks for, decoded. It has no `..`, and is relative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Below the root; empty for the root itself.
    pub path: PathBuf,
    /// Whether it ended with a slash, and so asks for a directory.
    pub is_directory: bool,
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
        let path = path_of(target).ok_or(Status::BadRequest)?;
        let bytes = percent_decode_str(path).collect::<Vec<u8>>();
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
        })
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

/// The path of a target, without the query. A server takes a whole URI too (RFC 9112,
/// 3.2.2).
fn path_of(target: &str) -> Option<&str> {
    let path = match target.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => {
            rest.find('/').map_or("/", |slash| &rest[slash..])
        }
        _ => target,
    };
    let (path, _query) = path.split_once('?').unwrap_or((path, ""));
    (path.starts_with('/') && !path.contains('#')).then_some(path)
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
            "../a",
        ] {
            assert_eq!(path(target), Err(Status::BadRequest), "{target}");
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
