//! What `cargo bench` runs: every scenario is written once, generic over the
//! [`Contestant`] that waits in it, and every figure is a ratio that carries its noise.
//!
//! - [`scenario`]: the questions by name, and the descriptors they are asked on; each has a file
//!   in [`scenarios`].
//! - [`entrants`]: who answers: the mechanisms of waitset, a raw epoll loop as the floor,
//!   and the rivals mio and polling.
//! - [`foreign`]: the event loops of C, which are built only when asked.
//! - [`messages`]: a message there and back through a whole layer.
//! - [`pairs`], [`rounds`]: how two, and how many, are measured in turns.
//! - [`allowed`]: the most instructions that `instructions --check` allows.
//! - [`goals`]: what was to be reached, with what is measured beside it.
//! - [`timers`]: the structures that timers are kept in, side by side.
//! - [`lines`], [`footprint`]: programs over waitset and over others, counted and built.
//! - [`spread`]: medians and how far they can be trusted.
//! - [`output`]: what is said, to readers that may go.
//! - [`settings`]: what the environment sets.
//! - [`instrument`]: all of them in turns, as tables, data and a page.
#![cfg(unix)]

pub mod allowed;
pub mod callgrind;
pub mod contestant;
pub mod entrants;
pub mod footprint;
pub mod foreign;
#[cfg(target_os = "linux")]
pub mod goals;
pub mod instrument;
pub mod latency;
pub mod limits;
pub mod lines;
pub mod machine;
pub mod messages;
pub mod output;
pub mod pairs;
pub mod pipes;
pub mod record;
pub mod rounds;
pub mod scenario;
pub mod scenarios;
pub mod settings;
pub mod sources;
#[cfg(target_os = "linux")]
pub mod spliced;
pub mod spread;
mod sys;
pub mod tables;
pub mod timers;
pub mod workload;

pub use contestant::Contestant;
pub use entrants::Entrant;
pub use scenario::{Fixture, Scenario};
pub use workload::Workload;
