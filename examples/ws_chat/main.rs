//! A chat in the browser, over WebSockets.
//!
//! `cargo run --release --example ws_chat`, then open the address it prints in two tabs.

mod chat;

use std::process::ExitCode;

use chat::Chat;
use clap::Parser;
use waitset_examples::web::program::{ServerFlags, finish, parse};

/// Serves a chat page and the WebSocket behind it.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    server: ServerFlags,
}

/// What is served unless told otherwise.
const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/www/chat");

fn main() -> ExitCode {
    let flags: Flags = parse();
    // One loop: who is on another could not be told of.
    finish(
        flags
            .server
            .serve(1, OWN, || Ok(Chat::default()), |_, _| ()),
    )
}
