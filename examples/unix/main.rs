//! An echo over a Unix-domain socket: an address that is a file, and a peer with a name.
//!
//! `cargo run --release --example unix`, then `nc -U /tmp/waitset.sock`.

mod file;

use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use waitset::Mode;
use waitset::stream::{Acceptor, Notice};
use waitset_examples::program::{self, LoopFlags, finish, parse};
use waitset_examples::{say, warn};

use file::bind;

/// Sends back what it is sent, on this machine only.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    common: LoopFlags,
    /// The file that is the address.
    #[arg(long, default_value = "/tmp/waitset.sock")]
    addr: PathBuf,
}

fn main() -> ExitCode {
    finish(run(&parse()))
}

fn run(flags: &Flags) -> io::Result<()> {
    // Before Ctrl-C is blocked, and to the end of this function.
    let (listener, _file) = bind(&flags.addr)?;
    let mut event_loop = flags.common.event_loop::<u64>()?;
    let handle = event_loop.handle();
    let acceptor = Acceptor::new(listener)?;
    handle.listen(acceptor, Mode::Level, |served, accepted, handle| {
        let Some((stream, ())) = program::accepted(accepted, handle) else {
            return;
        };
        *served += 1;
        say!("{}", who(&stream));
        let opened = handle.insert_stream(stream, Mode::Level, |_, own, notice, handle| {
            if !matches!(notice, Notice::Closed(_)) {
                let _ = own.forward(own, handle); // if it fails, `Closed` comes next
            }
        });
        if let Err(error) = opened {
            warn!("{error}");
        }
    })?;
    let (path, name) = (flags.addr.display(), handle.mechanism());
    say!("listening on {path} backend={name}");
    let mut served = 0;
    flags.common.run(event_loop, &mut served)?;
    say!("served {served} connections");
    Ok(())
}

/// Who connected, which the kernel vouches for: over TCP there is only a number.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn who(stream: &UnixStream) -> String {
    use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
    match getsockopt(stream, PeerCredentials) {
        Ok(peer) => format!("process {} of user {}", peer.pid(), peer.uid()),
        Err(error) => format!("somebody: {error}"),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn who(_: &UnixStream) -> String {
    "somebody".to_owned()
}
