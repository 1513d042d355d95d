//! What the Unix mechanisms of [waitset] share, so that each of them is only its system
//! call and its data structure.
//!
//! - [`Bell`]: the descriptor that a waker writes to: an eventfd on Linux, a socket pair
//!   elsewhere.
//! - [`FdTable`]: values indexed by descriptor.
//! - [`timespec`]: timeouts as `ppoll`, `pselect` and `epoll_pwait2` take them.
//! - [`refusal`]: the errors that every mechanism gives alike.
//!
//! [waitset]: https://docs.rs/waitset
#![cfg(unix)]

mod bell;
mod fd_table;
mod probe;
pub mod refusal;
mod registration;
mod sys;
mod timespec;

pub use bell::{Bell, take_wake};
pub use fd_table::FdTable;
pub use probe::Probe;
pub use registration::Registration;
pub use sys::is_open;
pub use timespec::timespec;
