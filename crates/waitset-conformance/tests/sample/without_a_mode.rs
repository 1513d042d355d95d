//! A mechanism that declares a mode unsupported passes, if it refuses the mode.

use std::io;
use std::panic;
use std::time::Duration;

use waitset_conformance::{case, run};
use waitset_core::{
    BorrowedSource, Capabilities, Events, Interest, Mode, Reactor, Stats, Support, Token, Waker,
};
use waitset_unix::refusal;

use super::reactor::Sample;

/// The sample, with one mode declared unsupported, and refused or not.
struct Without {
    sample: Sample,
    mode: Mode,
    refuses: bool,
}

impl Without {
    fn check(&self, source: BorrowedSource<'_>, mode: Mode) -> io::Result<()> {
        use std::os::fd::AsRawFd;

        if mode == self.mode && self.refuses {
            return Err(refusal::unsupported_mode(
                "without",
                source.as_raw_fd(),
                mode,
            ));
        }
        Ok(())
    }
}

impl Reactor for Without {
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

    fn waker(&self) -> Waker {
        self.sample.waker()
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.sample.capabilities();
        match self.mode {
            Mode::Level => capabilities.level = Support::Unsupported,
            Mode::Edge => capabilities.edge = Support::Unsupported,
            Mode::Oneshot => capabilities.oneshot = Support::Unsupported,
        }
        capabilities
    }

    fn stats(&self) -> Stats {
        self.sample.stats()
    }

    fn name(&self) -> &'static str {
        "without"
    }
}

fn without(mode: Mode, refuses: bool) -> io::Result<Without> {
    let sample = Sample::new()?;
    Ok(Without {
        sample,
        mode,
        refuses,
    })
}

mod level {
    waitset_conformance::conformance!(super::without(waitset_core::Mode::Level, true));
}

mod oneshot {
    waitset_conformance::conformance!(super::without(waitset_core::Mode::Oneshot, true));
}

#[test]
fn a_mode_that_is_declared_unsupported_and_accepted_fails() {
    let test = "sample::without_a_mode::a_mode_that_is_declared_unsupported_and_accepted_fails";
    let make = || Ok(Box::new(without(Mode::Level, false)?) as Box<dyn Reactor + Send>);
    let case = case::readiness::data_reads_as_readable;
    panic::catch_unwind(|| run(test, &[1], case, make)).unwrap_err();
}
