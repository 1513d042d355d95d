//! What the executor shares with wakers in other threads: of std, and where the model
//! checker runs (`--cfg loom`) of loom, which tries every order of what is done to it.

#[cfg(loom)]
pub(crate) use loom::sync::{Mutex, MutexGuard, atomic::AtomicBool};
#[cfg(not(loom))]
pub(crate) use std::sync::{Mutex, MutexGuard, atomic::AtomicBool};
