//! The head of a request: what `httparse` reads, and what is refused although it can be read.
//!
//! Two programs that disagree on where a request ends can be made to see different
//! requests in the same bytes. So everything on which they are known to disagree is
//! refused here, and the connection is closed.

use httparse::{EMPTY_HEADER, Header, Status as Parsed};

use super::limits::{HEAD_BYTES_MAX, HEADERS_MAX, TARGET_BYTES_MAX};
use super::status::Status;

/// The head of a request, as far as the rest of the server wants to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// As it was sent; methods are case-sensitive.
    pub method: String,
    /// As it was sent, still encoded.
    pub target: String,
    /// The body's length in bytes.
    pub body_bytes: u64,
    /// Whether the connection is to stay open afterwards.
    pub keeps_alive: bool,
    /// Whether it is HTTP/1.0, which has to be told that the connection stays open.
    pub is_old: bool,
    /// Names and values as they were sent.
    fields: Vec<(String, Vec<u8>)>,
}

impl Head {
    /// Reads the head at the start of `bytes`, and says how many bytes it has. `None` if
    /// it is not complete so far.
    ///
    /// # Errors
    ///
    /// The status to refuse it with. What follows on the connection means nothing then.
    pub fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>, Status> {
        let mut headers = [EMPTY_HEADER; HEADERS_MAX];
        let mut request = httparse::Request::new(&mut headers);
        let parsed = request.parse(bytes).map_err(refusal)?;
        let target = request.path.unwrap_or_default();
        let has_line = bytes.contains(&b'\n');
        if target.len() > TARGET_BYTES_MAX || !has_line && bytes.len() > LINE_BYTES_MAX {
            return Err(Status::UriTooLong);
        }
        let length = match parsed {
            Parsed::Complete(length) if length <= HEAD_BYTES_MAX => length,
            Parsed::Partial if bytes.len() < HEAD_BYTES_MAX => return Ok(None),
            _ => return Err(Status::HeadTooLarge),
        };
        if has_bare_line_feed(&bytes[..length]) {
            return Err(Status::BadRequest);
        }
        let is_old = request.version == Some(0);
        let mut head = Self {
            method: request.method.unwrap_or_default().to_owned(),
            target: target.to_owned(),
            body_bytes: 0,
            keeps_alive: false,
            is_old,
            fields: request.headers.iter().map(owned).collect(),
        };
        head.check_host()?;
        head.body_bytes = head.framing()?;
        head.keeps_alive = match is_old {
            true => head.lists("connection", "keep-alive"),
            false => !head.lists("connection", "close"),
        };
        // A body that waits for "100 Continue" may never come: nothing follows for sure.
        head.keeps_alive &= !(head.body_bytes > 0 && head.field("expect").is_some());
        Ok(Some((head, length)))
    }

    /// The value of a field that was sent once, in ASCII.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.values(name);
        let only = values.next().filter(|_| values.next().is_none())?;
        std::str::from_utf8(only).ok()
    }

    /// Whether a comma-separated field has `element`, in any case.
    #[must_use]
    pub fn lists(&self, name: &str, element: &str) -> bool {
        self.values(name)
            .flat_map(|value| value.split(|byte| *byte == b','))
            .any(|one| one.trim_ascii().eq_ignore_ascii_case(element.as_bytes()))
    }

    fn values<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.fields
            .iter()
            .filter(move |(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    /// HTTP/1.1 asks for exactly one Host, 1.0 for none (RFC 9112, 3.2).
    fn check_host(&self) -> Result<(), Status> {
        let mut hosts = self.values("host");
        match (hosts.next(), hosts.next()) {
            (Some(host), None) if host.iter().all(|byte| is_of_host(*byte)) => Ok(()),
            (None, _) if self.is_old => Ok(()),
            _ => Err(Status::BadRequest),
        }
    }

    /// The body's length (RFC 9112, 6.3), where there is no doubt of it.
    fn framing(&self) -> Result<u64, Status> {
        let mut codings = self.values("transfer-encoding");
        let mut lengths = self.values("content-length");
        match (codings.next(), lengths.next()) {
            (None, None) => Ok(0),
            (None, Some(length)) if lengths.next().is_none() => decimal(length),
            // A server may insist on a length (RFC 9110, 15.5.12), and this one does:
            // no resource here takes a body.
            (Some(b"chunked"), None) if !self.is_old && codings.next().is_none() => {
                Err(Status::LengthRequired)
            }
            _ => Err(Status::BadRequest),
        }
    }
}

fn owned(header: &Header<'_>) -> (String, Vec<u8>) {
    (header.name.to_owned(), header.value.to_vec())
}

fn refusal(error: httparse::Error) -> Status {
    match error {
        httparse::Error::TooManyHeaders => Status::HeadTooLarge,
        httparse::Error::Version => Status::VersionNotSupported,
        _ => Status::BadRequest,
    }
}

/// The target, and more than a method, two spaces, a version and empty lines before them
/// take.
const LINE_BYTES_MAX: usize = TARGET_BYTES_MAX + 64;

/// `httparse` takes a line feed without a carriage return for the end of a line, as it
/// may; proxies differ.
fn has_bare_line_feed(head: &[u8]) -> bool {
    let starts = head.first() == Some(&b'\n');
    starts
        || head
            .windows(2)
            .any(|two| two[1] == b'\n' && two[0] != b'\r')
}

/// Digits alone: no sign, no list, no space.
fn decimal(value: &[u8]) -> Result<u64, Status> {
    let digits = value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).ok().filter(|_| digits);
    text.and_then(|text| text.parse().ok())
        .ok_or(Status::BadRequest)
}

/// What a host and port are made of (RFC 3986, 3.2).
fn is_of_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:[]".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<(Head, usize)>, Status> {
        Head::read(text.as_bytes())
    }

    fn read_with(fields: &str) -> Result<Head, Status> {
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        read(&text).map(|read| read.expect("it is complete").0)
    }

    #[test]
    fn a_head_ends_where_its_empty_line_ends() {
        let text = "GET /a?b HTTP/1.1\r\nHost: localhost:80\r\n\r\nGET /next";
        let (head, length) = read(text).unwrap().unwrap();
        assert_eq!(&text[length..], "GET /next");
        assert_eq!((&*head.method, &*head.target), ("GET", "/a?b"));
        assert!(head.keeps_alive && head.body_bytes == 0 && !head.is_old);
    }

    #[test]
    fn every_prefix_of_a_head_is_incomplete() {
        let text = "GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n";
        for end in 0..text.len() {
            assert_eq!(read(&text[..end]), Ok(None), "{:?}", &text[..end]);
        }
        assert!(read(text).unwrap().is_some());
    }

    #[test]
    fn what_programs_disagree_on_is_refused() {
        for fields in [
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Content-Length: +5\r\n",
            "Content-Length: -5\r\n",
            "Content-Length: 5, 5\r\n",
            "Content-Length: 0x5\r\n",
            "Content-Length: 5 5\r\n",
            "Content-Length:\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "Transfer-Encoding: chunked, identity\r\n",
            "Transfer-Encoding: identity\r\n",
            "Transfer-Encoding: Chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: \x0bchunked\r\n",
            "Transfer-Encoding : chunked\r\n",
            "Transfer-Encoding:\r\n chunked\r\n",
            "X: a\r\n folded\r\n",
            "X: a\r\n\tfolded\r\n",
            "X: a\nContent-Length: 5\r\n",
            "X: a\r\nY: b\n",
            "X: a\rY: b\r\n",
            "X: a\0b\r\n",
            "X\0: a\r\n",
            ": nameless\r\n",
            "no colon\r\n",
            "Host: b\r\n",
        ] {
            assert_eq!(read_with(fields), Err(Status::BadRequest), "{fields:?}");
        }
    }

    #[test]
    fn a_line_feed_alone_ends_no_line() {
        for text in [
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "GET / HTTP/1.1\r\nHost: a\n\n",
            "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ] {
            assert_eq!(read(text), Err(Status::BadRequest), "{text:?}");
        }
    }

    #[test]
    fn a_host_is_asked_for_once() {
        let bad = Err(Status::BadRequest);
        assert_eq!(read("GET / HTTP/1.1\r\n\r\n"), bad);
        assert_eq!(read("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), bad);
        assert_eq!(read("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), bad);
        assert!(read("GET / HTTP/1.0\r\n\r\n").unwrap().is_some());
    }

    #[test]
    fn chunks_are_answered_with_a_request_for_a_length() {
        let chunked = read_with("Transfer-Encoding: chunked\r\n");
        assert_eq!(chunked, Err(Status::LengthRequired));
        let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(read(old), Err(Status::BadRequest));
    }

    #[test]
    fn other_versions_are_refused() {
        let answer = read("GET / HTTP/2.0\r\nHost: a\r\n\r\n");
        assert_eq!(answer, Err(Status::VersionNotSupported));
        assert!(read("GET /\r\n\r\n").is_err());
    }

    #[test]
    fn the_connection_stays_open_as_both_versions_have_it() {
        assert!(read_with("").unwrap().keeps_alive);
        assert!(
            !read_with("Connection: Upgrade, Close\r\n")
                .unwrap()
                .keeps_alive
        );
        let old = |fields| {
            read(&format!("GET / HTTP/1.0\r\n{fields}\r\n"))
                .unwrap()
                .unwrap()
                .0
        };
        assert!(!old("").keeps_alive);
        assert!(old("Connection: Keep-Alive\r\n").keeps_alive);
    }

    #[test]
    fn targets_and_heads_have_a_limit_each() {
        let long = "a".repeat(TARGET_BYTES_MAX);
        let complete = read(&format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(complete, Err(Status::UriTooLong));
        let endless = read(&format!("GET /{long}{}", "a".repeat(100)));
        assert_eq!(endless, Err(Status::UriTooLong));
        let field = format!("X: {}\r\n", "x".repeat(HEAD_BYTES_MAX));
        assert_eq!(read_with(&field), Err(Status::HeadTooLarge));
        let endless = read(&format!("GET / HTTP/1.1\r\nHost: a\r\n{field}"));
        assert_eq!(endless, Err(Status::HeadTooLarge));
        let many = "X: y\r\n".repeat(HEADERS_MAX);
        assert_eq!(read_with(&many), Err(Status::HeadTooLarge));
    }

    #[test]
    fn a_field_is_found_in_any_case_and_only_if_it_is_alone() {
        let head = read_with("If-Range: x\r\nA: 1\r\na: 2\r\n").unwrap();
        assert_eq!(head.field("if-range"), Some("x"));
        assert_eq!(head.field("A"), None);
        assert!(head.lists("a", "2") && !head.lists("a", "3"));
    }
}
