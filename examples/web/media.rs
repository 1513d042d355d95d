//! Content types by the ends of names.

use std::borrow::Cow;
use std::path::Path;

/// Returns the type that the name of a file says it has. Text is UTF-8 here. A name that is
/// not known means bytes, which a browser saves.
#[must_use]
pub fn type_of(path: &Path) -> Cow<'static, str> {
    let guess = new_mime_guess::from_path(path).first_raw();
    let essence = match guess {
        // Obsolete (RFC 9239); the table still has it for `.mjs`.
        Some("application/javascript") => "text/javascript",
        Some(essence) => essence,
        None => "application/octet-stream",
    };
    match essence.starts_with("text/") {
        true => format!("{essence}; charset=utf-8").into(),
        false => essence.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_found_in_any_case() {
        assert_eq!(type_of(Path::new("a/B.PNG")), "image/png");
        assert_eq!(type_of(Path::new("index.html")), "text/html; charset=utf-8");
    }

    #[test]
    fn a_type_is_the_one_that_is_registered() {
        for (ending, essence) in [
            ("js", "text/javascript; charset=utf-8"),
            ("mjs", "text/javascript; charset=utf-8"),
            ("cjs", "application/node"),
            ("woff", "font/woff"),
            ("woff2", "font/woff2"),
            ("ttf", "font/ttf"),
            ("otf", "font/otf"),
            ("wav", "audio/wav"),
            ("flac", "audio/flac"),
            ("m4a", "audio/mp4"),
            ("mov", "video/quicktime"),
            ("vtt", "text/vtt; charset=utf-8"),
            ("xhtml", "application/xhtml+xml"),
            ("bmp", "image/bmp"),
            ("tiff", "image/tiff"),
            ("apng", "image/apng"),
            ("ico", "image/vnd.microsoft.icon"),
            ("ics", "text/calendar; charset=utf-8"),
            ("jsonld", "application/ld+json"),
            ("tar", "application/x-tar"),
            ("tar.gz", "application/gzip"),
        ] {
            let path = format!("a.{ending}");
            assert_eq!(type_of(Path::new(&path)), essence, "{ending}");
        }
    }

    #[test]
    fn what_is_not_known_is_bytes() {
        for name in ["README", "a.unknown", "", "html", ".html"] {
            assert_eq!(type_of(Path::new(name)), "application/octet-stream");
        }
    }
}
