use std::fmt;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use waitset_core::{
    BorrowedSource, Capabilities, Events, Interest, Mode, Reactor, Stats, Token, WaitHint, Waker,
};

use super::Spin;
use super::pace::{Pace, Wait};
use super::sources::Sources;

/// Watches a reactor for waits that come to nothing, and says of each cause once what it
/// is, why it spins, and what to do about it.
///
/// ```
/// use std::io::stderr;
/// use std::os::unix::net::UnixStream;
/// use waitset::spin::{Culprit, Reason, SpinDetector};
/// use waitset::{Interest, Mode, Poll, WaitSet};
///
/// let (sender, spins) = std::sync::mpsc::channel();
/// let reactor = SpinDetector::new(Poll::new()?, move |spin| {
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
/// assert!(spins.try_recv().is_err(), "it is told once");
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
/// [`EventLoop`](crate::EventLoop), a box. Around others, such as `Busy` and
/// [`Explain`](crate::Explain), it belongs outermost but for `Explain`, which can be on
/// either side.
///
/// # What counts as a spin
///
/// - **Sources.** Every thousand waits it takes a few of the sources that were just
///   reported and watches them for 128 waits. One is told if it was ready all the while and
///   it can be proved that nothing was read from it, or written to it, in that time: its
///   queues and counters in the kernel are what they were, and nothing has arrived, which an
///   epoll instance of the detector's own with the source under edge would have shown.
/// - **Timers** of an event loop that are due as they are armed, in 128 turns one after the
///   other with no event and no other work in them. Work in slices is no spin if it is
///   [deferred](crate::Handle::defer).
/// - **Timeouts** of zero after a wait that ran out, or of less than half a millisecond, in
///   128 waits one after the other that brought nothing, with less than 10 µs between
///   them. A caller who passes no timeout but zero polls on purpose and is left alone, as is
///   one that works between its waits, or says that it [has to](Reactor::hint). So are
///   `Busy`, `Sweep` and `Adaptive`, which spin within one wait.
///
/// A cause is told again when it was away: something was read or written, the registration
/// was changed, or, with timeouts, 65,536 waits were without it.
///
/// # What it does not find
///
/// Where nothing can be proved it is silent: interest in writing to a pipe, a terminal or a
/// device; regular files, which are always ready; sources under [`Mode::Edge`], which tell
/// nothing twice. Of datagrams, signals and listeners of Unix sockets the kernel does not
/// say how many are left: those are told after 65,536 waits, more than their queues hold.
/// Of several sources with the same token, one is watched. Sources are watched on
/// Linux with glibc or musl only.
///
/// # Platform notes
///
/// A wait for one event costs 52 instructions more, an event of ten at a time 10; an event loop
/// without a detector pays nothing (100 pipes, epoll, counted by callgrind).
///
/// One descriptor, made with it, so that it works when there is none left. In a loop that
/// does not spin it adds at most 80 system calls to every thousand waits, 20 if one source
/// is ready at a time, and reads no clock except around waits that ran out.
pub struct SpinDetector<R> {
    inner: R,
    tell: Box<dyn FnMut(&Spin) + Send>,
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
    /// Tells `tell` what `inner` spins on from now on.
    ///
    /// # Errors
    ///
    /// As epoll_create1(2), `EMFILE` above all; `Unsupported` if a sandbox refuses it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use waitset::spin::{Reason, SpinDetector};
    /// use waitset::{EventLoop, Poll};
    ///
    /// let (sender, spins) = std::sync::mpsc::channel();
    /// let tell = move |spin: &_| sender.send(format!("{spin:#}")).unwrap();
    /// let mut event_loop = EventLoop::with_reactor(SpinDetector::new(Poll::new()?, tell)?);
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
    pub fn new(inner: R, tell: impl FnMut(&Spin) + Send + 'static) -> io::Result<Self> {
        Ok(Self {
            inner,
            tell: Box::new(tell),
            is_alert: false,
            pause: PAUSE,
            pace: Pace::default(),
            sources: Sources::new()?,
        })
    }

    /// Writes what is found to `writer`, for people to read.
    ///
    /// What cannot be written is left out.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// ```
    /// use waitset::spin::SpinDetector;
    /// use waitset::{EventLoop, Poll};
    ///
    /// let reactor = SpinDetector::to_writer(Poll::new()?, std::io::stderr())?;
    /// let event_loop: EventLoop<(), _> = EventLoop::with_reactor(reactor);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn to_writer(inner: R, mut writer: impl Write + Send + 'static) -> io::Result<Self> {
        Self::new(inner, move |spin| {
            // One write a finding, so that those of two reactors do not mix.
            let _ = writer.write_all(format!("{spin}\n").as_bytes());
        })
    }

    /// Tells what is found as events of the crate `tracing`, under the target `waitset`, at
    /// the level `WARN`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    #[cfg(feature = "tracing")]
    pub fn tracing(inner: R) -> io::Result<Self> {
        Self::new(inner, Spin::trace)
    }

    /// The reactor that is watched.
    pub fn get_ref(&self) -> &R {
        &self.inner
    }

    /// Ends the watch.
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
                (self.tell)(&found.in_reactor(self.inner.name()));
            }
        }
        if self.sources.are_watched() {
            let (tell, reactor) = (&mut self.tell, self.inner.name());
            self.sources
                .watch(events, |found| tell(&found.in_reactor(reactor)));
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

    #[inline]
    fn hint(&mut self, hint: WaitHint) {
        self.pace.hint(hint);
        self.inner.hint(hint);
    }
}

impl<R: fmt::Debug> fmt::Debug for SpinDetector<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpinDetector")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
