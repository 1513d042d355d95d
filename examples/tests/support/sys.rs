//! A lease on a file, which `nix` has no call for, and what a child process begins with.
#![allow(unsafe_code)]

use std::sync::Once;

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

#[allow(unused_imports, reason = "each test uses some of it")]
#[cfg(target_os = "linux")]
pub(crate) use lease::Lease;

/// Has child processes begin with the default actions of the signals that a shell or `nohup`
/// had this process ignore. What is ignored stays so in a child, what is handled does not
/// (execve(2)), so this process handles them, by doing nothing.
pub(crate) fn handle_what_is_ignored() {
    extern "C" fn ignore(_: libc::c_int) {}

    static ONCE: Once = Once::new();
    let signals = [
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGTERM,
    ];
    let handled = SigAction::new(
        SigHandler::Handler(ignore),
        SaFlags::SA_RESTART,
        SigSet::empty(),
    );
    ONCE.call_once(|| {
        for signal in signals {
            // SAFETY: the handler does nothing.
            let before = unsafe { sigaction(signal, &handled) }.unwrap();
            if !matches!(before.handler(), SigHandler::SigIgn) {
                // SAFETY: this is how it was.
                unsafe { sigaction(signal, &before) }.unwrap();
            }
        }
    });
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
    pub(crate) struct Lease(File);

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

    /// Gives it back. Closing the file would not do: what another test starts meanwhile
    /// inherits it for a moment.
    impl Drop for Lease {
        fn drop(&mut self) {
            set(&self.0, libc::F_SETLEASE, libc::F_UNLCK).unwrap();
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
