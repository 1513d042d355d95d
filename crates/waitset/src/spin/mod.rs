//! [`SpinDetector`], which finds waits that return again and again with nothing done.
//!
//! A wait does not block if a source is ready already. If the program does not handle what makes
//! the source ready, each wait returns immediately: nothing fails, and a CPU is at 100 %.
//!
//! | [`Reason`] | what the detector finds |
//! |---|---|
//! | [`UnusedWriteInterest`](Reason::UnusedWriteInterest) | write interest that was left on |
//! | [`UndrainedInput`](Reason::UndrainedInput) | input that is not read |
//! | [`UnacceptedConnection`](Reason::UnacceptedConnection) | a listening socket whose backlog is not accepted, also if `accept` fails with `EMFILE` |
//! | [`UnhandledHangup`](Reason::UnhandledHangup), [`UnhandledError`](Reason::UnhandledError) | a source that has ended and is still registered |
//! | [`ZeroTimer`](Reason::ZeroTimer) | a timer of an [`EventLoop`](crate::EventLoop) with a delay of zero |
//! | [`ZeroTimeout`](Reason::ZeroTimeout), [`ShortTimeout`](Reason::ShortTimeout) | a timeout below a millisecond that was rounded down to zero, or that only polls periodically |
//! | [`EarlyReturn`](Reason::EarlyReturn) | a mechanism that returns before the timeout expires |

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

/// How many waits in a row must come to nothing before they are reported.
const STREAK: u64 = 128;
