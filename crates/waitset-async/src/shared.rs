//! What the executor shares with wakers in other threads: of std, and where the model
//! checker runs (`--cfg waitset_model`) of loom, which tries every order of what is done to it.

#[cfg(waitset_model)]
pub(crate) use loom::sync::{Mutex, MutexGuard, atomic::AtomicBool};
#[cfg(not(waitset_model))]
pub(crate) use std::sync::{Mutex, MutexGuard, atomic::AtomicBool};

/// Declares a variable of each thread. The threads of a model share those of std.
macro_rules! current {
    ($(#[$attribute:meta])* static $name:ident: $type:ty = $init:expr;) => {
        #[cfg(not(waitset_model))]
        std::thread_local! {
            $(#[$attribute])* static $name: $type = const { $init };
        }
        #[cfg(waitset_model)]
        loom::thread_local! {
            $(#[$attribute])* static $name: $type = $init;
        }
    };
}
pub(crate) use current;
