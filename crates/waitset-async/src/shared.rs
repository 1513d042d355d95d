//! What the executor shares with wakers in other threads: of std, and where the model
//! checker runs (`--cfg waitset_model`) of loom, which tries every order of what is done to it.

#[cfg(waitset_model)]
pub(crate) use loom::sync::{Mutex, MutexGuard, atomic::AtomicBool};
#[cfg(not(waitset_model))]
pub(crate) use std::sync::{Mutex, MutexGuard, atomic::AtomicBool};
