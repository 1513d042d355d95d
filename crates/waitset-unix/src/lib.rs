//! What the Unix mechanisms of [waitset] share, for those who write one: with this crate, a
//! mechanism is only its system call and its data structure.
//!
//! | name | use |
//! |---|---|
//! | [`Bell`], [`take_wake`] | the descriptor that a waker writes to: an eventfd on Linux, a socket pair elsewhere |
//! | [`FdTable`] | values indexed by descriptor |
//! | [`Registration`] | the arguments that a source is registered with |
//! | [`refusal`] | the errors that all mechanisms return alike |
//! | [`timespec`] | timeouts as `ppoll`, `pselect` and `epoll_pwait2` take them |
//! | [`Probe`] | a cheap check before an expensive sleep, as long as it pays |
//! | [`is_open`] | checks a descriptor |
//!
//! The [guide] shows most of them in a complete mechanism. Programs depend on [waitset] instead.
//!
//! [guide]: https://docs.rs/waitset-conformance/latest/waitset_conformance/guide/
//! [waitset]: https://docs.rs/waitset
#![cfg_attr(docsrs, feature(doc_cfg))]
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
