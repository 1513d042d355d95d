//! The system calls of signals and child processes.
#![allow(unsafe_code, reason = "system calls")]

use std::mem::MaybeUninit;
use std::ptr;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) use linux::{SignalFd, pidfd_open};
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) use missing::{SignalFd, pidfd_open};

/// Returns `true` if this process ignores the signal with this number.
pub(super) fn is_ignored(number: i32) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action sigaction(2) changes none; the old one has room in `action`.
    let answer = unsafe { libc::sigaction(number, ptr::null(), action.as_mut_ptr()) };
    // SAFETY: it is all integers and optional pointers, and zeroed where the call failed.
    let action = unsafe { action.assume_init() };
    answer == 0 && action.sa_sigaction == libc::SIG_IGN
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::cell::Cell;
    use std::io;
    use std::mem::MaybeUninit;
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
    use std::os::unix::process::CommandExt;
    use std::process::Command;
    use std::ptr;

    use super::super::{Signal, SignalInfo};
    use crate::refusal;

    /// A pidfd of the process with this number. The kernel makes it close-on-exec.
    pub(crate) fn pidfd_open(pid: u32) -> io::Result<OwnedFd> {
        let flags = 0;
        // SAFETY: pidfd_open takes two integers.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, flags) };
        if fd == -1 {
            let what = "cannot watch a child process";
            let error = io::Error::last_os_error();
            return Err(refusal::of_call(what, "pidfd_open(2), Linux 5.3", error));
        }
        // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
    }

    thread_local! {
        /// For each signal, how many [`SignalFd`]s of this thread keep it blocked.
        static KEEPERS: [Cell<u32>; HIGHEST + 1] = const { [const { Cell::new(0) }; HIGHEST + 1] };
    }

    /// No architecture has a higher number (signal(7)).
    const HIGHEST: usize = 127;

    /// A signalfd, and its part in what is blocked.
    #[derive(Debug)]
    pub(crate) struct SignalFd {
        fd: OwnedFd,
        /// Without what somebody else had blocked before.
        kept: libc::sigset_t,
    }

    impl SignalFd {
        pub(crate) fn new(signals: &[Signal]) -> io::Result<Self> {
            signals.iter().try_for_each(|signal| check(*signal))?;
            let set = set_of(signals.iter().map(|signal| signal.number()));
            let fd = open(&set).map_err(|error| {
                let what = "cannot read signals";
                refusal::of_call(what, "signalfd(2), Linux 2.6.27", error)
            })?;
            let before = change_mask(libc::SIG_BLOCK, &set)?;
            let kept = KEEPERS.with(|keepers| {
                let is_kept = |number: &i32| {
                    let keepers = &keepers[*number as usize];
                    let is_ours = keepers.get() > 0 || !contains(&before, *number);
                    keepers.set(keepers.get() + u32::from(is_ours));
                    is_ours
                };
                set_of(numbers(&set).filter(is_kept))
            });
            Ok(Self { fd, kept })
        }

        pub(crate) fn unblock_in(&self, command: &mut Command) {
            let kept = self.kept;
            // SAFETY: the closure allocates nothing and makes one call, pthread_sigmask,
            // which is allowed between fork and exec (signal-safety(7)).
            unsafe { command.pre_exec(move || change_mask(libc::SIG_UNBLOCK, &kept).map(drop)) };
        }

        pub(crate) fn next(&self) -> io::Result<SignalInfo> {
            let mut info = MaybeUninit::<libc::signalfd_siginfo>::uninit();
            let (fd, len) = (self.fd.as_raw_fd(), size_of_val(&info));
            // SAFETY: the kernel writes at most `len` bytes, for which `info` has room.
            if unsafe { libc::read(fd, info.as_mut_ptr().cast(), len) } == -1 {
                return Err(io::Error::last_os_error());
            }
            // SAFETY: read(2) of a signalfd fills whole structures (signalfd(2)), here one.
            let info = unsafe { info.assume_init() };
            Ok(SignalInfo {
                signal: Signal::from_number(info.ssi_signo as i32),
                sender: info.ssi_pid,
                user: info.ssi_uid,
                code: info.ssi_code,
                status: info.ssi_status,
                value: info.ssi_int,
            })
        }
    }

    impl AsFd for SignalFd {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.fd.as_fd()
        }
    }

    /// Unblocks what no other of this thread keeps blocked.
    impl Drop for SignalFd {
        fn drop(&mut self) {
            let free = KEEPERS.with(|keepers| {
                let was_last = |number: &i32| {
                    let keepers = &keepers[*number as usize];
                    keepers.set(keepers.get() - 1);
                    keepers.get() == 0
                };
                set_of(numbers(&self.kept).filter(was_last))
            });
            // It fails only for an unknown way of changing the mask.
            let _ = change_mask(libc::SIG_UNBLOCK, &free);
        }
    }

    fn open(set: &libc::sigset_t) -> io::Result<OwnedFd> {
        let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
        // SAFETY: signalfd reads the set, which lives through the call.
        let fd = unsafe { libc::signalfd(-1, set, flags) };
        if fd == -1 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    /// Changes what is blocked in this thread, and returns what was.
    fn change_mask(how: libc::c_int, set: &libc::sigset_t) -> io::Result<libc::sigset_t> {
        let mut before = empty();
        // SAFETY: both sets live through the call.
        match unsafe { libc::pthread_sigmask(how, ptr::from_ref(set), &raw mut before) } {
            0 => Ok(before),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }

    fn empty() -> libc::sigset_t {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigemptyset(3) has room for a set.
        unsafe { libc::sigemptyset(set.as_mut_ptr()) };
        // SAFETY: it has initialized the set.
        unsafe { set.assume_init() }
    }

    fn set_of(numbers: impl Iterator<Item = i32>) -> libc::sigset_t {
        let mut set = empty();
        for number in numbers {
            // SAFETY: the set lives through the call, which changes nothing for a number that
            // is no signal's.
            unsafe { libc::sigaddset(&raw mut set, number) };
        }
        set
    }

    fn contains(set: &libc::sigset_t, number: i32) -> bool {
        // SAFETY: the set lives through the call, which refuses what is no signal's number.
        unsafe { libc::sigismember(set, number) == 1 }
    }

    /// The signals of a set, in ascending order.
    fn numbers(set: &libc::sigset_t) -> impl Iterator<Item = i32> + '_ {
        (1..=libc::SIGRTMAX()).filter(|number| contains(set, *number))
    }

    /// Says of a signal that cannot be read why it cannot.
    fn check(signal: Signal) -> io::Result<()> {
        let (first, last) = (libc::SIGRTMIN(), libc::SIGRTMAX());
        let number = signal.number();
        let reason = match number {
            libc::SIGKILL | libc::SIGSTOP => {
                "no process can block SIGKILL or SIGSTOP; use a signal that can be blocked, \
                 such as SIGTERM"
                    .to_owned()
            }
            1..=31 => return Ok(()),
            _ if (first..=last).contains(&number) => return Ok(()),
            32.. if number < first => format!(
                "the C library keeps signals 32 to {} for itself; use one from {first} \
                 (SIGRTMIN) to {last} (SIGRTMAX)",
                first - 1
            ),
            _ => format!(
                "signals have the numbers 1 to 31 and {first} (SIGRTMIN) to {last} (SIGRTMAX); \
                 use one of those"
            ),
        };
        let text = format!("cannot read signal {number}: {reason}");
        Err(io::Error::new(io::ErrorKind::InvalidInput, text))
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
