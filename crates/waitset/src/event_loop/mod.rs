//! The event loop: sources with callbacks, timers, deferred calls, channels, signals and
//! child processes over any reactor.
//!
//! `EventLoop` turns; everything that can be done to it is a method of `Handle`, in the
//! file of what it is about. Both work on `Core`, and `Inner` is that with the callbacks.

mod callbacks;
mod channel;
mod child_process;
mod core;
mod entry;
mod handle;
mod heap;
mod hook;
mod inner;
#[cfg(waitset_model)]
mod modelled;
mod remote;
mod shared;
mod signals;
mod sys;
mod timer;
mod timers;
mod turn;

pub use channel::{Sender, SyncSender};
pub use child_process::ChildProcess;
pub use handle::Handle;
pub use remote::{LoopGone, Remote};
pub use signals::{Signal, SignalInfo, Signals};
pub use timer::{Tick, TimerKey};
pub use turn::EventLoop;
