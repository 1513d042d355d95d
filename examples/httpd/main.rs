//! A static file server that a browser uses.
//!
//! `cargo run --release --example httpd -- --explain`, then open the address it prints.

use std::process::ExitCode;

use clap::{Parser, value_parser};
use waitset_examples::web::Static;
use waitset_examples::web::program::{ServerFlags, finish, parse};

/// Serves the files of a directory over HTTP/1.1.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    server: ServerFlags,
    /// Event loops, one thread each; the kernel spreads connections over them.
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u16).range(1..))]
    loops: u16,
}

/// What is served unless told otherwise.
const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/www/httpd");

fn main() -> ExitCode {
    let flags: Flags = parse();
    finish(
        flags
            .server
            .serve(flags.loops.into(), OWN, || Ok(Static), |_, _| ()),
    )
}
