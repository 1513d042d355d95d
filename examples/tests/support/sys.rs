//! A lease on a file, which `nix` has no call for, and what a child process begins with.
#![allow(unsafe_code)]

use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::signal::{SigHandler, Signal, signal};

#[allow(unused_imports, reason = "each test uses some of it")]
#[cfg(target_os = "linux")]
pub(crate) use lease::Lease;

/// Has a child process begin with the default actions of the signals that a shell or `nohup`
/// may have this process ignore.
pub(crate) fn start_with_default_signals(command: &mut Command) {
    let signals = [
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGTERM,
    ];
    let reset = move || {
        for one in signals {
            // SAFETY: no handler is set, and signal(2) is allowed after fork
            // (signal-safety(7)).
            unsafe { signal(one, SigHandler::SigDfl) }?;
        }
        Ok(())
    };
    // SAFETY: the closure allocates nothing and makes calls that are allowed between fork and
    // exec.
    unsafe { command.pre_exec(reset) };
}

#[cfg(target_os = "linux")]
mod lease {
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
}
