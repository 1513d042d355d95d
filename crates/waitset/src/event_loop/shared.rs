//! What the threads of a loop share: of std, and where the model checker runs
//! (`--cfg waitset_model`) of loom, which tries every order of what is done to it.

#[cfg(not(waitset_model))]
pub(super) use std::sync::{Arc, atomic::AtomicBool, mpsc};

#[cfg(waitset_model)]
pub(super) use super::modelled as mpsc;
#[cfg(waitset_model)]
pub(super) use loom::sync::{Arc, atomic::AtomicBool};
