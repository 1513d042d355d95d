//! The head of a request: what `httparse` reads, and what is refused although it can be read.
//!
//! Two programs that disagree on where a request ends can be made to see different
//! requests in the same bytes. So everything on which they are known to disagree is
//! refused here, and the connection is closed.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use httparse::{EMPTY_HEADER, Header, Status as Parsed};

use super::authority::Authority;
use super::limits::{HEAD_BYTES_MAX, HEADERS_MAX, TARGET_BYTES_MAX};
use super::status::Status;
use super::tags::Tags;

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
    /// Whom the `Host` field names.
    pub host: Option<Authority>,
    fields: HeaderMap,
}

/// What a request says in a field that has one value. A field that cannot be used is not an
/// absent one: whoever reads it decides which answer is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    /// It does not have the field.
    Absent,
    /// It has the field once, and the value is ASCII.
    Value(&'a str),
    /// It has the field several times, or with a value that is not ASCII.
    Unusable,
}

impl Head {
    /// Reads the head at the start of `bytes`, and says how many bytes it has. `None` if
    /// it is not complete so far.
    ///
    /// # Errors
    ///
    /// The status to refuse it with. What follows on the connection means nothing then.
    pub fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>, Status> {
        let parsed = match Self::parse(bytes) {
            Err(httparse::Error::Version) => Self::parse(&as_version_1_1(bytes)?),
            parsed => parsed,
        };
        parsed.map_err(refusal)?
    }

    fn parse(bytes: &[u8]) -> Result<Result<Option<(Self, usize)>, Status>, httparse::Error> {
        let mut headers = [EMPTY_HEADER; HEADERS_MAX];
        let mut request = httparse::Request::new(&mut headers);
        let parsed = request.parse(bytes)?;
        Ok(Self::accept(bytes, &request, parsed))
    }

    /// Refuses what is too large and what programs disagree on.
    fn accept(
        bytes: &[u8],
        request: &httparse::Request<'_, '_>,
        parsed: Parsed<usize>,
    ) -> Result<Option<(Self, usize)>, Status> {
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
        let mut head = Self {
            method: request.method.unwrap_or_default().to_owned(),
            target: target.to_owned(),
            body_bytes: 0,
            keeps_alive: false,
            is_old: request.version == Some(0),
            host: None,
            fields: fields_of(request.headers)?,
        };
        head.host = head.read_host()?;
        head.body_bytes = head.framing()?;
        head.keeps_alive = head.is_to_be_kept_alive();
        Ok(Some((head, length)))
    }

    /// Returns what the request says in a field that has one value.
    #[must_use]
    pub fn field(&self, name: HeaderName) -> Field<'_> {
        let mut values = self.fields.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Field::Absent,
            (Some(value), None) => value.to_str().map_or(Field::Unusable, Field::Value),
            _ => Field::Unusable,
        }
    }

    /// Returns `true` if a comma-separated field has `element`, in any case and on any line.
    #[must_use]
    pub fn lists(&self, name: HeaderName, element: &str) -> bool {
        let lines = self.fields.get_all(name).iter();
        lines
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .any(|one| one.trim_ascii().eq_ignore_ascii_case(element.as_bytes()))
    }

    /// Returns the entity tags in a field, all its lines taken together.
    #[must_use]
    pub fn tags(&self, name: HeaderName) -> Tags<'_> {
        let lines = self.fields.get_all(name).iter();
        Tags::read(lines.map(HeaderValue::as_bytes))
    }

    /// HTTP/1.1 asks for exactly one host, 1.0 for one at most (RFC 9112, 3.2).
    fn read_host(&self) -> Result<Option<Authority>, Status> {
        match self.field(header::HOST) {
            Field::Absent if self.is_old => Ok(None),
            Field::Value(host) => match Authority::read(host) {
                None => Err(Status::BadRequest),
                host => Ok(host),
            },
            _ => Err(Status::BadRequest),
        }
    }

    /// The body's length (RFC 9112, 6.3), where there is no doubt of it.
    fn framing(&self) -> Result<u64, Status> {
        let coding = self.field(header::TRANSFER_ENCODING);
        match (coding, self.field(header::CONTENT_LENGTH)) {
            (Field::Absent, Field::Absent) => Ok(0),
            (Field::Absent, Field::Value(length)) => decimal(length),
            // A server may insist on a length (RFC 9110, 15.5.12), and this one does:
            // no resource here takes a body.
            (Field::Value("chunked"), Field::Absent) if !self.is_old => Err(Status::LengthRequired),
            _ => Err(Status::BadRequest),
        }
    }

    /// "close" outweighs "keep-alive" (RFC 9112, 9.3).
    fn is_to_be_kept_alive(&self) -> bool {
        let is_asked_for = !self.is_old || self.lists(header::CONNECTION, "keep-alive");
        // A body that waits for "100 Continue" may never come: nothing follows for sure.
        let is_doubtful = self.body_bytes > 0 && self.fields.contains_key(header::EXPECT);
        is_asked_for && !self.lists(header::CONNECTION, "close") && !is_doubtful
    }
}

fn fields_of(headers: &[Header<'_>]) -> Result<HeaderMap, Status> {
    let mut fields = HeaderMap::with_capacity(headers.len());
    for header in headers {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = HeaderValue::from_bytes(header.value);
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(Status::BadRequest);
        };
        fields.append(name, value);
    }
    Ok(fields)
}

/// Rewrites the request line of an HTTP/1 version above 1.1, which is to be taken as 1.1 (RFC
/// 9110, 2.5); `httparse` knows 1.0 and 1.1 only.
fn as_version_1_1(bytes: &[u8]) -> Result<Vec<u8>, Status> {
    let is_of_line = |byte: &u8| !matches!(byte, b'\r' | b'\n');
    let start = bytes.iter().position(is_of_line).unwrap_or(bytes.len());
    let mut spaces = (start..bytes.len()).filter(|index| bytes[*index] == b' ');
    let version = spaces.nth(1).map_or(bytes.len(), |space| space + 1);
    let number = bytes[version..].strip_prefix(b"HTTP/");
    match number.ok_or(Status::BadRequest)? {
        [b'1', b'.', b'2'..=b'9', ..] => {
            let mut bytes = bytes.to_vec();
            bytes[version + b"HTTP/1.".len()] = b'1';
            Ok(bytes)
        }
        [b'0' | b'2'..=b'9'] | [b'0' | b'2'..=b'9', b'.'] => Err(Status::VersionNotSupported),
        [b'0' | b'2'..=b'9', b'.', minor, ..] if minor.is_ascii_digit() => {
            Err(Status::VersionNotSupported)
        }
        _ => Err(Status::BadRequest),
    }
}

fn refusal(error: httparse::Error) -> Status {
    match error {
        httparse::Error::TooManyHeaders => Status::HeadTooLarge,
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
fn decimal(text: &str) -> Result<u64, Status> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| digits);
    number.ok_or(Status::BadRequest)
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
        for host in [
            "", ":80", "a:b", "a:65536", "u@a", "a, b", "[::1", "\u{e9}", "%zz",
        ] {
            let text = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
            assert_eq!(read(&text), bad, "{host}");
            let old = format!("GET / HTTP/1.0\r\nHost: {host}\r\n\r\n");
            assert_eq!(read(&old), bad, "{host}");
        }
        assert!(
            read("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n")
                .unwrap()
                .is_some()
        );
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
    fn a_later_version_of_1_is_taken_as_1_1_and_any_other_is_refused() {
        for minor in 2..=9 {
            let text = format!("\r\nGET /1.{minor} HTTP/1.{minor}\r\nHost: a\r\n\r\n");
            for end in 0..text.len() {
                assert_eq!(read(&text[..end]), Ok(None), "{:?}", &text[..end]);
            }
            let (head, length) = read(&text).unwrap().unwrap();
            assert_eq!((head.is_old, head.keeps_alive), (false, true), "{text:?}");
            assert_eq!((length, head.target), (text.len(), format!("/1.{minor}")));
        }
        for (version, status) in [
            ("HTTP/2.0", Status::VersionNotSupported),
            ("HTTP/0.9", Status::VersionNotSupported),
            ("HTTP/3", Status::BadRequest),
            ("HTTP/1.10", Status::BadRequest),
            ("HTTP/1.20", Status::BadRequest),
            ("HTTP/11.1", Status::BadRequest),
            ("HTTP/1.", Status::BadRequest),
            ("HTTP/1", Status::BadRequest),
            ("HTTP/22", Status::BadRequest),
            ("HTTP/", Status::BadRequest),
            ("http/1.1", Status::BadRequest),
            ("HTTQ/1.1", Status::BadRequest),
        ] {
            let answer = read(&format!("GET / {version}\r\nHost: a\r\n\r\n"));
            assert_eq!(answer.map(drop), Err(status), "{version}");
        }
        assert!(read("GET /\r\n\r\n").is_err());
        let preface = read("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        assert_eq!(preface, Err(Status::VersionNotSupported));
    }

    #[test]
    fn the_connection_stays_open_as_both_versions_have_it() {
        assert!(read_with("").unwrap().keeps_alive);
        for close in [
            "Connection: Upgrade, Close\r\n",
            "Connection: keep-alive\r\nConnection: close\r\n",
            "Connection: \u{e9},close\r\n",
        ] {
            assert!(!read_with(close).unwrap().keeps_alive, "{close:?}");
        }
        let old = |fields| {
            read(&format!("GET / HTTP/1.0\r\n{fields}\r\n"))
                .unwrap()
                .unwrap()
                .0
        };
        assert!(!old("").keeps_alive);
        assert!(old("Connection: Keep-Alive\r\n").keeps_alive);
        assert!(!old("Connection: keep-alive, close\r\n").keeps_alive);
        assert!(!old("Connection: close\r\nConnection: keep-alive\r\n").keeps_alive);
    }

    #[test]
    fn a_body_that_waits_for_leave_is_the_last_thing_on_its_connection() {
        for expect in [
            "Expect: 100-continue\r\n",
            "Expect: x\r\n",
            "Expect: \u{e9}\r\n",
        ] {
            for expect in [expect.to_owned(), expect.repeat(2)] {
                let head = read_with(&format!("{expect}Content-Length: 5\r\n"));
                assert!(!head.unwrap().keeps_alive, "{expect:?}");
                assert!(read_with(&expect).unwrap().keeps_alive, "{expect:?}");
            }
        }
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
    fn a_field_is_absent_or_has_a_value_or_cannot_be_used() {
        let fields = "If-Range: x\r\nRange: 1\r\nrange: 2\r\nOrigin: \u{e9}\r\n";
        let head = read_with(fields).unwrap();
        assert_eq!(head.field(header::IF_RANGE), Field::Value("x"));
        assert_eq!(head.field(header::RANGE), Field::Unusable);
        assert_eq!(head.field(header::ORIGIN), Field::Unusable);
        assert_eq!(head.field(header::UPGRADE), Field::Absent);
        assert!(head.lists(header::RANGE, "2") && !head.lists(header::RANGE, "3"));
    }
}
