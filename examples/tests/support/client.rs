//! A client that sends what it is told to, however wrong.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

use super::LONGEST;

/// One end of a connection, and what was read of it and not used.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    input: Vec<u8>,
}

/// An answer, taken apart.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        let found = fields.find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// A connection for which the kernel keeps little: at its own end, and at the server's,
    /// whose buffer grows with the segments that it has under way.
    pub(crate) fn connect_with_little_room(address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(1).unwrap(); // the least there is
        socket.set_tcp_mss(536).unwrap();
        socket.connect(&address.into()).unwrap();
        Self::over(socket.into())
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(LONGEST)).unwrap();
        stream.set_write_timeout(Some(LONGEST)).unwrap();
        Self {
            stream,
            input: Vec::new(),
        }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends a request with these further fields.
    pub(crate) fn ask(&mut self, method: &str, target: &str, fields: &str) {
        self.send(format!(
            "{method} {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"
        ));
    }

    pub(crate) fn get(&mut self, target: &str) -> Answer {
        self.ask("GET", target, "");
        self.answer()
    }

    fn fill(&mut self) -> bool {
        let mut buffer = [0; 65536];
        let count = self.stream.read(&mut buffer).unwrap();
        self.input.extend_from_slice(&buffer[..count]);
        count > 0
    }

    /// The next answer, to a request that is not HEAD.
    pub(crate) fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        let length = answer
            .field("content-length")
            .map_or(0, |text| text.parse().unwrap());
        answer.body = self.take(length);
        answer
    }

    /// The head of the next answer.
    pub(crate) fn head(&mut self) -> Answer {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; 32];
            let mut response = httparse::Response::new(&mut headers);
            if let httparse::Status::Complete(length) = response.parse(&self.input).unwrap() {
                let fields = response.headers.iter().map(|field| {
                    let value = std::str::from_utf8(field.value).unwrap();
                    (field.name.to_owned(), value.to_owned())
                });
                let answer = Answer {
                    status: response.code.unwrap(),
                    fields: fields.collect(),
                    body: Vec::new(),
                };
                self.input.drain(..length);
                return answer;
            }
            let so_far = String::from_utf8_lossy(&self.input).into_owned();
            assert!(self.fill(), "closed in the middle of an answer: {so_far:?}");
        }
    }

    /// The next `length` bytes.
    pub(crate) fn take(&mut self, length: usize) -> Vec<u8> {
        while self.input.len() < length {
            assert!(self.fill(), "closed in the middle of a body");
        }
        self.input.drain(..length).collect()
    }

    /// Whether the server closes without another byte. A reset counts.
    pub(crate) fn is_closed(&mut self) -> bool {
        assert_eq!(self.input, b"", "unexpected bytes");
        match self.stream.read(&mut [0; 1024]) {
            Ok(count) => count == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }

    pub(crate) fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }
}
