//! What answers a request for a file.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use super::answer::{Answer, Body};
use super::head::Head;
use super::media;
use super::range::{Wanted, wanted};
use super::status::Status;
use super::target::{Target, encode};
use super::tree::Tree;
use super::validators::Validators;

/// More than anyone reads in a browser.
const NAMES_MAX: usize = 1000;

/// Answers a request with a file of the tree, a list of a directory, or a status that
/// says why not.
#[must_use]
pub fn answer(tree: &Tree, head: &Head) -> Answer {
    if !matches!(&*head.method, "GET" | "HEAD") {
        return Answer::page(Status::MethodNotAllowed).with("Allow", "GET, HEAD");
    }
    match find(tree, head) {
        Ok(answer) => answer,
        Err(status) => Answer::page(status),
    }
}

fn find(tree: &Tree, head: &Head) -> Result<Answer, Status> {
    let target = Target::decode(&head.target)?;
    let (file, metadata) = open(tree, &target.path)?;
    if metadata.is_dir() {
        return directory(tree, &target, head);
    }
    match metadata.is_file() && !target.is_directory {
        true => Ok(whole_or_part(&target.path, file, &metadata, head)),
        false => Err(Status::NotFound),
    }
}

fn directory(tree: &Tree, target: &Target, head: &Head) -> Result<Answer, Status> {
    if !target.is_directory {
        // Without the slash, links on its page would lead elsewhere.
        let there = Target::encode(&target.path, true);
        return Ok(Answer::page(Status::MovedPermanently).with("Location", &there));
    }
    let index = target.path.join("index.html");
    if let Ok((file, metadata)) = open(tree, &index) {
        if metadata.is_file() {
            return Ok(whole_or_part(&index, file, &metadata, head));
        }
    }
    let names = tree.list(&target.path, NAMES_MAX).map_err(status_of)?;
    Ok(Answer {
        body: Body::text(list(&target.path, &names)),
        ..Answer::page(Status::Ok)
    })
}

fn open(tree: &Tree, path: &Path) -> Result<(File, Metadata), Status> {
    let file = tree.open(path).map_err(status_of)?;
    let metadata = file.metadata().map_err(status_of)?;
    Ok((file, metadata))
}

/// What may not be read and what lies outside are as good as absent, so that nobody
/// learns what there is.
fn status_of(error: io::Error) -> Status {
    match error.raw_os_error() {
        // Out of descriptors: not for ever.
        Some(libc::EMFILE | libc::ENFILE) => Status::ServiceUnavailable,
        _ => Status::NotFound,
    }
}

fn whole_or_part(path: &Path, file: File, metadata: &Metadata, head: &Head) -> Answer {
    let validators = Validators::of(metadata);
    let length = metadata.len();
    let answer = |status, body| {
        let mut fields = String::with_capacity(160);
        let modified = httpdate::fmt_http_date(validators.modified);
        let _ = write!(
            fields,
            "ETag: {}\r\nLast-Modified: {modified}\r\n",
            validators.tag
        );
        fields.push_str("Accept-Ranges: bytes\r\nCache-Control: no-cache\r\n");
        Answer {
            status,
            fields,
            body,
        }
    };
    let typed = |answer: Answer| {
        let answer = answer.with("Content-Type", media::type_of(path));
        answer.with("X-Content-Type-Options", "nosniff")
    };
    match validators.answer(head) {
        Some(Status::NotModified) => return answer(Status::NotModified, Body::None),
        Some(status) => return Answer::page(status),
        None => {}
    }
    let range = match head.field("range") {
        Some(field) if head.method == "GET" && validators.allow_range(head) => field,
        _ => "",
    };
    match wanted(range, length) {
        Wanted::All => {
            let body = Body::file(file, 0..length);
            typed(answer(Status::Ok, body))
        }
        Wanted::Part(part) => {
            let field = format!("bytes {}-{}/{length}", part.start, part.end - 1);
            let body = Body::file(file, part);
            typed(answer(Status::PartialContent, body)).with("Content-Range", &field)
        }
        Wanted::Nothing => {
            let field = format!("bytes */{length}");
            Answer::page(Status::RangeNotSatisfiable).with("Content-Range", &field)
        }
    }
}

/// A page with a link to each name.
fn list(path: &Path, names: &[(OsString, bool)]) -> String {
    let title = escape(&format!("/{}", path.display()));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<h1>{title}</h1>\n<ul>\n"
    );
    if path != Path::new("") {
        page.push_str("<li><a href=\"../\">../</a>\n");
    }
    for (name, is_directory) in names {
        let slash = if *is_directory { "/" } else { "" };
        let (link, text) = (encode(name), escape(&name.to_string_lossy()));
        // With the dot, a colon in a name makes no scheme of what is before it.
        let _ = writeln!(
            page,
            "<li><a href=\"./{}{slash}\">{text}{slash}</a>",
            escape(&link)
        );
    }
    page.push_str("</ul>\n");
    page
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::scratch::Scratch;

    fn planted() -> (Scratch, Tree) {
        let scratch = Scratch::new();
        scratch.write("a.txt", b"0123456789");
        scratch.write("page/index.html", b"<p>");
        scratch.write("list/<b> & c.png", b"");
        scratch.write("list/.hidden", b"");
        scratch.write("list/sub/x", b"");
        let tree = Tree::new(scratch.path()).unwrap();
        (scratch, tree)
    }

    fn ask(tree: &Tree, method: &str, target: &str, fields: &str) -> Answer {
        let text = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        answer(tree, &Head::read(text.as_bytes()).unwrap().unwrap().0)
    }

    fn body(answer: &mut Answer) -> String {
        let mut bytes = Vec::new();
        if let Body::Rest(rest) = &mut answer.body {
            rest.append_to(&mut bytes, 10_000).unwrap();
        }
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_file_is_served_whole_and_in_part() {
        let (_scratch, tree) = planted();
        let mut whole = ask(&tree, "GET", "/a.txt", "");
        assert_eq!(
            (whole.status, body(&mut whole).as_str()),
            (Status::Ok, "0123456789")
        );
        let mut part = ask(&tree, "GET", "/a.txt", "Range: bytes=2-4\r\n");
        assert_eq!(
            (part.status, body(&mut part).as_str()),
            (Status::PartialContent, "234")
        );
        assert!(part.fields.contains("Content-Range: bytes 2-4/10\r\n"));
        let beyond = ask(&tree, "GET", "/a.txt", "Range: bytes=10-\r\n");
        assert_eq!(beyond.status, Status::RangeNotSatisfiable);
        assert!(beyond.fields.contains("Content-Range: bytes */10\r\n"));
        let head = ask(&tree, "HEAD", "/a.txt", "Range: bytes=2-4\r\n");
        assert_eq!((head.status, head.body_bytes()), (Status::Ok, Some(10)));
    }

    #[test]
    fn a_file_that_is_known_is_not_sent_again() {
        let (scratch, tree) = planted();
        let first = ask(&tree, "GET", "/a.txt", "");
        let tag = first
            .fields
            .lines()
            .find_map(|line| line.strip_prefix("ETag: "))
            .unwrap();
        let condition = format!("If-None-Match: {tag}\r\n");
        let second = ask(&tree, "GET", "/a.txt", &condition);
        assert_eq!(
            (second.status, second.body_bytes()),
            (Status::NotModified, None)
        );
        let range = format!("If-Range: {tag}\r\nRange: bytes=0-0\r\n");
        assert_eq!(
            ask(&tree, "GET", "/a.txt", &range).status,
            Status::PartialContent
        );
        scratch.write("a.txt", b"changed");
        assert_eq!(ask(&tree, "GET", "/a.txt", &condition).status, Status::Ok);
        assert_eq!(ask(&tree, "GET", "/a.txt", &range).status, Status::Ok);
    }

    #[test]
    fn a_directory_is_its_index_or_its_list() {
        let (_scratch, tree) = planted();
        assert_eq!(body(&mut ask(&tree, "GET", "/page/", "")), "<p>");
        let moved = ask(&tree, "GET", "//page", "");
        assert_eq!(moved.status, Status::MovedPermanently);
        assert!(
            moved.fields.contains("Location: /page/\r\n"),
            "and to no host"
        );
        let page = body(&mut ask(&tree, "GET", "/list/", ""));
        assert!(page.contains("<a href=\"./%3Cb%3E%20&amp;%20c.png\">&lt;b&gt; &amp; c.png</a>"));
        assert!(page.contains("<a href=\"./sub/\">sub/</a>"));
        assert!(!page.contains("hidden"));
    }

    #[test]
    fn what_cannot_be_had_has_a_status() {
        let (_scratch, tree) = planted();
        for (method, target, status) in [
            ("GET", "/missing", Status::NotFound),
            ("GET", "/a.txt/", Status::NotFound),
            ("GET", "/a.txt/b", Status::NotFound),
            ("GET", "/../a.txt", Status::BadRequest),
            ("POST", "/a.txt", Status::MethodNotAllowed),
            ("get", "/a.txt", Status::MethodNotAllowed),
        ] {
            assert_eq!(
                ask(&tree, method, target, "").status,
                status,
                "{method} {target}"
            );
        }
    }

    #[test]
    fn a_file_that_shrinks_while_it_is_sent_is_an_error() {
        let (scratch, tree) = planted();
        let Body::Rest(mut rest) = ask(&tree, "GET", "/a.txt", "").body else {
            panic!("a file has a file for a body");
        };
        let mut output = Vec::new();
        rest.append_to(&mut output, 4).unwrap();
        scratch.write("a.txt", b"01");
        let error = rest.append_to(&mut output, 4).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(output, b"0123");
    }
}
