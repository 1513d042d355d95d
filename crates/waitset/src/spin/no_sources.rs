//! Where the kernel is not asked for evidence: no source is watched.

use std::io;
use std::os::fd::RawFd;

use waitset_core::{Events, Interest, Mode, Token};

use super::Found;

#[derive(Debug)]
pub(super) struct Sources;

impl Sources {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    pub(super) fn register(&mut self, _: RawFd, _: Token, _: Interest, _: Mode) {}

    pub(super) fn deregister(&mut self, _: RawFd) {}

    pub(super) fn are_watched(&self) -> bool {
        false
    }

    pub(super) fn pick(&mut self, _: &Events) {}

    pub(super) fn watch(&mut self, _: &Events, _: impl FnMut(Found)) {}
}
