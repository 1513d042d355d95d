//! The part of a loop that a turn works on: its reactor, its callbacks, and what is being done
//! to them.

mod phase;
mod sys;

pub(super) use sys::{Driver, Turned};
