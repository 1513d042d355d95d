//! A watch for waits that come to nothing: [`SpinDetector`].
//!
//! A wait that blocks does not when what it waits for is there already. If the program does
//! nothing about it, the wait returns at once, again and again: nothing fails, and a
//! processor is at 100 %.
//!
//! | [`Reason`] | what is found |
//! |---|---|
//! | [`UnusedWriteInterest`](Reason::UnusedWriteInterest) | interest in writing that was left on |
//! | [`UndrainedInput`](Reason::UndrainedInput) | input that is not read |
//! | [`UnacceptedConnection`](Reason::UnacceptedConnection) | a listener that is not served, also where `accept` fails with `EMFILE` |
//! | [`UnhandledHangup`](Reason::UnhandledHangup), [`UnhandledError`](Reason::UnhandledError) | a source that has ended and is still watched |
//! | [`ZeroTimer`](Reason::ZeroTimer) | a timer of an [`EventLoop`](crate::EventLoop) with a delay of zero |
//! | [`ZeroTimeout`](Reason::ZeroTimeout), [`ShortTimeout`](Reason::ShortTimeout) | a timeout below a millisecond that was cut to zero, or that only looks again |
//! | [`EarlyReturn`](Reason::EarlyReturn) | a mechanism that cuts timeouts |

mod detector;
mod finding;
mod pace;
#[cfg(not(all(target_os = "linux", any(target_env = "gnu", target_env = "musl"))))]
#[path = "no_sources.rs"]
mod sources;
#[cfg(all(target_os = "linux", any(target_env = "gnu", target_env = "musl")))]
mod sources;
#[cfg(feature = "tracing")]
mod trace;

pub use detector::SpinDetector;
pub use finding::{Culprit, Reason, Spin};

use finding::Found;

/// How many waits in a row have to come to nothing.
const STREAK: u64 = 128;
