//! A web server over an event loop, which `httpd`, `ws_chat` and `dashboard` share.
//!
//! From the bytes up:
//!
//! | file | concept |
//! |---|---|
//! | `head.rs` | a request, and what is refused although it can be read |
//! | `authority.rs` | whom a request is for, and from whose page it comes |
//! | `target.rs`, `tree.rs` | from a target to a file, and to none outside |
//! | `validators.rs`, `tags.rs`, `range.rs`, `media.rs` | whether, which part, of what type |
//! | `files.rs`, `answer.rs`, `status.rs` | what answers a request |
//! | `http.rs`, `websocket.rs` | the protocols: bytes in, bytes out, no socket |
//! | `protocol.rs` | which of them a connection speaks |
//! | `connection.rs`, `desk.rs` | one peer: its socket and its queue |
//! | `patience.rs` | what it is waited for to do, and until when |
//! | `server.rs`, `site.rs` | all of them in a loop, and what they are told |
//! | `limits.rs` | every bound, with its reason |
//! | `narrator.rs`, `date.rs` | `--explain`; the date |

pub mod answer;
pub mod authority;
pub mod connection;
pub mod date;
pub mod desk;
pub mod files;
pub mod head;
pub mod http;
pub mod limits;
pub mod media;
pub mod narrator;
pub mod patience;
pub mod program;
pub mod protocol;
pub mod range;
pub mod scratch;
pub mod server;
#[cfg(test)]
mod server_tests;
pub mod site;
pub mod status;
pub mod tags;
pub mod target;
pub mod tree;
pub mod validators;
pub mod websocket;
#[cfg(test)]
mod websocket_tests;

pub use limits::Limits;
pub use narrator::Narrator;
pub use server::{AnyReactor, Handle, Server, Tally};
pub use site::{Outbox, Site, Static};
pub use tree::Tree;
