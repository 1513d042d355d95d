use std::io;
use std::process::ExitStatus;

use waitset::{ChildProcess, SignalInfo, Signals};

use crate::Async;

impl Async<Signals> {
    /// Waits for the next signal of the set.
    ///
    /// Create the [`Signals`] before the program starts threads, those of the feature `blocking`
    /// included: threads inherit that the signals are blocked.
    ///
    /// # Errors
    ///
    /// Like [`Signals::next`], and like [`Ready`](crate::Ready) if the source cannot be awaited.
    ///
    /// ```standalone_crate
    /// use std::process::{Command, id};
    /// use waitset::{Signal, Signals};
    /// use waitset_async::{Async, block_on};
    ///
    /// # if cfg!(not(any(target_os = "linux", target_os = "android"))) { return Ok(()) }
    /// let signals = Signals::new(&[Signal::USER_1])?;
    /// let mut kill = Command::new("kill").args(["-USR1", &id().to_string()]).spawn()?;
    /// let info = block_on(waitset::PollReactor::new()?, async {
    ///     let signals = Async::new(signals)?;
    ///     signals.next().await
    /// })??;
    /// assert_eq!(info.signal(), Signal::USER_1);
    /// # kill.wait()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn next(&self) -> io::Result<SignalInfo> {
        self.read_with(Signals::next).await
    }
}

impl Async<ChildProcess> {
    /// Waits until the process has ended and returns its exit status, which is kept for further
    /// calls.
    ///
    /// To start a process whose pipes can be awaited, too, use [`Child`](crate::Child).
    ///
    /// # Errors
    ///
    /// Like [`ChildProcess::try_wait`], and like [`Ready`](crate::Ready) if the source cannot be
    /// awaited.
    ///
    /// ```
    /// use std::process::Command;
    /// use waitset::ChildProcess;
    /// use waitset_async::{Async, block_on};
    ///
    /// # if cfg!(not(any(target_os = "linux", target_os = "android"))) { return Ok(()) }
    /// let status = block_on(waitset::PollReactor::new()?, async {
    ///     let child = Command::new("sh").args(["-c", "exit 7"]).spawn()?;
    ///     let child = Async::new(ChildProcess::new(child)?)?;
    ///     child.status().await
    /// })??;
    /// assert_eq!(status.code(), Some(7));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn status(&self) -> io::Result<ExitStatus> {
        self.read_with(ChildProcess::try_wait).await
    }
}
