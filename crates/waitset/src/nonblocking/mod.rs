//! Non-blocking mode for every descriptor, where std has it for sockets alone.

use std::io;

use waitset_core::AsSource;

pub(crate) mod sys;

/// Switches non-blocking mode of a pipe, a terminal or any other descriptor on or off.
///
/// std offers this for sockets. For everything else with a descriptor (`ChildStdin`,
/// `ChildStdout`, `ChildStderr`, `Stdin`, `OwnedFd`, types of other crates), there is this
/// function. [`LocalHandle::insert_stream`](crate::LocalHandle::insert_stream) does it for you.
///
/// # Who else is affected
///
/// The flag `O_NONBLOCK` belongs to the open file description, not to the descriptor. Whoever has
/// the same description is affected as well: duplicates, and the processes that inherited it. The
/// standard input of a program that was started in a terminal is shared with the shell, and often
/// with standard output and standard error: `println!` can then fail with `WouldBlock`. Open a
/// terminal again (`/dev/tty`) to have a description of your own. Each end of a pipe has its own, so
/// [`ChildStdout`](std::process::ChildStdout) is not shared with the child, which writes to the
/// other end.
///
/// # Errors
///
/// Those of fcntl(2), which no usual descriptor causes: `EBADF` if it was opened with `O_PATH`.
///
/// ```
/// use std::io::{ErrorKind, Read};
/// use std::process::{Command, Stdio};
///
/// let mut child = Command::new("cat")
///     .stdin(Stdio::piped())
///     .stdout(Stdio::piped())
///     .spawn()?;
/// let mut output = child.stdout.take().expect("it is piped");
/// waitset::set_nonblocking(&output, true)?;
/// let error = output.read(&mut [0; 16]).expect_err("nothing was written");
/// assert_eq!(error.kind(), ErrorKind::WouldBlock);
/// drop(child.stdin.take()); // the end of its input
/// child.wait()?;
/// assert_eq!(output.read(&mut [0; 16])?, 0);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Platform notes
///
/// One fcntl(2) to read the flags, and another one if they change.
#[doc(alias("O_NONBLOCK", "fcntl", "FIONBIO"))]
pub fn set_nonblocking(source: &impl AsSource, nonblocking: bool) -> io::Result<()> {
    sys::set_nonblocking(source.as_fd(), nonblocking).map(drop)
}
