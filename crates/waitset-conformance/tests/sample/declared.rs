//! A mechanism that declares what it lacks passes; the declaration alone decides.

use std::io;
use std::os::fd::AsRawFd;
use std::panic;
use std::time::Duration;

use waitset_conformance::{Make, case, differential, run};
use waitset_core::{
    BorrowedSource, Capabilities, Events, Interest, Mode, Reactor, Stats, Support, Token, Waker,
};
use waitset_unix::refusal;

use super::reactor::Sample;

/// The sample with other capabilities. It refuses modes that those declare unsupported, or not.
struct Declaring {
    sample: Sample,
    capabilities: Capabilities,
    refuses: bool,
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

    fn waker(&self) -> Waker {
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

fn declaring(change: fn(&mut Capabilities)) -> io::Result<Declaring> {
    let sample = Sample::new()?;
    let mut capabilities = sample.capabilities();
    change(&mut capabilities);
    Ok(Declaring {
        sample,
        capabilities,
        refuses: true,
    })
}

fn no_level(can: &mut Capabilities) {
    can.level = Support::Unsupported;
}

fn no_oneshot(can: &mut Capabilities) {
    can.oneshot = Support::Unsupported;
}

mod level {
    waitset_conformance::conformance!(super::declaring(super::no_level));
}

mod oneshot {
    waitset_conformance::conformance!(super::declaring(super::no_oneshot));
}

type Opened = io::Result<Box<dyn Reactor + Send>>;

/// Whether a case of these rules passes.
fn passes(rules: &[u8], case: fn(Make), make: fn() -> Opened) -> bool {
    panic::catch_unwind(|| run("sample::declared", rules, case, make)).is_ok()
}

#[test]
fn a_mode_that_is_declared_unsupported_and_accepted_fails() {
    let case = case::readiness::data_reads_as_readable;
    assert!(passes(&[1], case, || Ok(Box::new(declaring(no_level)?))));
    let accepts = || -> Opened {
        let refuses = false;
        let declaring = declaring(no_level)?;
        Ok(Box::new(Declaring {
            refuses,
            ..declaring
        }))
    };
    assert!(!passes(&[1], case, accepts));
}

#[test]
fn random_programs_leave_out_the_modes_that_are_declared_unsupported() {
    let level = || -> Opened { Ok(Box::new(declaring(no_level)?)) };
    let oneshot = || -> Opened { Ok(Box::new(declaring(no_oneshot)?)) };
    differential::run(&[
        ("no level", level as fn() -> Opened),
        ("no one-shot", oneshot),
    ]);
}

#[test]
fn only_a_declaration_ends_the_cases_of_closed_descriptors() {
    let fails = |_: Make| panic!("the case runs");
    let tolerates = || -> Opened { Ok(Box::new(declaring(|_| ())?)) };
    let does_not = || -> Opened {
        Ok(Box::new(declaring(|can| {
            can.tolerates_closed_descriptors = false
        })?))
    };
    assert!(!passes(&[10], fails, tolerates));
    assert!(passes(&[10], fails, does_not));
    assert!(
        !passes(&[8, 10], fails, does_not),
        "another rule is the main one"
    );
}
