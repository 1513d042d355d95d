//! The system calls of signals and child processes.
#![allow(unsafe_code, reason = "system calls")]

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) use linux::{SignalFd, pidfd_open};
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) use missing::{SignalFd, pidfd_open};

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use nix::errno::Errno;
    use nix::sys::signal::{SigSet, Signal as Known};
    use nix::sys::signalfd::{self, SfdFlags};

    use super::super::{Signal, SignalInfo};

    /// A pidfd of the process with this number. The kernel makes it close-on-exec.
    pub(crate) fn pidfd_open(pid: u32) -> io::Result<OwnedFd> {
        let flags = 0;
        // SAFETY: pidfd_open takes two integers.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, flags) };
        if fd == -1 {
            return Err(match Errno::last() {
                Errno::ENOSYS => io::Error::new(
                    io::ErrorKind::Unsupported,
                    "this kernel has no pidfd_open(2), which child processes need: Linux 5.3",
                ),
                error => error.into(),
            });
        }
        // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
    }

    /// A signalfd, and what was blocked for it.
    #[derive(Debug)]
    pub(crate) struct SignalFd {
        fd: signalfd::SignalFd,
        /// Without what had been blocked before.
        blocked: SigSet,
    }

    impl SignalFd {
        pub(crate) fn new(signals: &[Signal]) -> io::Result<Self> {
            let mut set = SigSet::empty();
            for signal in signals {
                set.add(blockable(*signal)?);
            }
            let fd = signalfd::SignalFd::with_flags(
                &set,
                SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK,
            )?;
            let before = SigSet::thread_get_mask()?;
            set.thread_block()?;
            let fresh = set.iter().filter(|signal| !before.contains(*signal));
            let blocked = fresh.collect();
            Ok(Self { fd, blocked })
        }

        pub(crate) fn unblock_in(&self, command: &mut Command) {
            let blocked = self.blocked;
            // SAFETY: the closure allocates nothing and makes one call, pthread_sigmask,
            // which is allowed between fork and exec (signal-safety(7)).
            unsafe { command.pre_exec(move || Ok(blocked.thread_unblock()?)) };
        }

        pub(crate) fn next(&self) -> io::Result<SignalInfo> {
            let info = self.fd.read_signal()?.ok_or(Errno::EAGAIN)?;
            Ok(SignalInfo {
                signal: Signal::from_number(info.ssi_signo as i32),
                sender: info.ssi_pid,
                user: info.ssi_uid,
                code: info.ssi_code,
                status: info.ssi_status,
            })
        }
    }

    impl AsFd for SignalFd {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.fd.as_fd()
        }
    }

    impl Drop for SignalFd {
        fn drop(&mut self) {
            // It fails only for an unknown way of changing the mask.
            let _ = self.blocked.thread_unblock();
        }
    }

    fn blockable(signal: Signal) -> io::Result<Known> {
        match Known::try_from(signal.number()) {
            Ok(known) if !matches!(known, Known::SIGKILL | Known::SIGSTOP) => Ok(known),
            _ => {
                let text = format!("{signal} cannot be blocked, so it cannot be read either");
                Err(io::Error::new(io::ErrorKind::InvalidInput, text))
            }
        }
    }
}

/// Compiled in tests too, so that it keeps up.
#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
#[cfg_attr(test, allow(dead_code, reason = "used where there is no Linux"))]
mod missing {
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
    use std::process::Command;

    use super::super::{Signal, SignalInfo};

    pub(crate) fn pidfd_open(_pid: u32) -> io::Result<OwnedFd> {
        Err(unsupported("child processes as sources need pidfds"))
    }

    /// There is none.
    #[derive(Debug)]
    pub(crate) enum SignalFd {}

    impl SignalFd {
        pub(crate) fn new(_signals: &[Signal]) -> io::Result<Self> {
            Err(unsupported("signals as sources need signalfd"))
        }

        pub(crate) fn unblock_in(&self, _command: &mut Command) {
            match *self {}
        }

        pub(crate) fn next(&self) -> io::Result<SignalInfo> {
            match *self {}
        }
    }

    impl AsFd for SignalFd {
        fn as_fd(&self) -> BorrowedFd<'_> {
            match *self {}
        }
    }

    fn unsupported(what: &str) -> io::Error {
        let text = format!("{what}, which {} does not have", std::env::consts::OS);
        io::Error::new(io::ErrorKind::Unsupported, text)
    }
}
