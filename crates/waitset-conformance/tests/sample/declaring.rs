//! The sample with other capabilities than its own.

use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

use waitset_core::{
    BorrowedSource, Capabilities, Events, Interest, Mode, Reactor, ReactorWaker, Stats, Support,
    Token,
};
use waitset_unix::refusal;

use crate::reactor::Sample;

/// The sample with other capabilities. It refuses modes that those declare unsupported, or not.
pub struct Declaring {
    sample: Sample,
    capabilities: Capabilities,
    pub refuses: bool,
}

impl Declaring {
    fn check(&self, source: BorrowedSource<'_>, mode: Mode) -> io::Result<()> {
        if self.refuses && !self.capabilities.supports(mode) {
            let fd = source.as_raw_fd();
            return Err(refusal::unsupported_mode("declaring", fd, mode));
        }
        Ok(())
    }
}

impl Reactor for Declaring {
    unsafe fn register(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        self.check(source, mode)?;
        // SAFETY: the caller makes the same promise.
        unsafe { self.sample.register(source, token, interest, mode) }
    }

    fn modify(
        &mut self,
        source: BorrowedSource<'_>,
        token: Token,
        interest: Interest,
        mode: Mode,
    ) -> io::Result<()> {
        self.check(source, mode)?;
        self.sample.modify(source, token, interest, mode)
    }

    fn deregister(&mut self, source: BorrowedSource<'_>) -> io::Result<()> {
        self.sample.deregister(source)
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<usize> {
        self.sample.wait(events, timeout)
    }

    fn waker(&self) -> ReactorWaker {
        self.sample.waker()
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn stats(&self) -> Stats {
        self.sample.stats()
    }

    fn name(&self) -> &'static str {
        "declaring"
    }
}

pub fn declaring(change: fn(&mut Capabilities)) -> io::Result<Declaring> {
    let sample = Sample::new()?;
    let mut capabilities = sample.capabilities();
    change(&mut capabilities);
    Ok(Declaring {
        sample,
        capabilities,
        refuses: true,
    })
}

pub fn no_level(can: &mut Capabilities) {
    can.level = Support::Unsupported;
}

pub fn no_oneshot(can: &mut Capabilities) {
    can.oneshot = Support::Unsupported;
}

pub type Opened = io::Result<Box<dyn Reactor + Send>>;
