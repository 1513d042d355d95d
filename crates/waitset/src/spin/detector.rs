use std::fmt;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use waitset_core::{
    BorrowedSource, Capabilities, Events, Interest, Mode, Reactor, ReactorWaker, Stats, Token,
    WaitHint,
};

use super::Spin;
use super::pace::{Pace, Wait};
use super::sources::Sources;

/// A wrapper that finds waits of a reactor that return again and again with nothing done.
///
/// It reports each cause once: the source, timer or timeout, the reason, and the remedy.
///
/// ```
/// use std::io::stderr;
/// use std::os::unix::net::UnixStream;
/// use waitset::spin::{Culprit, Reason, SpinDetector};
/// use waitset::{Interest, Mode, PollReactor, WaitSet};
///
/// let (sender, spins) = std::sync::mpsc::channel();
/// let reactor = SpinDetector::new(PollReactor::new()?, move |spin| {
///     eprintln!("{spin}");
///     sender.send(spin.clone()).unwrap();
/// })?;
/// let mut set = WaitSet::with_reactor(reactor);
/// let (near, _far) = UnixStream::pair()?;
/// let key = set.insert(near, Interest::READABLE | Interest::WRITABLE, Mode::Level)?;
/// for _ in 0..2000 {
///     set.wait(None)?; // "writable", and there is nothing to write
///     while set.next_event().is_some() {}
/// }
/// # if cfg!(target_os = "linux") {
/// let spin = spins.try_recv().unwrap();
/// assert_eq!(spin.reason, Reason::UnusedWriteInterest);
/// assert!(matches!(spin.culprit, Culprit::Source { token, .. } if token == key.token()));
/// assert!(spins.try_recv().is_err(), "it is reported once");
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// prints
///
/// ```text
/// spin       descriptor 5 as token 0, Unix stream: it is writable, and nothing is
///            written
///            poll: 128 waits in 73.1µs came to nothing. Ask for writability only
///            while there is something left to write.
/// ```
///
/// It wraps any reactor: a bare one, that of a [`WaitSet`](crate::WaitSet), that of an
/// [`EventLoop`](crate::EventLoop), a box. Wrap it around other wrappers, such as `Busy`; only
/// [`TraceReactor`](crate::TraceReactor) can be on either side.
///
/// # What counts as a spin
///
/// - **Sources.** Every thousand waits, the detector picks a few of the sources that were just
///   reported and watches them for 128 waits. It reports a source that was ready in all of them if
///   it can prove that nothing was read from it or written to it: its queues and counters in the
///   kernel have not changed, and nothing has arrived, which an epoll instance of the detector, in
///   edge-triggered mode, would have reported.
/// - **Timers** of an event loop that are due when they are armed, in 128 consecutive turns
///   without an event or other work. Work in slices is not a spin if it is
///   [deferred](crate::LocalHandle::defer).
/// - **Timeouts** of zero after a wait whose timeout expired, or timeouts below 500 µs, in 128
///   consecutive waits without an event, with less than 10 µs between them. A caller that only
///   passes zero polls on purpose and is not reported, and neither is a caller that works between
///   its waits or gives a [hint](Reactor::hint), nor `Busy`, `Sweep` and `Adaptive`, which spin
///   inside a wait.
///
/// A cause is reported again if it was gone in between: something was read or written, the
/// registration was changed, or, with timeouts, 65,536 waits passed without it.
///
/// # What it does not find
///
/// The detector is silent if it cannot prove a spin: write interest in a pipe, a terminal or a
/// device; regular files, which are always ready; sources in [`Mode::Edge`], which report nothing
/// twice. The kernel does not say how many datagrams, signals or connections to a Unix socket are
/// left: those are reported after 65,536 waits, more than their queues hold. Of several sources
/// with the same token, one is watched. Sources are watched on Linux with glibc or musl only.
///
/// # Platform notes
///
/// A wait for 1 event costs 52 instructions more, and an event of 10 per wait costs 10 more (100
/// pipes, epoll, counted by callgrind). An event loop without a detector pays nothing.
///
/// The constructor makes one descriptor, so that the detector works when no descriptor is left. In
/// a loop that does not spin, it adds at most 80 system calls per thousand waits, 20 if one source
/// is ready at a time, and reads the clock only around waits whose timeout expires.
pub struct SpinDetector<R> {
    inner: R,
    report: Box<dyn FnMut(&Spin) + Send>,
    /// Whether the next wait is looked at closely.
    is_alert: bool,
    /// How many waits with events until sources are looked at again.
    pause: u32,
    pace: Pace,
    sources: Sources,
}

/// How many waits with events between two looks at sources.
const PAUSE: u32 = 1000;

impl<R: Reactor> SpinDetector<R> {
    /// Wraps `inner`, and calls `report` with each spin that is found.
    ///
    /// # Errors
    ///
    /// Those of epoll_create1(2), above all `EMFILE`; `Unsupported` if a sandbox refuses it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use waitset::spin::{Reason, SpinDetector};
    /// use waitset::{EventLoop, PollReactor};
    ///
    /// let (sender, spins) = std::sync::mpsc::channel();
    /// let report = move |spin: &_| sender.send(format!("{spin:#}")).unwrap();
    /// let mut event_loop = EventLoop::with_reactor(SpinDetector::new(PollReactor::new()?, report)?);
    /// event_loop.handle().arm_after(Duration::ZERO, |_, tick, handle| {
    ///     handle.reset_after(tick.timer, Duration::ZERO);
    /// });
    /// for _ in 0..200 {
    ///     event_loop.turn(&mut (), None)?;
    /// }
    /// let spin = spins.try_recv().unwrap();
    /// assert!(spin.starts_with("spin on timer 0: it was due as it was armed, each time"));
    /// assert!(spin.ends_with(Reason::ZeroTimer.remedy()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(inner: R, report: impl FnMut(&Spin) + Send + 'static) -> io::Result<Self> {
        Ok(Self {
            inner,
            report: Box::new(report),
            is_alert: false,
            pause: PAUSE,
            pace: Pace::default(),
            sources: Sources::new()?,
        })
    }

    /// Wraps `inner`, and writes each spin that is found to `writer`, for people to read.
    ///
    /// A spin that cannot be written is left out.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    ///
    /// ```
    /// use waitset::spin::SpinDetector;
    /// use waitset::{EventLoop, PollReactor};
    ///
    /// let reactor = SpinDetector::to_writer(PollReactor::new()?, std::io::stderr())?;
    /// let event_loop: EventLoop<(), _> = EventLoop::with_reactor(reactor);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn to_writer(inner: R, mut writer: impl Write + Send + 'static) -> io::Result<Self> {
        Self::new(inner, move |spin| {
            // One write a finding, so that those of two reactors do not mix.
            let _ = writer.write_all(format!("{spin}\n").as_bytes());
        })
    }

    /// Wraps `inner`, and reports each spin as an event of the crate `tracing`, under the target
    /// `waitset`, at the level `WARN`.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    #[cfg(feature = "tracing")]
    pub fn tracing(inner: R) -> io::Result<Self> {
        Self::new(inner, Spin::trace)
    }

    /// Returns the inner reactor.
    #[must_use]
    pub const fn get_ref(&self) -> &R {
        &self.inner
    }

    /// Returns the inner reactor, and ends the watch.
    #[must_use]
    pub fn into_inner(self) -> R {
        self.inner
    }

    /// A wait that is looked at, with when it began if that matters.
    #[cold]
    fn wait_closely(
        &mut self,
        events: &mut Events,
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        let entered = self.pace.is_following().then(Instant::now);
        let answer = self.inner.wait(events, timeout);
        match answer {
            Ok(_) => self.note(events, timeout, entered),
            Err(_) => self.pace.interrupt(),
        }
        answer
    }

    #[cold]
    fn note(&mut self, events: &Events, timeout: Option<Duration>, entered: Option<Instant>) {
        if !events.is_empty() || events.was_woken() || events.was_interrupted() {
            self.pace.interrupt();
        } else {
            let wait = Wait {
                timeout,
                entered,
                number: self.inner.stats().waits,
            };
            if let Some(found) = self.pace.note(wait) {
                (self.report)(&found.in_reactor(self.inner.name()));
            }
        }
        if self.sources.are_watched() {
            let (report, reactor) = (&mut self.report, self.inner.name());
            self.sources
                .watch(events, |found| report(&found.in_reactor(reactor)));
        } else if self.pause == 0 {
            self.pause = PAUSE;
            self.sources.pick(events);
        }
        self.is_alert = self.pace.is_following() || self.sources.are_watched();
    }
}

impl<R: Reactor> Reactor for SpinDetector<R> {
    #[allow(unsafe_code, reason = "the registration outlives the borrow")]
    unsafe fn register(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { self.inner.register(source, token, interest, mode)? };
        self.sources
            .register(source.as_raw_fd(), token, interest, mode);
        Ok(())
    }

    fn modify(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        self.inner.modify(source, token, interest, mode)?;
        self.sources
            .register(source.as_raw_fd(), token, interest, mode);
        Ok(())
    }

    fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()> {
        // First, and whatever comes of it: the detector must hold nothing of a source that
        // its owner thinks is free.
        self.sources.deregister(source.as_raw_fd());
        self.inner.deregister(source)
    }

    #[inline]
    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        if self.is_alert {
            return self.wait_closely(events, timeout);
        }
        let count = self.inner.wait(events, timeout)?;
        self.pause = self.pause.saturating_sub(1);
        if count == 0 || self.pause == 0 {
            self.note(events, timeout, None);
        } else {
            self.pace.forget_hint();
        }
        Ok(count)
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

    #[inline]
    fn hint(&mut self, hint: WaitHint) {
        self.pace.hint(hint);
        self.inner.hint(hint);
    }

    fn lend(&mut self) -> io::Result<BorrowedSource<'_>> {
        self.inner.lend()
    }
}

impl<R: fmt::Debug> fmt::Debug for SpinDetector<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpinDetector")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
