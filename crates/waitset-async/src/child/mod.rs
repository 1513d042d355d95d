//! Child processes with pipes.

mod collected;
mod orphans;
mod reaped;

use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::process::{self, Command, ExitStatus, Output};
use std::task::Poll;

use waitset::{ChildProcess, Interest};

use crate::Async;
use crate::context::{self, Context};
use collected::Collected;
use reaped::Reaped;

/// A child process whose end and pipes can be awaited.
///
/// ```
/// use futures::io::{AsyncReadExt, AsyncWriteExt};
/// use std::process::{Command, Stdio};
/// use waitset_async::{Child, block_on};
///
/// # if cfg!(not(any(target_os = "linux", target_os = "android"))) { return Ok(()) }
/// block_on(waitset::PollReactor::new()?, async {
///     let mut command = Command::new("sort");
///     let mut child = Child::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
///     if let Some(mut stdin) = child.stdin.take() {
///         stdin.write_all(b"two\none\n").await?;
///     } // dropping it is what tells `sort` that the input has ended
///     if let Some(stdout) = &mut child.stdout {
///         let mut sorted = String::new();
///         stdout.read_to_string(&mut sorted).await?;
///         assert_eq!(sorted, "one\ntwo\n");
///     }
///     assert!(child.status().await?.success());
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Pipes
///
/// A pipe is an `Async<File>`, because `&File` can be read and written, unlike
/// [`&ChildStdout`](process::ChildStdout). To close a pipe, drop it: [`poll_close`] ends the
/// writing half of sockets only. The child's ends of the pipes block as usual.
///
/// [`poll_close`]: futures_io::AsyncWrite::poll_close
///
/// # Dropping
///
/// Dropping a `Child` closes its pipes and lets the process run, as in std; with
/// [`kill_on_drop`](Self::kill_on_drop), it is killed. It leaves no zombie: a task of the
/// executor waits for the process and reaps it. [`Executor::tasks`](crate::Executor::tasks)
/// counts that task. If the executor ends before the process, the process is reaped when this
/// program next starts or drops a `Child`.
///
/// # After a fork
///
/// In a forked child, dropping an inherited `Child` neither kills the process nor waits for it.
///
/// # Platform notes
///
/// pidfd_open(2), Linux 5.3, and waitid(2). For other systems, see
/// [`ChildProcess`].
#[doc(alias("subprocess", "fork", "waitpid"))]
#[derive(Debug)]
pub struct Child {
    /// Writes to the standard input of the child, if the command says `Stdio::piped()`.
    pub stdin: Option<Async<File>>,
    /// Reads what the child writes to its standard output, if the command says
    /// `Stdio::piped()`.
    pub stdout: Option<Async<File>>,
    /// Reads what the child writes to its standard error, if the command says
    /// `Stdio::piped()`.
    pub stderr: Option<Async<File>>,
    process: Reaped,
}

/// Registers the end of a pipe, if there is one.
fn pipe(end: Option<impl Into<OwnedFd>>) -> io::Result<Option<Async<File>>> {
    end.map(|end| Async::new(File::from(end.into())))
        .transpose()
}

impl Child {
    /// Starts the process that `command` describes, and registers it and its pipes with the
    /// executor of this thread.
    ///
    /// Like [`Command::spawn`], it lets the child inherit the standard streams that the command
    /// does not set.
    ///
    /// # Errors
    ///
    /// Like [`Command::spawn`], above all `NotFound`; `Unsupported` where there is no
    /// [`ChildProcess`]; and like [`Async::new`]. A process that cannot
    /// be registered is killed. Nothing is started if no executor runs on this thread.
    ///
    /// ```
    /// use std::process::Command;
    /// use waitset_async::Child;
    ///
    /// # if cfg!(not(any(target_os = "linux", target_os = "android"))) { return Ok(()) }
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let mut child = Child::spawn(Command::new("sh").args(["-c", "exit 7"]))?;
    /// assert_eq!(child.status().await?.code(), Some(7));
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        Context::current().ok_or_else(context::elsewhere)?;
        orphans::reap();
        Self::adopt(command.spawn()?).map_err(|(mut child, error)| {
            let _ = child.kill();
            orphans::adopt(child);
            error
        })
    }

    /// Takes a child over, or returns it.
    fn adopt(mut child: process::Child) -> Result<Self, (process::Child, io::Error)> {
        let pipes = (
            pipe(child.stdin.take()),
            pipe(child.stdout.take()),
            pipe(child.stderr.take()),
        );
        let (stdin, stdout, stderr) = match pipes {
            (Ok(stdin), Ok(stdout), Ok(stderr)) => (stdin, stdout, stderr),
            (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => return Err((child, error)),
        };
        let process = ChildProcess::new(child).map_err(|error| error.into_parts())?;
        let process = Async::register(process, Interest::READABLE)
            .map_err(|(process, error)| (process.into_child(), error))?;
        Ok(Self {
            stdin,
            stdout,
            stderr,
            process: Reaped::new(process),
        })
    }

    /// Returns the process number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.get().get_ref().id()
    }

    /// Returns the exit status if the process has ended, and `None` while it runs.
    ///
    /// # Errors
    ///
    /// Like [`process::Child::try_wait`].
    pub fn try_status(&self) -> io::Result<Option<ExitStatus>> {
        match self.process.get().get_ref().try_wait() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            status => status.map(Some),
        }
    }

    /// Closes the child's standard input, waits until the process has ended, and returns its
    /// exit status, which is kept for further calls.
    ///
    /// It does not read the output, so a child that has filled a pipe waits forever. Use
    /// [`output`](Self::output), or read in another task.
    ///
    /// # Errors
    ///
    /// Like [`process::Child::wait`], and like [`Ready`](crate::Ready) if the process cannot be
    /// awaited.
    #[doc(alias("wait"))]
    pub async fn status(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        self.process.get().status().await
    }

    /// Closes the child's standard input, reads its output and its errors to the end, both at
    /// the same time, and waits until the process has ended.
    ///
    /// It reads the pipes that have not been taken out; the rest of the [`Output`] is empty.
    /// To write the input meanwhile, take `stdin` out and write in another task.
    ///
    /// If the future is dropped, the child is dropped with it. To have it killed then, call
    /// [`kill_on_drop`](Self::kill_on_drop) first.
    ///
    /// # Errors
    ///
    /// Like read(2) and [`status`](Self::status).
    ///
    /// ```
    /// use std::process::{Command, Stdio};
    /// use waitset_async::Child;
    ///
    /// # if cfg!(not(any(target_os = "linux", target_os = "android"))) { return Ok(()) }
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let mut command = Command::new("sh");
    /// command.args(["-c", "echo out; echo err >&2; exit 7"]);
    /// let child = Child::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    /// let output = child.output().await?;
    /// assert_eq!(output.stdout, b"out\n");
    /// assert_eq!(output.stderr, b"err\n");
    /// assert_eq!(output.status.code(), Some(7));
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[doc(alias("wait_with_output"))]
    pub async fn output(mut self) -> io::Result<Output> {
        drop(self.stdin.take());
        let mut stdout = Collected::new(self.stdout.take());
        let mut stderr = Collected::new(self.stderr.take());
        // A child that fills one pipe stops until it is read, and does not close the other.
        poll_fn(|context| {
            let stdout = stdout.poll_to_end(context)?;
            let stderr = stderr.poll_to_end(context)?;
            match stdout.is_ready() && stderr.is_ready() {
                true => Poll::Ready(Ok::<(), io::Error>(())),
                false => Poll::Pending,
            }
        })
        .await?;
        Ok(Output {
            status: self.status().await?,
            stdout: stdout.data,
            stderr: stderr.data,
        })
    }

    /// Kills the process with `SIGKILL`. Call [`status`](Self::status) to wait until it has ended.
    ///
    /// If the exit status has been returned already, it does nothing.
    ///
    /// # Errors
    ///
    /// Like [`process::Child::kill`].
    ///
    /// ```
    /// use std::os::unix::process::ExitStatusExt;
    /// use std::process::Command;
    /// use waitset_async::Child;
    ///
    /// # if cfg!(not(any(target_os = "linux", target_os = "android"))) { return Ok(()) }
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let mut child = Child::spawn(Command::new("sleep").arg("1000"))?;
    /// assert_eq!(child.try_status()?, None);
    /// child.kill()?;
    /// assert_eq!(child.status().await?.signal(), Some(9));
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn kill(&self) -> io::Result<()> {
        self.process.get().get_ref().kill()
    }

    /// Sets whether the process is killed when this is dropped, which it is not by default.
    ///
    /// With this, a [`timeout`](crate::timeout) around a child also ends the process:
    ///
    /// ```
    /// use std::process::Command;
    /// use std::time::Duration;
    /// use waitset_async::{Child, timeout};
    ///
    /// # if cfg!(not(any(target_os = "linux", target_os = "android"))) { return Ok(()) }
    /// # waitset_async::block_on(waitset::PollReactor::new()?, async {
    /// let mut child = Child::spawn(Command::new("sleep").arg("1000"))?;
    /// child.kill_on_drop(true);
    /// let output = timeout(Duration::from_millis(1), child.output());
    /// assert!(output.await.is_err());
    /// # Ok::<(), std::io::Error>(())
    /// # })??;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn kill_on_drop(&mut self, kills: bool) {
        self.process.kill_on_drop(kills);
    }
}
