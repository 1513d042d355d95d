//! A reactor with its buffer, as the cases use it.

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use waitset_core::{Capabilities, Event, Events, Interest, Mode, Reactor, Stats, Token};

use crate::{Make, child, sys};

/// How long an event that must come can take. Generous, because machines are busy: a test that waits
/// this long has failed.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

pub(crate) const R: Interest = Interest::READABLE;
pub(crate) const W: Interest = Interest::WRITABLE;
pub(crate) const P: Interest = Interest::PRIORITY;
pub(crate) const ALL: Interest = Interest::ALL;

pub(crate) struct Watch {
    pub(crate) reactor: Box<dyn Reactor + Send>,
    pub(crate) events: Events,
}

impl Watch {
    pub(crate) fn new(make: Make) -> Self {
        Self::with_capacity(make, 64)
    }

    pub(crate) fn with_capacity(make: Make, capacity: usize) -> Self {
        Self {
            reactor: make().unwrap(),
            events: Events::with_capacity(capacity),
        }
    }

    pub(crate) fn can(&self) -> Capabilities {
        self.reactor.capabilities()
    }

    pub(crate) fn stats(&self) -> Stats {
        self.reactor.stats()
    }

    pub(crate) fn try_register(
        &mut self,
        source: impl AsFd,
        token: u64,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        let source = source.as_fd();
        sys::register(&mut *self.reactor, source, Token(token), interest, mode)
    }

    #[track_caller]
    pub(crate) fn register(
        &mut self,
        source: impl AsFd,
        token: u64,
        interest: Interest,
        mode: Mode,
    ) {
        let answer = self.try_register(source, token, interest, mode);
        self.expect_supported(mode, answer);
    }

    pub(crate) fn try_modify(
        &mut self,
        source: impl AsFd,
        token: u64,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        let source = source.as_fd();
        self.reactor.modify(source, Token(token), interest, mode)
    }

    #[track_caller]
    pub(crate) fn modify(&mut self, source: impl AsFd, token: u64, interest: Interest, mode: Mode) {
        let answer = self.try_modify(source, token, interest, mode);
        self.expect_supported(mode, answer);
    }

    /// Expects success, or in a mode that the capabilities declare unsupported, a refusal that says
    /// so. Without the mode, the case has nothing more to test and ends here.
    #[track_caller]
    fn expect_supported(&self, mode: Mode, answer: io::Result<()>) {
        if self.can().supports(mode) {
            return answer.unwrap();
        }
        let error = answer.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        child::end_without(mode);
    }

    /// A mode that the mechanism supports: [`Mode::Level`] if it does.
    pub(crate) fn some_mode(&self) -> Mode {
        some_mode(&self.can())
    }

    pub(crate) fn try_deregister(&mut self, source: impl AsFd) -> io::Result<()> {
        self.reactor.deregister(source.as_fd())
    }

    #[track_caller]
    pub(crate) fn deregister(&mut self, source: impl AsFd) {
        self.try_deregister(source).unwrap();
    }

    #[track_caller]
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> usize {
        let count = self.reactor.wait(&mut self.events, timeout).unwrap();
        assert_eq!(count, self.events.len());
        count
    }

    /// Returns the events of one non-blocking check.
    #[track_caller]
    pub(crate) fn look(&mut self) -> Vec<Event> {
        self.wait(Some(Duration::ZERO));
        self.events.iter().copied().collect()
    }

    /// Returns the tokens of one non-blocking check, in order.
    #[track_caller]
    pub(crate) fn look_for_tokens(&mut self) -> Vec<u64> {
        let mut tokens: Vec<_> = self.look().iter().map(|event| event.token().0).collect();
        tokens.sort_unstable();
        tokens
    }

    /// Two checks that find nothing: something that the first one corrects would show in the second.
    #[track_caller]
    pub(crate) fn assert_silent(&mut self) {
        assert_eq!(self.look(), []);
        assert_eq!(self.look(), []);
    }

    /// The same, while these sources are ready all the time.
    #[track_caller]
    pub(crate) fn assert_silent_but_for(&mut self, tokens: &[u64]) {
        assert_eq!(self.look_for_tokens(), tokens);
        assert_eq!(self.look_for_tokens(), tokens);
    }

    /// Returns the only event of a wait that must not take long.
    #[track_caller]
    pub(crate) fn the_event(&mut self) -> Event {
        let events = self.some_events();
        assert_eq!(events.len(), 1, "{events:?}");
        events[0]
    }

    /// Returns the events of the first wait that has some, which must not take long.
    #[track_caller]
    pub(crate) fn some_events(&mut self) -> Vec<Event> {
        let start = Instant::now();
        while self.wait(Some(BOUND)) == 0 {
            assert!(start.elapsed() < BOUND, "no event");
        }
        self.events.iter().copied().collect()
    }

    /// Returns how many times waits return in `window`.
    pub(crate) fn returns_in(&mut self, window: Duration) -> usize {
        let start = Instant::now();
        let mut returns = 0;
        while let Some(left) = window.checked_sub(start.elapsed()) {
            self.wait(Some(left));
            returns += 1;
        }
        returns
    }

    /// Nothing is reported for 200 ms, and the reactor does not spin.
    #[track_caller]
    pub(crate) fn assert_at_rest(&mut self) {
        self.assert_at_rest_for(Duration::from_millis(200));
    }

    /// The same for `window`, for a case that checks many sources.
    #[track_caller]
    pub(crate) fn assert_at_rest_for(&mut self, window: Duration) {
        // A reactor that spins before it sleeps learns here that it does not pay.
        for _ in 0..4 {
            assert_eq!(self.wait(Some(Duration::from_millis(1))), 0);
        }
        let before = self.stats();
        let returns = self.returns_in(window);
        let made = self.stats().since(&before);
        assert!(returns <= 2, "{returns} returns in {window:?}");
        assert_eq!(made.events, 0);
        if self.can().sleeps {
            // A probe, the sleep, and a correction or two around them.
            assert!(made.system_calls() <= 10, "{made:?}");
        }
    }
}

/// A mode that a mechanism of these capabilities supports: [`Mode::Level`] if it does.
pub(crate) fn some_mode(can: &Capabilities) -> Mode {
    let modes = [Mode::Level, Mode::Oneshot, Mode::Edge];
    let supported = modes.into_iter().find(|mode| can.supports(*mode));
    supported.expect("the capabilities declare all modes unsupported")
}

/// Returns the directions in which an event reads as ready. Empty events fail.
#[track_caller]
pub(crate) fn directions(event: &Event) -> Interest {
    let seen = [
        (event.is_readable(), R),
        (event.is_priority(), P),
        (event.is_writable(), W),
    ];
    let bits = seen
        .iter()
        .filter(|(is_seen, _)| *is_seen)
        .fold(0, |bits, (_, direction)| bits | direction.bits());
    Interest::from_bits(bits).unwrap_or_else(|| panic!("an empty event: {event:?}"))
}

/// Iterates over all interests.
pub(crate) fn interests() -> impl Iterator<Item = Interest> {
    (1..=ALL.bits()).filter_map(Interest::from_bits)
}
