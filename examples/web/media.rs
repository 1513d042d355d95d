//! Content types by the ends of names.

use std::path::Path;

/// The type that a file's name says it has.
///
/// Names and types as IANA registers them; text is UTF-8 here. What is not known is
/// bytes, which a browser saves.
#[must_use]
pub fn type_of(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|end| end.to_str());
    match extension.unwrap_or("").to_ascii_lowercase().as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "txt" | "md" | "rs" | "toml" => "text/plain; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "xml" => "application/xml",
        "wasm" => "application/wasm",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "gz" => "application/gzip",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/vnd.microsoft.icon",
        "woff2" => "font/woff2",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        _ => "application/octet-stream",
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
    fn what_is_not_known_is_bytes() {
        for name in ["README", "a.unknown", "", "html"] {
            assert_eq!(type_of(Path::new(name)), "application/octet-stream");
        }
    }
}
