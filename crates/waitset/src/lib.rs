#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod absent;
mod backend;
mod best;
mod default_reactor;
mod event_loop;
mod insert_error;
mod nonblocking;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod refusal;
mod slab;
pub mod spin;
pub mod stream;
mod sys;
mod text;
mod trace;
mod wait_set;

pub use backend::{Backend, UnknownBackend};
pub use default_reactor::DefaultReactor;
#[doc(hidden)]
pub use event_loop::Guest;
pub use event_loop::{
    ChannelSender, ChildProcess, EventLoop, EventSource, Handle, LocalHandle, LoopClosed,
    NestedLoop, Remote, Signal, SignalInfo, Signals, Tick, TimerKey,
};
pub use insert_error::InsertError;
pub use nonblocking::set_nonblocking;
pub use slab::Key;
pub use trace::{TraceCall, TraceLine, TraceReactor};
pub use wait_set::WaitSet;
pub use waitset_core::{
    AsSource, BorrowedSource, Capabilities, Event, Events, Interest, Mode, Reactor, ReactorWaker,
    Stats, Support, Token, WaitHint,
};

#[cfg(feature = "busy")]
pub use waitset_busy::{Adaptive, Budget, Busy, Sweep};
#[cfg(all(feature = "epoll", any(target_os = "linux", target_os = "android")))]
pub use waitset_epoll::EpollReactor;
#[cfg(feature = "poll")]
pub use waitset_poll::PollReactor;
#[cfg(feature = "select")]
pub use waitset_select::SelectReactor;
#[cfg(all(feature = "uring", target_os = "linux"))]
pub use waitset_uring::UringReactor;
