//! What answers a request for a file.

use std::fmt::Write as _;
use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::time::SystemTime;

use http::header;

use super::answer::{Answer, Body};
use super::date;
use super::head::{Field, Head};
use super::media;
use super::range::{Wanted, wanted};
use super::status::Status;
use super::target::{Target, encode};
use super::tree::{Listing, Tree};
use super::validators::Validators;

/// More than anyone reads in a browser.
const NAMES_MAX: usize = 1000;

/// Refuses a request that does not ask for something, whatever its target is: `OPTIONS *` has
/// no path.
#[must_use]
pub fn refuse_method(head: &Head) -> Option<Answer> {
    let is_refused = !matches!(&*head.method, "GET" | "HEAD");
    is_refused.then(|| Answer::page(Status::MethodNotAllowed).with("Allow", "GET, HEAD"))
}

/// Answers a request with a file of the tree, a list of a directory, or a status that
/// says why not.
#[must_use]
pub fn answer(tree: &Tree, head: &Head, target: &Target, now: SystemTime) -> Answer {
    let answer = match target.is_directory {
        true => directory(tree, target, head, now),
        false => file(tree, target, head, now),
    };
    answer.unwrap_or_else(|error| Answer::page(status_of(&error)))
}

fn file(tree: &Tree, target: &Target, head: &Head, now: SystemTime) -> io::Result<Answer> {
    let (file, metadata) = match open(tree, &target.path) {
        // A directory that cannot be read may have an index that can.
        Err(error) if is_denied(&error) && tree.is_directory(&target.path) => {
            return Ok(moved(target));
        }
        opened => opened?,
    };
    if metadata.is_dir() {
        return Ok(moved(target));
    }
    match metadata.is_file() {
        true => Ok(whole_or_part(&target.path, file, &metadata, head, now)),
        false => Err(absent()),
    }
}

/// Without the slash, links on its page would lead elsewhere.
fn moved(target: &Target) -> Answer {
    Answer::page(Status::MovedPermanently).with("Location", &target.with_slash())
}

/// The index of a directory, or a list if there is no such name. An index that is there and
/// cannot be served is no reason to show what else is there.
fn directory(tree: &Tree, target: &Target, head: &Head, now: SystemTime) -> io::Result<Answer> {
    let index = target.path.join("index.html");
    match open(tree, &index) {
        Ok((file, metadata)) if metadata.is_file() => {
            return Ok(whole_or_part(&index, file, &metadata, head, now));
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound || tree.has(&index) => {
            return Err(error);
        }
        _ => {}
    }
    let listing = tree.list(&target.path, NAMES_MAX)?;
    Ok(match Validators::none().answer(head) {
        Some(Status::NotModified) => Answer {
            status: Status::NotModified,
            fields: String::new(),
            body: Body::None,
        },
        Some(status) => Answer::page(status),
        None => Answer {
            body: Body::text(list(&target.path, &listing)),
            ..Answer::page(Status::Ok)
        },
    })
}

fn open(tree: &Tree, path: &Path) -> io::Result<(File, Metadata)> {
    let file = tree.open(path)?;
    let metadata = file.metadata()?;
    Ok((file, metadata))
}

fn absent() -> io::Error {
    io::Error::from_raw_os_error(libc::ENOENT)
}

fn is_denied(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EACCES)
}

/// What may not be read and what lies outside are as good as absent, so that nobody learns
/// what there is. What passes is no absence, and neither is a disk that fails.
fn status_of(error: &io::Error) -> Status {
    match error.raw_os_error() {
        Some(
            libc::ENOENT
            | libc::ENOTDIR
            | libc::EACCES
            | libc::EPERM
            | libc::EXDEV
            | libc::ELOOP
            | libc::ENAMETOOLONG
            | libc::EINVAL
            | libc::EILSEQ
            | libc::ENXIO
            | libc::ENODEV,
        ) => Status::NotFound,
        Some(
            libc::EAGAIN
            | libc::EINTR
            | libc::ESTALE
            | libc::EMFILE
            | libc::ENFILE
            | libc::ENOMEM
            | libc::ENOBUFS
            | libc::EBUSY
            | libc::ETIMEDOUT,
        ) => Status::ServiceUnavailable,
        _ => Status::InternalServerError,
    }
}

fn whole_or_part(
    path: &Path,
    file: File,
    metadata: &Metadata,
    head: &Head,
    now: SystemTime,
) -> Answer {
    let validators = Validators::of(metadata, now);
    let length = metadata.len();
    let answer = |status, body| Answer {
        status,
        fields: fields(&validators),
        body,
    };
    let typed = |answer: Answer| {
        let answer = answer.with("Content-Type", &media::type_of(path));
        answer.with("X-Content-Type-Options", "nosniff")
    };
    match validators.answer(head) {
        Some(Status::NotModified) => return answer(Status::NotModified, Body::None),
        Some(status) => return Answer::page(status),
        None => {}
    }
    let range = match head.field(header::RANGE) {
        Field::Value(range) if head.method == "GET" && validators.allow_range(head) => range,
        // A server may ignore it.
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

fn fields(validators: &Validators) -> String {
    let mut fields = String::with_capacity(200);
    // A string takes whatever is written.
    let _ = write!(fields, "ETag: {}\r\n", validators.tag);
    if let Some(modified) = validators.modified.and_then(date::format) {
        let _ = write!(fields, "Last-Modified: {modified}\r\n");
    }
    fields.push_str("Accept-Ranges: bytes\r\nCache-Control: no-cache\r\n");
    fields
}

/// A page with a link to each name.
fn list(path: &Path, listing: &Listing) -> String {
    let title = escape(&format!("/{}", path.display()));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<h1>{title}</h1>\n"
    );
    let (shown, total) = (listing.names.len(), listing.total);
    if shown < total {
        let _ = writeln!(page, "<p>The first {shown} of {total} names.</p>");
    }
    page.push_str("<ul>\n");
    if path != Path::new("") {
        page.push_str("<li><a href=\"../\">../</a>\n");
    }
    for (name, is_directory) in &listing.names {
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
    use std::os::unix::fs::symlink;
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::web::scratch::Scratch;

    fn planted() -> (Scratch, Tree) {
        let scratch = Scratch::new();
        scratch.write("a.txt", b"0123456789");
        scratch.write("page/index.html", b"<p>");
        scratch.write("list/<b> & c.png", b"");
        scratch.write("list/.hidden", b"");
        scratch.write("list/sub/x", b"");
        scratch.write("empty", b"");
        symlink("../../a", scratch.path().join("page/out")).unwrap();
        scratch.write("hidden/a.txt", b"secret");
        symlink("missing", scratch.path().join("hidden/index.html")).unwrap();
        scratch.write("escape/a.txt", b"secret");
        let outside = std::env::temp_dir();
        symlink(outside, scratch.path().join("escape/index.html")).unwrap();
        let tree = Tree::new(scratch.path()).unwrap();
        (scratch, tree)
    }

    fn ask(tree: &Tree, method: &str, target: &str, fields: &str) -> Answer {
        let text = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let head = Head::read(text.as_bytes()).unwrap().unwrap().0;
        if let Some(refusal) = refuse_method(&head) {
            return refusal;
        }
        match Target::decode(&head.target) {
            Ok(target) => answer(tree, &head, &target, SystemTime::now()),
            Err(status) => Answer::page(status),
        }
    }

    fn text_of(answer: &mut Answer) -> String {
        let mut bytes = Vec::new();
        if let Body::Rest(rest) = &mut answer.body {
            rest.append_to(&mut bytes, 1_000_000).unwrap();
        }
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_file_is_served_whole_and_in_part() {
        let (_scratch, tree) = planted();
        let mut whole = ask(&tree, "GET", "/a.txt", "");
        assert_eq!(
            (whole.status, text_of(&mut whole).as_str()),
            (Status::Ok, "0123456789")
        );
        let mut part = ask(&tree, "GET", "/a.txt", "Range: bytes=2-4\r\n");
        assert_eq!(
            (part.status, text_of(&mut part).as_str()),
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
        assert_eq!(text_of(&mut ask(&tree, "GET", "/page/", "")), "<p>");
        let moved = ask(&tree, "GET", "//page", "");
        assert_eq!(moved.status, Status::MovedPermanently);
        assert!(
            moved.fields.contains("Location: /page/\r\n"),
            "and to no host"
        );
        let page = text_of(&mut ask(&tree, "GET", "/list/", ""));
        assert!(page.contains("<a href=\"./%3Cb%3E%20&amp;%20c.png\">&lt;b&gt; &amp; c.png</a>"));
        assert!(page.contains("<a href=\"./sub/\">sub/</a>"));
        assert!(!page.contains("hidden"));
    }

    #[test]
    fn a_redirect_to_a_directory_keeps_the_query() {
        let (_scratch, tree) = planted();
        for (target, there) in [("/page?x=1", "/page/?x=1"), ("/page?", "/page/?")] {
            let moved = ask(&tree, "GET", target, "");
            assert_eq!(moved.status, Status::MovedPermanently);
            assert!(moved.fields.contains(&format!("Location: {there}\r\n")));
        }
    }

    #[test]
    fn an_index_that_cannot_be_served_is_no_reason_to_list_the_rest() {
        let (_scratch, tree) = planted();
        for target in ["/hidden/", "/escape/"] {
            let answer = ask(&tree, "GET", target, "");
            assert_eq!(answer.status, Status::NotFound, "{target}");
        }
    }

    #[test]
    fn a_list_that_is_cut_says_so() {
        let (scratch, tree) = planted();
        for number in 0..1500 {
            scratch.write(&format!("many/{number:04}"), b"");
        }
        let page = text_of(&mut ask(&tree, "GET", "/many/", ""));
        assert!(
            page.contains("<p>The first 1000 of 1500 names.</p>"),
            "{page:.500}"
        );
        let names = page
            .lines()
            .filter(|line| line.starts_with("<li><a href=\"./"));
        let names: Vec<_> = names
            .map(|line| line["<li><a href=\"./".len()..][..4].to_owned())
            .collect();
        let first: Vec<_> = (0..1000).map(|number| format!("{number:04}")).collect();
        assert!(names == first);
        assert!(!text_of(&mut ask(&tree, "GET", "/list/", "")).contains("The first"));
    }

    #[test]
    fn conditions_on_a_list_count_as_well() {
        let (_scratch, tree) = planted();
        for (fields, status) in [
            ("If-Match: \"x\"\r\n", Status::PreconditionFailed),
            ("If-Match: *\r\n", Status::Ok),
            ("If-None-Match: \"x\"\r\n", Status::Ok),
            ("If-None-Match: *\r\n", Status::NotModified),
            (
                "If-Modified-Since: Sun, 06 Nov 2094 08:49:37 GMT\r\n",
                Status::Ok,
            ),
        ] {
            assert_eq!(
                ask(&tree, "GET", "/list/", fields).status,
                status,
                "{fields}"
            );
        }
        let missing = ask(&tree, "GET", "/missing/", "If-Match: *\r\n");
        assert_eq!(missing.status, Status::NotFound);
    }

    #[test]
    fn any_range_of_an_empty_file_is_all_of_it() {
        let (_scratch, tree) = planted();
        for range in ["bytes=0-", "bytes=-5", "bytes=3-4"] {
            let answer = ask(&tree, "GET", "/empty", &format!("Range: {range}\r\n"));
            assert_eq!((answer.status, answer.body_bytes()), (Status::Ok, Some(0)));
        }
        let twice = "Range: bytes=0-0\r\nRange: bytes=1-1\r\n";
        assert_eq!(ask(&tree, "GET", "/a.txt", twice).status, Status::Ok);
    }

    #[test]
    fn a_file_from_any_time_is_served() {
        let (scratch, tree) = planted();
        let year = Duration::from_secs(365 * 86400);
        for time in [
            UNIX_EPOCH + 8100 * year,
            UNIX_EPOCH + 250 * year,
            UNIX_EPOCH - year,
            UNIX_EPOCH - Duration::from_nanos(1),
        ] {
            let file = File::options()
                .write(true)
                .open(scratch.path().join("a.txt"));
            file.unwrap().set_modified(time).unwrap();
            let mut answer = ask(&tree, "GET", "/a.txt", "");
            assert_eq!(
                (answer.status, &*text_of(&mut answer)),
                (Status::Ok, "0123456789")
            );
            let has_date = answer.fields.contains("Last-Modified: ");
            assert_eq!(has_date, time > UNIX_EPOCH, "{time:?}: {}", answer.fields);
        }
    }

    #[test]
    fn what_passes_is_no_absence() {
        let status = |number| status_of(&io::Error::from_raw_os_error(number));
        for number in [
            libc::ENOENT,
            libc::EACCES,
            libc::EXDEV,
            libc::ELOOP,
            libc::ENAMETOOLONG,
        ] {
            assert_eq!(status(number), Status::NotFound, "{number}");
        }
        for number in [
            libc::EAGAIN,
            libc::EINTR,
            libc::ENOMEM,
            libc::EMFILE,
            libc::ENFILE,
            libc::ESTALE,
        ] {
            assert_eq!(status(number), Status::ServiceUnavailable, "{number}");
        }
        for number in [libc::EIO, libc::EOVERFLOW, libc::EBADF] {
            assert_eq!(status(number), Status::InternalServerError, "{number}");
        }
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
            ("OPTIONS", "*", Status::MethodNotAllowed),
            ("CONNECT", "a:80", Status::MethodNotAllowed),
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
