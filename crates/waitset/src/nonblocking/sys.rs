//! The status flags of an open file description.
#![allow(unsafe_code, reason = "system calls")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Switches `O_NONBLOCK` on or off. Returns all the flags there were before.
pub(crate) fn set_nonblocking(fd: BorrowedFd<'_>, nonblocking: bool) -> io::Result<libc::c_int> {
    // SAFETY: F_GETFL takes an open descriptor, which is borrowed, and no argument.
    let before = checked(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })?;
    let flags = match nonblocking {
        true => before | libc::O_NONBLOCK,
        false => before & !libc::O_NONBLOCK,
    };
    if flags != before {
        // SAFETY: F_SETFL takes an open descriptor, which is borrowed, and an integer.
        checked(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags) })?;
    }
    Ok(before)
}

fn checked(answer: libc::c_int) -> io::Result<libc::c_int> {
    match answer {
        -1 => Err(io::Error::last_os_error()),
        answer => Ok(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{ErrorKind, Read};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn it_goes_on_and_off_and_leaves_the_other_flags() {
        let (mut near, far) = UnixStream::pair().unwrap();
        let blocking = set_nonblocking(near.as_fd(), true).unwrap();
        let nonblocking = set_nonblocking(near.as_fd(), true).unwrap();
        assert_eq!(nonblocking, blocking | libc::O_NONBLOCK);
        let error = near.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        set_nonblocking(near.as_fd(), false).unwrap();
        assert_eq!(set_nonblocking(near.as_fd(), false).unwrap(), blocking);
        drop(far);
        assert_eq!(near.read(&mut [0]).unwrap(), 0);
    }
}
