//! The mechanisms side by side, in the browser, while they serve the same load.
//!
//! `cargo run --release --example dashboard`, then open the address it prints.

mod figures;
mod latency;
mod load;
mod panel;
mod stage;

use std::io;
use std::process::ExitCode;

use clap::Parser;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use waitset_examples::web::program::{ServerFlags, finish, parse};

use load::Load;
use panel::Panel;

/// Serves a page that shows what each mechanism costs.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    server: ServerFlags,
}

/// What is served unless told otherwise.
const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/www/dashboard");

fn main() -> ExitCode {
    let flags: Flags = parse();
    finish(run(&flags.server))
}

fn run(flags: &ServerFlags) -> io::Result<()> {
    let descriptors = raise_limit()?;
    let site = || Ok(Panel::new(Load::start()?, descriptors));
    flags.serve(1, OWN, site, |_, handle| {
        handle.arm_every(panel::PERIOD, |server, _, handle| {
            server.site.tick(&mut server.outbox);
            server.deliver(handle);
        });
    })
}

/// Takes as many descriptors as this process may have, and says how many.
fn raise_limit() -> io::Result<usize> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    Ok(usize::try_from(most).unwrap_or(usize::MAX))
}
