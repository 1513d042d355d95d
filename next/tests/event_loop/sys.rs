//! A reactor that reports what nobody registered.
#![allow(unsafe_code, reason = "registration is unsafe to call")]

use std::io;
use std::time::Duration;

use waitset::{
    BorrowedSource, Capabilities, Event, Events, Interest, Mode, Reactor, Stats, Token, Waker,
};
use waitset_core::Readiness;

/// A reactor that adds forged events to what another reports.
pub(crate) struct Forger<R> {
    pub(crate) inner: R,
    pub(crate) forged: Vec<Token>,
}

impl<R: Reactor> Reactor for Forger<R> {
    unsafe fn register(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { self.inner.register(source, token, interest, mode) }
    }

    fn modify(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        self.inner.modify(source, token, interest, mode)
    }

    fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()> {
        self.inner.deregister(source)
    }

    fn wait(&mut self, events: &mut Events, _timeout: Option<Duration>) -> io::Result<usize> {
        self.inner.wait(events, Some(Duration::ZERO))?;
        for token in &self.forged {
            events.push(Event::new(*token, Interest::READABLE, Readiness::READABLE));
        }
        Ok(events.len())
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
}
