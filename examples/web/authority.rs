//! Whom a request is addressed to, and from whose page it comes.

use std::net::IpAddr;

use fluent_uri::component::{Authority as Parsed, Host as ParsedHost};
use fluent_uri::{Uri, UriRef};

/// The host and port of a URI or of a `Host` field, which compare by what they mean and not as
/// text: names in any case, addresses however they are written, encoded letters like plain ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    host: Host,
    /// `None` stands for the default port of the scheme.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    Name(Vec<u8>),
}

impl Authority {
    /// Reads a host and a port, if there is one (RFC 9110, 7.2). Returns `None` for anything
    /// else: an empty host, a port that is no port, a user's name.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let reference = format!("//{text}");
        let reference = UriRef::parse(reference.as_str()).ok()?;
        let is_all = reference.path().is_empty()
            && reference.query().is_none()
            && reference.fragment().is_none();
        Self::of(reference.authority().filter(|_| is_all)?)
    }

    fn of(parsed: Parsed<'_>) -> Option<Self> {
        let host = match parsed.host_parsed() {
            ParsedHost::Ipv4(address) => Host::Address(address.into()),
            ParsedHost::Ipv6(address) => Host::Address(address.into()),
            ParsedHost::RegName(name) if !name.is_empty() => {
                Host::Name(name.decode().to_bytes().to_ascii_lowercase())
            }
            _ => return None,
        };
        let port = parsed.port_to_u16().ok()?;
        (!parsed.has_userinfo()).then_some(Self { host, port })
    }
}

/// Where a page comes from: a scheme, a host and a port (RFC 6454).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    authority: Authority,
    default_port: u16,
}

impl Origin {
    /// Reads the value of an `Origin` field. Returns `None` for what no page of a web server
    /// has: `null`, another scheme, a list, a path.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let uri = Uri::parse(text).ok()?;
        let default_port = match uri.scheme().as_str().to_ascii_lowercase().as_str() {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let authority = text.split_once("://").map(|(_, authority)| authority)?;
        Some(Self {
            authority: Authority::read(authority)?,
            default_port,
        })
    }

    /// Returns `true` if this is a page of the server that `authority` names. A proxy may add
    /// the encryption, so the scheme is the page's.
    #[must_use]
    pub fn is_of(&self, authority: &Authority) -> bool {
        let port = |authority: &Authority| authority.port.unwrap_or(self.default_port);
        self.authority.host == authority.host && port(&self.authority) == port(authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_same(origin: &str, authority: &str) -> bool {
        let authority = Authority::read(authority).unwrap();
        Origin::read(origin).is_some_and(|origin| origin.is_of(&authority))
    }

    #[test]
    fn a_page_and_its_server_are_the_same_however_they_are_written() {
        for (origin, authority) in [
            ("http://a", "a"),
            ("http://a", "a:80"),
            ("http://a", "a:"),
            ("http://a:80", "a"),
            ("https://a", "a:443"),
            ("https://a:443", "A"),
            ("http://a:1", "A:1"),
            ("HTTP://A:1", "a:01"),
            ("http://%61:1", "a:1"),
            ("http://127.0.0.1:1", "127.0.0.1:1"),
            ("http://[::1]:1", "[0:0:0:0:0:0:0:1]:1"),
            ("http://[2001:DB8::1]", "[2001:db8:0::1]:80"),
            ("http://a.", "A.:80"),
        ] {
            assert!(is_same(origin, authority), "{origin} {authority}");
        }
    }

    #[test]
    fn another_page_is_another() {
        for (origin, authority) in [
            ("http://a", "b"),
            ("http://a", "a:443"),
            ("https://a", "a:80"),
            ("http://a:1", "a:2"),
            ("http://a", "a."),
            ("http://a", "a.b"),
            ("http://[::1]", "[::2]"),
            ("http://[::ffff:1.2.3.4]", "1.2.3.4"),
            ("http://a%3a1", "a:1"),
            ("ws://a", "a"),
            ("file://a", "a"),
            ("null", "null"),
            ("a", "a"),
            ("", "a"),
            ("http:a", "a"),
            ("http://", "a"),
            ("http://a/", "a"),
            ("http://a?", "a"),
            ("http://a#", "a"),
            ("http://b@a", "a"),
            ("http://a http://a", "a"),
            ("http://a, http://a", "a"),
            ("http://a:65536", "a"),
        ] {
            assert!(!is_same(origin, authority), "{origin} {authority}");
        }
    }

    #[test]
    fn what_names_no_host_is_none() {
        for text in [
            "", ":", ":80", "a:b", "a:65536", "a:-1", "a:1:2", "a b", "a/b", "a?b", "a#b", "a\\b",
            "u@a", "@a", "%zz", "[::1", "::1", "[g]", "[v1.a]", "a,b c", "ä",
        ] {
            assert_eq!(Authority::read(text), None, "{text}");
        }
    }
}
