//! An answer: its status, its fields, its body.

use std::fs::File;
use std::io::{self, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt;

use super::status::Status;

/// What is sent for a request.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: Status,
    /// The fields that this answer has and others have not, a line each.
    pub fields: String,
    /// What follows.
    pub body: Body,
}

/// The body of an answer.
#[derive(Debug)]
pub enum Body {
    /// None, also no length: `304` and `101` have none.
    None,
    /// What is produced piece by piece.
    Rest(Rest),
}

impl Body {
    /// A body in memory.
    #[must_use]
    pub fn text(text: String) -> Self {
        let length = text.len() as u64;
        Self::Rest(Rest {
            source: Source::Memory(text.into_bytes()),
            left: 0..length,
        })
    }

    /// These bytes of a file.
    #[must_use]
    pub fn file(file: File, part: Range<u64>) -> Self {
        Self::Rest(Rest {
            source: Source::File(file),
            left: part,
        })
    }
}

/// What is left to send of a body.
#[derive(Debug)]
pub struct Rest {
    source: Source,
    left: Range<u64>,
}

#[derive(Debug)]
enum Source {
    Memory(Vec<u8>),
    File(File),
}

impl Rest {
    /// How many bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.left.end - self.left.start
    }

    /// Appends at most `limit` bytes to `output`.
    ///
    /// # Errors
    ///
    /// As pread(2); `UnexpectedEof` if the file has become shorter than it was said to be.
    pub fn append_to(&mut self, output: &mut Vec<u8>, limit: usize) -> io::Result<()> {
        let wanted = self.bytes().min(limit as u64);
        let start = self.left.start;
        let count = match &self.source {
            Source::Memory(bytes) => {
                // Both lie within memory.
                output.extend_from_slice(&bytes[start as usize..(start + wanted) as usize]);
                wanted
            }
            Source::File(file) => append(file, start, wanted as usize, output)?,
        };
        if count == 0 && wanted > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left.start += count;
        Ok(())
    }
}

fn append(file: &File, from: u64, wanted: usize, output: &mut Vec<u8>) -> io::Result<u64> {
    let end = output.len();
    output.resize(end + wanted, 0);
    let answer = loop {
        match file.read_at(&mut output[end..], from) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            answer => break answer,
        }
    };
    output.truncate(end + *answer.as_ref().unwrap_or(&0));
    Ok(answer? as u64)
}

impl Answer {
    /// A page that says the status.
    #[must_use]
    pub fn page(status: Status) -> Self {
        Self {
            status,
            fields: "Content-Type: text/html; charset=utf-8\r\n".into(),
            body: Body::text(status.page()),
        }
    }

    /// With one more field.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.extend([name, ": ", value, "\r\n"]);
        self
    }

    /// How long its body is, where it has one.
    #[must_use]
    pub fn body_bytes(&self) -> Option<u64> {
        match &self.body {
            Body::None => None,
            Body::Rest(rest) => Some(rest.bytes()),
        }
    }

    /// Appends its head to `output`.
    pub fn write_head(&self, date: Option<&str>, connection: Option<&str>, output: &mut Vec<u8>) {
        let (code, reason) = (self.status.code(), self.status.reason());
        // A vector takes whatever is written.
        let _ = write!(output, "HTTP/1.1 {code} {reason}\r\n");
        if let Some(date) = date {
            let _ = write!(output, "Date: {date}\r\n");
        }
        if let Some(bytes) = self.body_bytes() {
            let _ = write!(output, "Content-Length: {bytes}\r\n");
        }
        if let Some(connection) = connection {
            let _ = write!(output, "Connection: {connection}\r\n");
        }
        let _ = write!(output, "{}\r\n", self.fields);
    }
}
