use std::fs::File;
use std::io::{self, Read};
use std::task::{Context, Poll, ready};

use waitset::Interest;

use crate::Async;

/// As much as a pipe holds on Linux.
const CHUNK: usize = 64 * 1024;

/// What has been read from a pipe, up to its end.
pub(super) struct Collected {
    /// `None` after the end of file.
    pipe: Option<Async<File>>,
    pub(super) data: Vec<u8>,
}

impl Collected {
    pub(super) fn new(pipe: Option<Async<File>>) -> Self {
        let data = Vec::new();
        Self { pipe, data }
    }

    pub(super) fn poll_to_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(pipe) = &self.pipe {
            let start = self.data.len();
            self.data.resize(start + CHUNK, 0);
            let room = &mut self.data[start..];
            let read = pipe.poll_with(context, Interest::READABLE, |mut pipe| pipe.read(room));
            let count = match read {
                Poll::Ready(Ok(count)) => count,
                _ => 0,
            };
            self.data.truncate(start + count);
            if ready!(read)? == 0 {
                self.pipe = None;
            }
        }
        Poll::Ready(Ok(()))
    }
}
