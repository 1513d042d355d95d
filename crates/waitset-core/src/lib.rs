//! The vocabulary of [waitset]: the trait [`Reactor`] with its contract, and the types in its
//! methods.
//!
//! Programs depend on the facade, [waitset], which re-exports what they need. Depend on this crate
//! to write a mechanism of your own. It uses the standard library only.
//!
//! | name | meaning |
//! |---|---|
//! | [`Reactor`] | waits for the readiness of many sources |
//! | [`Token`] | the caller's number for a source, which comes back in its events |
//! | [`Interest`] | the directions that a source is registered for; never empty |
//! | [`Mode`] | when readiness is reported: level-triggered, edge-triggered, one-shot |
//! | [`Event`] | a token and the readiness that was observed |
//! | [`Events`] | the caller's bounded buffer of events |
//! | [`ReactorWaker`] | ends the current or the next wait from any thread |
//! | [`Capabilities`] | what a mechanism provides, emulates or refuses |
//! | [`Stats`] | exact counts of what a reactor did |
//! | [`WaitHint`] | why a caller's next wait will be short |
//!
//! For mechanisms only: [`Readiness`], [`Event::pack`] and [`unpack`](Event::unpack), [`WakeFlag`],
//! [`Doorbell`], [`Deadline`] and [`millis_rounded_up`].
//!
//! # Writing a mechanism
//!
//! Three crates are for you:
//!
//! | crate | use it for |
//! |---|---|
//! | `waitset-core` | the trait, its [contract](Reactor#the-contract), and the protocol by which wakers wake |
//! | [waitset-unix] | on Unix: an eventfd that a waker rings, a table indexed by descriptor, timeouts, error messages |
//! | [waitset-conformance] | as a dev-dependency: the contract as tests, and random programs that are compared with poll(2) |
//!
//! The [guide][waitset-conformance] walks through a complete reactor over poll(2) in fewer than 150
//! lines, which passes all tests. To use yours, give it to `WaitSet` or `EventLoop` from the crate
//! `waitset`, which work with any `Reactor`.
//!
//! # Features
//!
//! - `serde`: [`Token`], [`Interest`], [`Mode`], [`Support`], [`Capabilities`] and [`Stats`]
//!   implement `Serialize` and `Deserialize`. Modes, interests and support are written as they are
//!   displayed.
//!
//! [waitset]: https://docs.rs/waitset
//! [waitset-unix]: https://docs.rs/waitset-unix
//! [waitset-conformance]: https://docs.rs/waitset-conformance/latest/waitset_conformance/guide/
#![cfg_attr(docsrs, feature(doc_cfg))]

mod capabilities;
mod event;
mod events;
mod interest;
mod mode;
mod parse;
mod reactor;
mod readiness;
mod source;
mod stats;
mod timeout;
mod token;
mod wait_hint;
mod waker;

pub use capabilities::{Capabilities, Support};
pub use event::Event;
pub use events::Events;
pub use interest::Interest;
pub use mode::Mode;
pub use parse::ParseNameError;
#[doc(hidden)]
pub use reactor::RULES;
pub use reactor::Reactor;
pub use readiness::Readiness;
pub use source::{AsSource, BorrowedSource};
pub use stats::Stats;
pub use timeout::{Deadline, millis_rounded_up};
pub use token::Token;
pub use wait_hint::WaitHint;
pub use waker::{Doorbell, ReactorWaker, WakeFlag};
