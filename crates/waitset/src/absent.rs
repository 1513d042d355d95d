//! What stands in for a mechanism in a build that has none.
#![cfg_attr(
    any(
        feature = "select",
        feature = "poll",
        all(feature = "epoll", any(target_os = "linux", target_os = "android")),
        all(feature = "uring", target_os = "linux")
    ),
    allow(dead_code, reason = "used if no mechanism is compiled in")
)]

use std::env;
use std::io;
use std::time::Duration;

use waitset_core::{
    BorrowedSource, Capabilities, Events, Interest, Mode, Reactor, ReactorWaker, Stats, Token,
};

/// No mechanism: it cannot be opened. Compiled in every build, so that it keeps up.
#[derive(Debug)]
pub(crate) enum Absent {}

impl Absent {
    pub(crate) fn new() -> io::Result<Self> {
        let os = env::consts::OS;
        let text = format!(
            "waitset: cannot open a reactor: no mechanism that sleeps is compiled in for {os}; \
             enable one of the features select, poll, epoll (Linux) and uring (Linux), or use \
             a reactor of your own"
        );
        Err(io::Error::new(io::ErrorKind::Unsupported, text))
    }
}

impl Reactor for Absent {
    #[allow(unsafe_code, reason = "the registration outlives the borrow")]
    unsafe fn register(
        &mut self,
        _: BorrowedSource<'_>,
        _: Token,
        _: Interest,
        _: Mode,
    ) -> io::Result<()> {
        match *self {}
    }

    fn modify(&mut self, _: BorrowedSource<'_>, _: Token, _: Interest, _: Mode) -> io::Result<()> {
        match *self {}
    }

    fn deregister(&mut self, _: BorrowedSource<'_>) -> io::Result<()> {
        match *self {}
    }

    fn wait(&mut self, _: &mut Events, _: Option<Duration>) -> io::Result<usize> {
        match *self {}
    }

    fn waker(&self) -> ReactorWaker {
        match *self {}
    }

    fn capabilities(&self) -> Capabilities {
        match *self {}
    }

    fn stats(&self) -> Stats {
        match *self {}
    }

    fn name(&self) -> &'static str {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::Absent;

    #[test]
    fn a_build_without_a_mechanism_says_which_features_there_are() {
        let error = Absent::new().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::Unsupported);
        for feature in ["select", "poll", "epoll", "uring"] {
            assert!(error.to_string().contains(feature), "{error}");
        }
    }
}
