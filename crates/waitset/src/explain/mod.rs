//! A reactor that tells what it does.

mod line;
#[cfg(feature = "tracing")]
mod trace;

use std::fmt;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use waitset_core::{
    BorrowedSource, Capabilities, Events, Interest, Mode, Reactor, Stats, Token, WaitHint, Waker,
};

pub use line::{Asked, Line};

/// Tells each wait and each change of a reactor as a [`Line`]: what was asked, which
/// system calls answered, how long the thread slept, what came back.
///
/// ```
/// use std::io::{Write, stderr};
/// use std::os::unix::net::UnixStream;
/// use waitset::{Explain, Interest, Mode, Poll, WaitSet};
///
/// let (mut near, far) = UnixStream::pair()?;
/// let mut set = WaitSet::with_reactor(Explain::to_writer(Poll::new()?, stderr()));
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
///            poll: no system call, 1.2µs
/// wait       on 1 source, for ever
///            poll looked for 3.1µs: 1 event: token 0 readable
/// ```
///
/// Everything else is the inner reactor's, its errors, events and counts included. What
/// it costs is two readings of the clock and of the counts an operation, and the telling.
pub struct Explain<R> {
    inner: R,
    tell: Box<dyn FnMut(&Line<'_>) + Send>,
    sources: usize,
    /// The counts as they were at the last line.
    told: Stats,
}

impl<R: Reactor> Explain<R> {
    /// Tells `tell` what `inner` does from now on.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use std::time::Duration;
    /// use waitset::{Epoll, Events, Explain, Reactor};
    ///
    /// let (sender, lines) = mpsc::channel();
    /// let mut reactor = Explain::new(Epoll::new()?, move |line| {
    ///     sender.send(format!("{line:#}")).unwrap();
    /// });
    /// reactor.wait(&mut Events::with_capacity(8), Some(Duration::ZERO))?;
    /// let line = lines.recv().unwrap();
    /// assert!(line.starts_with("wait on no source, without sleeping: epoll_wait looked for"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(inner: R, tell: impl FnMut(&Line<'_>) + Send + 'static) -> Self {
        Self {
            told: inner.stats(),
            inner,
            tell: Box::new(tell),
            sources: 0,
        }
    }

    /// Writes the lines to `writer`, for people to read.
    ///
    /// What cannot be written is left out: telling does not change what is told of.
    pub fn to_writer(inner: R, mut writer: impl Write + Send + 'static) -> Self {
        Self::new(inner, move |line| {
            // One write a line, so that those of two reactors do not mix.
            let _ = writer.write_all(format!("{line}\n").as_bytes());
        })
    }

    /// Tells the lines as events of the crate `tracing`, under the target `waitset`:
    /// waits at the level `TRACE`, changes at `DEBUG`, errors at `WARN`.
    #[cfg(feature = "tracing")]
    pub fn tracing(inner: R) -> Self {
        Self::new(inner, |line| line.trace())
    }

    /// The reactor that is told of.
    pub fn get_ref(&self) -> &R {
        &self.inner
    }

    /// Ends the telling.
    pub fn into_inner(self) -> R {
        self.inner
    }

    /// Does something to the inner reactor and tells it.
    fn change(
        &mut self,
        asked: Asked,
        change: impl FnOnce(&mut R) -> io::Result<()>,
    ) -> io::Result<()> {
        let before = Instant::now();
        let answer = change(&mut self.inner);
        let took = before.elapsed();
        if answer.is_ok() {
            match asked {
                Asked::Register { .. } => self.sources += 1,
                Asked::Deregister { .. } => self.sources = self.sources.saturating_sub(1),
                _ => {}
            }
        }
        self.tell(Line {
            asked,
            took,
            error: answer.as_ref().err(),
            ..Line::of(&self.inner)
        });
        answer
    }

    /// Completes the line and tells it.
    fn tell(&mut self, line: Line<'_>) {
        let now = self.inner.stats();
        let line = Line {
            sources: self.sources,
            counts: now.since(&self.told),
            ..line
        };
        self.told = now;
        (self.tell)(&line);
    }
}

impl<R: Reactor> Reactor for Explain<R> {
    #[allow(unsafe_code, reason = "the registration outlives the borrow")]
    unsafe fn register(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        let asked = Asked::Register {
            descriptor: source.as_raw_fd(),
            token,
            interest,
            mode,
        };
        self.change(asked, |inner| {
            // SAFETY: the caller's promise is the one that is asked for.
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
        let asked = Asked::Modify {
            descriptor: source.as_raw_fd(),
            token,
            interest,
            mode,
        };
        self.change(asked, |inner| inner.modify(source, token, interest, mode))
    }

    fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()> {
        let descriptor = source.as_raw_fd();
        self.change(Asked::Deregister { descriptor }, |inner| {
            inner.deregister(source)
        })
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        let before = Instant::now();
        let answer = self.inner.wait(events, timeout);
        let took = before.elapsed();
        let mut line = Line {
            asked: Asked::Wait { timeout },
            took,
            error: answer.as_ref().err(),
            ..Line::of(&self.inner)
        };
        if answer.is_ok() {
            line.events = events.as_slice();
            line.was_woken = events.was_woken();
            line.was_interrupted = events.was_interrupted();
        }
        self.tell(line);
        answer
    }

    fn waker(&self) -> Waker {
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
}

impl<R: fmt::Debug> fmt::Debug for Explain<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explain")
            .field("inner", &self.inner)
            .field("sources", &self.sources)
            .finish_non_exhaustive()
    }
}
