use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, ExitStatus};

use super::sys;
use crate::InsertError;

/// A child process as a source: readable when it has ended.
///
/// Each child has a descriptor of its own, so a hundred that end at once are a hundred
/// events; `SIGCHLD` would be one signal. It is safe beside other code of the process that
/// waits for its own children.
///
/// As with [`std::process::Child`], dropping it neither ends the child nor waits for it.
///
/// # Platform notes
///
/// pidfd_open(2), Linux 5.3. Elsewhere, on older kernels, and in a sandbox that refuses it,
/// [`new`](Self::new) returns `Unsupported`. A child has not been waited for as long as this owns it, so its number
/// cannot have been given to another process.
///
/// ```
/// use std::process::Command;
/// use waitset::{ChildProcess, EventLoop, Interest, Key, Mode};
///
/// # if cfg!(not(any(target_os = "linux", target_os = "android"))) { return Ok(()) }
/// let child = Command::new("sh").args(["-c", "exit 7"]).spawn()?;
/// let child = ChildProcess::new(child)?;
/// let mut event_loop = EventLoop::new()?;
/// let handle = event_loop.handle();
/// handle.insert(
///     child,
///     Interest::READABLE,
///     Mode::Level,
///     |ended, child, event, handle| {
///         if let Ok(status) = child.try_wait() {
///             *ended = status.code();
///             handle.remove(handle.key());
///             handle.stop();
///         }
///     },
/// )?;
/// let mut ended = None;
/// event_loop.run(&mut ended)?;
/// assert_eq!(ended, Some(7));
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias("pidfd_open", "waitid", "waitpid", "SIGCHLD"))]
#[derive(Debug)]
pub struct ChildProcess {
    pidfd: OwnedFd,
    child: RefCell<Child>,
}

impl ChildProcess {
    /// Opens a descriptor for `child`, which is close-on-exec.
    ///
    /// Its standard streams are best taken out of it before.
    ///
    /// # Errors
    ///
    /// `Unsupported` if there is no pidfd_open(2); `ECHILD` if somebody else has waited for
    /// the child, or `SIGCHLD` is ignored; else as pidfd_open(2). The child comes back in
    /// the error.
    pub fn new(mut child: Child) -> Result<Self, InsertError<Child>> {
        let opened = match child.try_wait() {
            // Its number is free, or somebody else's: a descriptor that is readable
            // stands for it.
            Ok(Some(_)) => at_end_of_file(),
            // It has not been waited for, so the number is its own until it is.
            Ok(None) => sys::pidfd_open(child.id()),
            Err(error) => Err(error),
        };
        match opened {
            Ok(pidfd) => {
                let child = RefCell::new(child);
                Ok(Self { pidfd, child })
            }
            Err(error) => Err(InsertError::new(child, error)),
        }
    }

    /// Returns the child's exit status if it has ended. The first call that finds it ended
    /// reaps it, and the status is kept for later calls.
    ///
    /// # Errors
    ///
    /// `WouldBlock` while the child runs, so that it is awaited like any other source;
    /// otherwise as [`Child::try_wait`].
    pub fn try_wait(&self) -> io::Result<ExitStatus> {
        let status = self.child.borrow_mut().try_wait()?;
        status.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    /// Its process number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.borrow().id()
    }

    /// Ends it with `SIGKILL`; it is still to be [waited for](Self::try_wait).
    ///
    /// # Errors
    ///
    /// As [`Child::kill`].
    pub fn kill(&self) -> io::Result<()> {
        self.child.borrow_mut().kill()
    }

    /// Gives the child back.
    #[must_use]
    pub fn into_child(self) -> Child {
        self.child.into_inner()
    }
}

fn at_end_of_file() -> io::Result<OwnedFd> {
    let (near, far) = UnixStream::pair()?;
    drop(far);
    Ok(near.into())
}

impl AsFd for ChildProcess {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}
