//! The vocabulary of [waitset]: what a readiness mechanism is, what it is asked, what it answers.
//!
//! | name | meaning |
//! |---|---|
//! | [`Reactor`] | waits for readiness of many descriptors |
//! | [`Token`] | the caller's number, echoed back in events |
//! | [`Interest`] | what is asked for; never empty |
//! | [`Mode`] | when it is reported: level, edge, oneshot |
//! | [`Event`] | a token and what was observed |
//! | [`Events`] | the caller's bounded buffer of events |
//! | [`Waker`] | ends the current or the next wait from any thread |
//! | [`Capabilities`] | what a mechanism does natively, emulates or refuses |
//! | [`Stats`] | exact counts of what it did |
//! | [`WaitHint`] | why a caller's next wait is to be short |
//!
//! This crate depends on the standard library only. Programs use the facade,
//! [waitset]; this crate is for those who write a mechanism.
//!
//! [waitset]: https://docs.rs/waitset

mod capabilities;
mod event;
mod events;
mod interest;
mod mode;
mod reactor;
mod source;
mod stats;
mod timeout;
mod token;
mod wait_hint;
mod waker;

pub use capabilities::{Capabilities, Support};
pub use event::{Event, Readiness};
pub use events::Events;
pub use interest::Interest;
pub use mode::Mode;
pub use reactor::Reactor;
pub use source::{AsSource, BorrowedSource};
pub use stats::Stats;
pub use timeout::{Deadline, millis_rounded_up};
pub use token::Token;
pub use wait_hint::WaitHint;
pub use waker::{Doorbell, WakeFlag, Waker};
