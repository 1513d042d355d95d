//! The event loop: sources with callbacks, timers, deferred calls, channels, signals and
//! child processes over any reactor.
//!
//! `EventLoop` turns; everything that can be done to it is a method of `LocalHandle`, in the
//! file of what it is about. `core.rs` has the types that all of these work on.

mod callbacks;
mod channel;
mod child_process;
mod core;
mod dispatch;
mod driver;
mod entry;
mod group;
mod guest;
mod handle;
mod heap;
mod hook;
mod inbox;
#[cfg(waitset_model)]
mod modelled;
mod nested;
mod remote;
mod schedule;
mod shared;
mod signals;
mod sources;
mod sys;
mod tick;
mod timer;
mod timers;
mod turn;
mod with_state;

pub use channel::ChannelSender;
pub use child_process::ChildProcess;
pub use core::{Handle, LocalHandle};
pub use group::EventSource;
pub use guest::Guest;
pub use nested::NestedLoop;
pub use remote::{LoopClosed, Remote};
pub use signals::{Signal, SignalInfo, Signals};
pub use tick::{Tick, TimerKey};
pub use turn::EventLoop;
