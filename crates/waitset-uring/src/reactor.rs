//! The trait.

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

use waitset_core::{
    BorrowedSource, Capabilities, Events, Interest, Mode, Reactor, ReactorWaker, Stats, Support,
    Token,
};
use waitset_unix::{Registration, refusal};

use crate::absence::NAME;
use crate::source::Source;
use crate::uring::UringReactor;
use crate::wait;

#[cold]
fn not_deregistered(fd: RawFd, error: &io::Error) -> io::Error {
    let text = format!(
        "{NAME}: cannot deregister descriptor {fd}: {error}; free a descriptor, or deregister \
         in the thread that waits"
    );
    io::Error::new(error.kind(), text)
}

impl Reactor for UringReactor {
    #[allow(unsafe_code, reason = "the registration outlives the borrow")]
    unsafe fn register(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        let fd = source.as_raw_fd();
        refusal::token(NAME, fd, token)?;
        self.sources.reserve(NAME, fd)?;
        if self.sources.get(fd).is_some() {
            return Err(refusal::already_registered(NAME, fd));
        }
        let wanted = Registration::new(token, interest, mode);
        let generation = self.generations.next();
        self.sources.insert(fd, Source::new(wanted, generation));
        self.queue(fd);
        Ok(())
    }

    fn modify(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        let fd = source.as_raw_fd();
        refusal::token(NAME, fd, token)?;
        let Some(source) = self.sources.get_mut(fd) else {
            return Err(refusal::not_registered(NAME, fd));
        };
        source.want(Registration::new(token, interest, mode));
        if !mem::replace(&mut source.queued, true) {
            self.queue(fd);
        }
        Ok(())
    }

    fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()> {
        let fd = source.as_raw_fd();
        if self.sources.get(fd).is_none() {
            return Err(refusal::not_registered(NAME, fd));
        }
        if let Err(error) = self.let_go(fd) {
            // It is still registered, and its poll may have gone.
            self.requeue(fd);
            return Err(not_deregistered(fd, &error));
        }
        self.sources.remove(fd);
        Ok(())
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        events.begin()?;
        if self.is_lent {
            self.wait_while_lent(events, timeout)?;
        }
        let waited = match timeout {
            None => self.wait_in_ring(events, None),
            Some(_) => self.wait_for(events, timeout),
        };
        if let Err(error) = waited {
            wait::refused(events, &error)?;
        }
        self.stats.count_wait(events.len());
        Ok(events.len())
    }

    fn waker(&self) -> ReactorWaker {
        self.wake.waker()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            level: Support::Emulated,
            oneshot: Support::Emulated,
            reports_closed_descriptors: true,
            rechecks_events: false,
            interrupted_by_stop: true,
            ..Capabilities::FULL
        }
    }

    fn stats(&self) -> Stats {
        Stats {
            control_calls: self.stats.control_calls + self.sources.checks() + self.ring.enablings(),
            wake_calls: self.wake.calls(),
            ..self.stats
        }
    }

    fn name(&self) -> &'static str {
        NAME
    }

    /// Lends the waker's eventfd, which the ring signals from now on.
    fn lend(&mut self) -> io::Result<BorrowedSource<'_>> {
        self.lend_bell()?;
        Ok(self.wake.doorbell().as_fd())
    }
}

/// Closing a ring releases its polls some time later; cancelling them first releases them now.
impl Drop for UringReactor {
    fn drop(&mut self) {
        if !self.ring.is_inherited() {
            // In another thread, the kernel cancels them when the ring is closed.
            let _ = self.let_all_go();
        }
    }
}
