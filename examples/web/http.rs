//! HTTP/1.1 on one connection, without the connection: bytes in, answers out.

use std::io;

use super::answer::{Answer, Body, Rest};
use super::head::Head;
use super::limits::{BODY_BYTES_MAX, HEAD_BYTES_MAX};
use super::status::Status;

/// What one peer has sent and not been answered, and what is left of its answer.
#[derive(Debug, Default)]
pub struct Http {
    input: Vec<u8>,
    /// Whether a line may have ended since the input was last looked at, so that one that
    /// comes byte by byte is not read over and over.
    is_worth_reading: bool,
    /// What is still to come of a body that is thrown away.
    skipped: u64,
    rest: Option<Rest>,
    is_over: bool,
}

impl Http {
    /// Takes what the peer has sent.
    pub fn receive(&mut self, bytes: &[u8]) {
        if self.is_over {
            return;
        }
        let skipped = self.skipped.min(bytes.len() as u64);
        self.skipped -= skipped;
        // No more than `bytes` has, so it fits.
        let bytes = &bytes[skipped as usize..];
        self.input.extend_from_slice(bytes);
        self.is_worth_reading |= bytes.contains(&b'\n') || self.input.len() >= HEAD_BYTES_MAX / 2;
    }

    /// The next request, if all of its head is there and the last answer has been
    /// produced.
    ///
    /// # Errors
    ///
    /// The status to answer with, after which the connection is over.
    pub fn next_request(&mut self) -> Result<Option<Head>, Status> {
        if self.is_over || self.rest.is_some() || self.skipped > 0 || !self.is_worth_reading {
            return Ok(None);
        }
        let Some((head, length)) = Head::read(&self.input)? else {
            self.is_worth_reading = false;
            return Ok(None);
        };
        if head.body_bytes > BODY_BYTES_MAX {
            return Err(Status::ContentTooLarge);
        }
        let body = (self.input.len() - length).min(head.body_bytes as usize);
        self.skipped = head.body_bytes - body as u64;
        self.input.drain(..length + body);
        if self.input.is_empty() {
            // Thousands of connections that wait should hold no memory.
            self.input = Vec::new();
        }
        self.is_worth_reading = !self.input.is_empty();
        Ok(Some(head))
    }

    /// Appends the head of the answer to `output`; its body is then
    /// [produced](Self::produce) piece by piece.
    pub fn answer(
        &mut self,
        head: &Head,
        answer: Answer,
        date: Option<&str>,
        output: &mut Vec<u8>,
    ) {
        let connection = match (head.keeps_alive, head.is_old, answer.status) {
            (_, _, Status::SwitchingProtocols) => None,
            (false, ..) => Some("close"),
            (true, true, _) => Some("keep-alive"),
            (true, false, _) => None,
        };
        if !head.keeps_alive {
            self.end();
        }
        self.write(answer, head.method != "HEAD", date, connection, output);
    }

    /// Answers with a refusal, the last answer on this connection: where the next
    /// request would begin is not known.
    pub fn refuse(&mut self, status: Status, date: Option<&str>, output: &mut Vec<u8>) {
        self.end();
        self.write(Answer::page(status), true, date, Some("close"), output);
    }

    fn write(
        &mut self,
        answer: Answer,
        has_body: bool,
        date: Option<&str>,
        connection: Option<&str>,
        output: &mut Vec<u8>,
    ) {
        answer.write_head(date, connection, output);
        if let Body::Rest(rest) = answer.body {
            self.rest = Some(rest).filter(|rest| has_body && rest.bytes() > 0);
        }
    }

    /// Appends at most `limit` bytes of the body that is being sent to `output`.
    ///
    /// # Errors
    ///
    /// As pread(2); the answer cannot be completed then, nor anything else sent.
    pub fn produce(&mut self, output: &mut Vec<u8>, limit: usize) -> io::Result<()> {
        if let Some(rest) = &mut self.rest {
            rest.append_to(output, limit)?;
            self.rest.take_if(|rest| rest.bytes() == 0);
        }
        Ok(())
    }

    /// Asks for no further request.
    pub fn end(&mut self) {
        self.is_over = true;
        self.input = Vec::new();
        self.skipped = 0;
    }

    /// What was sent after the last request.
    pub fn take_input(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.input)
    }

    /// Whether a body is being sent.
    #[must_use]
    pub fn is_producing(&self) -> bool {
        self.rest.is_some()
    }

    /// Whether there may be a request that was not looked at.
    #[must_use]
    pub fn has_input(&self) -> bool {
        self.is_worth_reading && !self.is_over && self.skipped == 0
    }

    /// Whether the peer has begun something and not ended it.
    #[must_use]
    pub fn is_in_request(&self) -> bool {
        self.skipped > 0 || !self.input.is_empty()
    }

    /// Whether no request follows.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    fn hello() -> Answer {
        Answer {
            status: Status::Ok,
            fields: String::new(),
            body: Body::text("hello".into()),
        }
    }

    #[test]
    fn requests_on_one_connection_come_one_by_one() {
        let mut http = Http::default();
        http.receive(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHo");
        assert_eq!(http.next_request().unwrap().unwrap().target, "/1");
        assert_eq!(http.next_request(), Ok(None));
        assert!(http.is_in_request());
        http.receive(b"st: a\r\n\r\n");
        assert_eq!(http.next_request().unwrap().unwrap().target, "/2");
        assert!(!http.is_in_request());
    }

    #[test]
    fn a_body_is_thrown_away_and_the_next_request_is_found() {
        let mut http = Http::default();
        http.receive(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123");
        assert_eq!(http.next_request().unwrap().unwrap().method, "POST");
        assert!(http.is_in_request());
        http.receive(b"456");
        assert_eq!(http.next_request(), Ok(None));
        http.receive(b"789GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(http.next_request().unwrap().unwrap().target, "/2");
    }

    #[test]
    fn a_body_that_is_too_long_is_refused() {
        let mut http = Http::default();
        http.receive(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n");
        assert_eq!(http.next_request(), Err(Status::ContentTooLarge));
    }

    #[test]
    fn a_refusal_is_the_last_answer() {
        let (mut http, mut output) = (Http::default(), Vec::new());
        http.receive(b"GET / HTTP/1.1\nHost: a\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let status = http.next_request().unwrap_err();
        http.refuse(status, Some("now"), &mut output);
        let told = text(&output);
        assert!(
            told.starts_with("HTTP/1.1 400 Bad Request\r\nDate: now\r\n"),
            "{told}"
        );
        assert!(told.contains("\r\nConnection: close\r\n"));
        http.receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(http.next_request(), Ok(None));
    }

    #[test]
    fn an_answer_to_head_has_the_length_and_no_body() {
        for (method, end) in [("GET", "\r\n\r\nhello"), ("HEAD", "\r\n\r\n")] {
            let (mut http, mut output) = (Http::default(), Vec::new());
            http.receive(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
            let head = http.next_request().unwrap().unwrap();
            http.answer(&head, hello(), Some("now"), &mut output);
            http.produce(&mut output, 100).unwrap();
            assert!(!http.is_producing());
            assert!(text(&output).contains("Content-Length: 5\r\n"));
            assert!(text(&output).ends_with(end), "{}", text(&output));
        }
    }

    #[test]
    fn an_old_peer_is_told_whether_the_connection_stays() {
        for (fields, connection) in [("", "close"), ("Connection: keep-alive\r\n", "keep-alive")] {
            let (mut http, mut output) = (Http::default(), Vec::new());
            http.receive(format!("GET / HTTP/1.0\r\n{fields}\r\n").as_bytes());
            let head = http.next_request().unwrap().unwrap();
            http.answer(&head, hello(), Some("now"), &mut output);
            let field = format!("Connection: {connection}\r\n");
            assert!(text(&output).contains(&field), "{}", text(&output));
            assert_eq!(http.is_over(), connection == "close");
        }
    }
}
