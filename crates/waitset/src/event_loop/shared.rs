//! What the threads of a loop share: of std, and where the model checker runs
//! (`--cfg loom`) of loom, which tries every order of what is done to it.

#[cfg(not(loom))]
pub(super) use std::sync::{Arc, atomic::AtomicBool, mpsc};

#[cfg(loom)]
pub(super) use super::modelled as mpsc;
#[cfg(loom)]
pub(super) use loom::sync::{Arc, atomic::AtomicBool};
