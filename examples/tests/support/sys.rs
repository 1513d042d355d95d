//! A lease on a file, which `nix` has no call for.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

/// Of asm-generic/fcntl.h; `libc` does not have it.
const F_SETSIG: i32 = 10;

/// Has the kernel put off everybody else who opens a file, until it is dropped (fcntl(2),
/// `F_SETLEASE`).
pub(crate) struct Lease(#[allow(dead_code, reason = "it is held")] File);

impl Lease {
    /// Takes a write lease. When somebody wants the file this process gets `SIGURG`, which is
    /// ignored, in place of `SIGIO`, which would end it.
    pub(crate) fn take(path: &Path) -> io::Result<Self> {
        let file = File::options().read(true).write(true).open(path)?;
        set(&file, F_SETSIG, libc::SIGURG)?;
        set(&file, libc::F_SETLEASE, libc::F_WRLCK)?;
        Ok(Self(file))
    }
}

fn set(file: &File, command: i32, value: i32) -> io::Result<()> {
    // SAFETY: both commands take a number, and the descriptor is open.
    match unsafe { libc::fcntl(file.as_raw_fd(), command, value) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
