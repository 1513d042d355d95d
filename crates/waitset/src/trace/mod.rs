//! A reactor that reports what it does.

mod line;
#[cfg(feature = "tracing")]
mod subscriber;

use std::fmt;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use waitset_core::{
    BorrowedSource, Capabilities, Events, Interest, Mode, Reactor, ReactorWaker, Stats, Token,
    WaitHint,
};

pub use line::{TraceCall, TraceLine};

/// A wrapper that reports each wait and each change of a reactor as a [`TraceLine`]: the call, how
/// many system calls it took, how long the thread slept, the events.
///
/// ```
/// use std::io::{Write, stderr};
/// use std::os::unix::net::UnixStream;
/// use waitset::{TraceReactor, Interest, Mode, PollReactor, WaitSet};
///
/// let (mut near, far) = UnixStream::pair()?;
/// let mut set = WaitSet::with_reactor(TraceReactor::to_writer(PollReactor::new()?, stderr()));
/// set.insert(far, Interest::READABLE, Mode::Level)?;
/// near.write_all(b"!")?;
/// set.wait(None)?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// prints
///
/// ```text
/// register   descriptor 4 as token 0: readable, level-triggered
///            poll: 0 system calls, 1.2µs
/// wait       on 1 source, no timeout
///            poll checked for 3.1µs: 1 event: token 0 readable
/// ```
///
/// Everything else is that of the inner reactor, its errors, events and statistics included.
///
/// # Platform notes
///
/// Each call of the reactor reads the clock and the statistics twice, and then runs the function
/// that receives the line. No further system call is made.
pub struct TraceReactor<R> {
    inner: R,
    report: Box<dyn FnMut(&TraceLine<'_>) + Send>,
    sources: usize,
    /// The statistics at the last line.
    reported: Stats,
}

impl<R: Reactor> TraceReactor<R> {
    /// Wraps `inner`, and calls `report` with a line after each of its calls.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use std::time::Duration;
    /// use waitset::{EpollReactor, Events, TraceReactor, Reactor};
    ///
    /// let (sender, lines) = mpsc::channel();
    /// let mut reactor = TraceReactor::new(EpollReactor::new()?, move |line| {
    ///     sender.send(format!("{line:#}")).unwrap();
    /// });
    /// reactor.wait(&mut Events::with_capacity(8), Some(Duration::ZERO))?;
    /// let line = lines.recv().unwrap();
    /// assert!(line.starts_with("wait on 0 sources, zero timeout: epoll_wait checked for"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(inner: R, report: impl FnMut(&TraceLine<'_>) + Send + 'static) -> Self {
        Self {
            reported: inner.stats(),
            inner,
            report: Box::new(report),
            sources: 0,
        }
    }

    /// Wraps `inner`, and writes the lines to `writer`, for people to read.
    ///
    /// Lines that cannot be written are left out.
    pub fn to_writer(inner: R, mut writer: impl Write + Send + 'static) -> Self {
        Self::new(inner, move |line| {
            // One write a line, so that those of two reactors do not mix.
            let _ = writer.write_all(format!("{line}\n").as_bytes());
        })
    }

    /// Wraps `inner`, and reports the lines as events of the crate `tracing`, under the target
    /// `waitset`: waits at the level `TRACE`, changes at `DEBUG`, errors at `WARN`.
    #[cfg(feature = "tracing")]
    pub fn tracing(inner: R) -> Self {
        Self::new(inner, |line| line.emit())
    }

    /// Returns the inner reactor.
    #[must_use]
    pub const fn get_ref(&self) -> &R {
        &self.inner
    }

    /// Returns the inner reactor, and ends the trace.
    #[must_use]
    pub fn into_inner(self) -> R {
        self.inner
    }

    /// Changes the inner reactor and reports it.
    fn change(
        &mut self,
        call: TraceCall,
        change: impl FnOnce(&mut R) -> io::Result<()>,
    ) -> io::Result<()> {
        let before = Instant::now();
        let result = change(&mut self.inner);
        let took = before.elapsed();
        if result.is_ok() {
            match call {
                TraceCall::Register { .. } => self.sources += 1,
                TraceCall::Deregister { .. } => self.sources = self.sources.saturating_sub(1),
                _ => {}
            }
        }
        self.report(TraceLine {
            call,
            took,
            error: result.as_ref().err(),
            ..TraceLine::of(&self.inner)
        });
        result
    }

    /// Completes the line and reports it.
    fn report(&mut self, line: TraceLine<'_>) {
        let now = self.inner.stats();
        let line = TraceLine {
            sources: self.sources,
            counts: now.since(&self.reported),
            ..line
        };
        self.reported = now;
        (self.report)(&line);
    }
}

impl<R: Reactor> Reactor for TraceReactor<R> {
    #[allow(unsafe_code, reason = "the registration outlives the borrow")]
    unsafe fn register(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        let call = TraceCall::Register {
            descriptor: source.as_raw_fd(),
            token,
            interest,
            mode,
        };
        self.change(call, |inner| {
            // SAFETY: the caller makes the promise that the inner reactor requires.
            unsafe { inner.register(source, token, interest, mode) }
        })
    }

    fn modify(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        let call = TraceCall::Modify {
            descriptor: source.as_raw_fd(),
            token,
            interest,
            mode,
        };
        self.change(call, |inner| inner.modify(source, token, interest, mode))
    }

    fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()> {
        let descriptor = source.as_raw_fd();
        self.change(TraceCall::Deregister { descriptor }, |inner| {
            inner.deregister(source)
        })
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        let before = Instant::now();
        let result = self.inner.wait(events, timeout);
        let took = before.elapsed();
        let mut line = TraceLine {
            call: TraceCall::Wait { timeout },
            took,
            error: result.as_ref().err(),
            ..TraceLine::of(&self.inner)
        };
        if result.is_ok() {
            line.events = events.as_slice();
            line.was_woken = events.was_woken();
            line.was_interrupted = events.was_interrupted();
        }
        self.report(line);
        result
    }

    fn waker(&self) -> ReactorWaker {
        self.inner.waker()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn stats(&self) -> Stats {
        self.inner.stats()
    }

    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn hint(&mut self, hint: WaitHint) {
        self.inner.hint(hint);
    }

    fn lend(&mut self) -> io::Result<BorrowedSource<'_>> {
        self.inner.lend()
    }
}

impl<R: fmt::Debug> fmt::Debug for TraceReactor<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceReactor")
            .field("inner", &self.inner)
            .field("sources", &self.sources)
            .finish_non_exhaustive()
    }
}
