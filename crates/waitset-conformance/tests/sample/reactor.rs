use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, ppoll};
use waitset_core::{
    BorrowedSource, Capabilities, Events, Interest, Mode, Reactor, ReactorWaker, Readiness, Stats,
    Support, Token, WakeFlag,
};
use waitset_unix::{Bell, FdTable, Registration, refusal, take_wake, timespec};

const NAME: &str = "sample";

/// A reactor over poll(2) that builds its array of descriptors for every wait.
pub struct Sample {
    wake: WakeFlag<Bell>,
    sources: FdTable<Source>,
    /// The descriptor to begin with, so that no source starves.
    next: RawFd,
    stats: Stats,
}

struct Source {
    fd: BorrowedFd<'static>,
    registration: Registration,
    is_armed: bool,
}

impl Sample {
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            wake: WakeFlag::new(Bell::new()?),
            sources: FdTable::default(),
            next: 0,
            stats: Stats::default(),
        })
    }

    /// Reports ready sources as far as there is room, and keeps the place to continue from.
    fn report(&mut self, mut ready: Vec<(RawFd, PollFlags)>, events: &mut Events) {
        ready.sort_unstable_by_key(|(fd, _)| (*fd < self.next, *fd));
        for (fd, flags) in ready {
            self.next = fd;
            let Some(source) = self.sources.get_mut(fd).filter(|_| !events.is_full()) else {
                return;
            };
            // The low five bits of poll(2) and of Readiness are the same.
            let observed = Readiness::from_bits(flags.bits() as u32 & 0x1f);
            source.is_armed = source.registration.mode != Mode::Oneshot;
            if flags.contains(PollFlags::POLLNVAL) {
                // Closed while registered: reported once, then dropped.
                events.push(source.registration.event(Readiness::ERROR));
                self.sources.remove(fd);
            } else {
                events.push(source.registration.event(observed));
            }
        }
        self.next = 0;
    }
}

impl Reactor for Sample {
    unsafe fn register(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        refusal::token(NAME, source.as_raw_fd(), token)?;
        refusal::edge(NAME, source.as_raw_fd(), mode)?;
        let source = Source {
            // SAFETY: the caller keeps the source open until it is deregistered.
            fd: unsafe { BorrowedFd::borrow_raw(source.as_raw_fd()) },
            registration: Registration::new(token, interest, mode),
            is_armed: true,
        };
        self.sources.try_insert(NAME, source.fd.as_raw_fd(), source)
    }

    fn modify(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        refusal::token(NAME, source.as_raw_fd(), token)?;
        refusal::edge(NAME, source.as_raw_fd(), mode)?;
        let source = self.sources.try_get_mut(NAME, source.as_raw_fd())?;
        source.registration = Registration::new(token, interest, mode);
        source.is_armed = true;
        Ok(())
    }

    fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()> {
        self.sources.try_remove(NAME, source.as_raw_fd()).map(drop)
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        events.begin()?;
        let bell = self.wake.doorbell().as_fd();
        let mut entries = vec![PollFd::new(bell, PollFlags::POLLIN)];
        let armed = self.sources.iter().filter(|(_, source)| source.is_armed);
        entries.extend(armed.map(|(_, source)| {
            let interest = source.registration.interest.bits().into();
            PollFd::new(source.fd, PollFlags::from_bits_retain(interest))
        }));
        self.stats.wait_calls += 1;
        if let Err(error) = ppoll(&mut entries, timespec(timeout).map(Into::into), None) {
            refusal::of_poll(NAME, entries.len(), events, &error.into())?;
        }
        if entries[0].any() == Some(true) {
            self.stats.control_calls += take_wake(&self.wake, events);
        }
        let flags = |entry: &PollFd<'_>| entry.revents().filter(|flags| !flags.is_empty());
        let ready = entries[1..].iter();
        let ready = ready.filter_map(|it| Some((it.as_fd().as_raw_fd(), flags(it)?)));
        self.report(ready.collect(), events);
        self.stats.count_wait(events.len());
        Ok(events.len())
    }

    fn waker(&self) -> ReactorWaker {
        self.wake.waker()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            edge: Support::Unsupported,
            oneshot: Support::Emulated,
            peer_closed_hint: false,
            reports_closed_descriptors: true,
            ..Capabilities::FULL
        }
    }

    fn stats(&self) -> Stats {
        Stats {
            control_calls: self.stats.control_calls + self.sources.checks(),
            wake_calls: self.wake.calls(),
            ..self.stats
        }
    }

    fn name(&self) -> &'static str {
        NAME
    }
}
