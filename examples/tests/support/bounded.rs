//! Reading what a program prints, unless it has nothing more to say.

use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::LONGEST;

/// Fails a read that would take [`LONGEST`], so that a test which waits in vain fails.
pub(super) struct Bounded<R>(pub(super) R);

impl<R: Read + AsFd> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let timeout = PollTimeout::try_from(LONGEST.as_millis()).map_err(io::Error::other)?;
        match poll(
            &mut [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)],
            timeout,
        )? {
            0 => Err(ErrorKind::TimedOut.into()),
            _ => self.0.read(buffer),
        }
    }
}
