//! Where the examples are: each is a file beside this one, run with
//! `cargo run --release --example NAME`.

pub mod output;
pub mod printable;
pub mod program;
pub mod web;
