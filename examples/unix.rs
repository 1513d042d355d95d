//! An echo over a Unix-domain socket: an address that is a file, and a peer with a name.
//!
//! `cargo run --release --example unix`, then `nc -U /tmp/waitset.sock`.

use std::io::{self, ErrorKind};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use waitset::Mode;
use waitset::stream::{Acceptor, Notice};
use waitset_examples::program::{LoopFlags, finish, parse};
use waitset_examples::{say, warn};

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
    let mut event_loop = flags.common.event_loop::<u64>()?;
    let mut handle = event_loop.handle();
    let acceptor = Acceptor::new(bind(&flags.addr)?)?;
    handle.listen(acceptor, Mode::Level, |served, accepted, handle| {
        let Ok((stream, _)) = accepted else { return };
        *served += 1;
        say!("{}", who(&stream));
        let opened = handle.open(stream, Mode::Level, |_, own, notice, handle| {
            if !matches!(notice, Notice::Closed(_)) {
                own.forward(own, handle);
            }
        });
        if let Err(error) = opened {
            warn!("{error}");
        }
    })?;
    let (path, name) = (flags.addr.display(), handle.reactor().name());
    say!("listening on {path} reactor={name}");
    let mut served = 0;
    let answer = flags.common.run(event_loop, &mut served);
    // The kernel leaves the file where it is, and the next to bind it would fail.
    std::fs::remove_file(&flags.addr)?;
    say!("served {served} connections");
    answer
}

/// The listener; the file of one that ended without removing it is taken over.
fn bind(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            match UnixStream::connect(path) {
                // Only a socket that nobody answers at: any other file is somebody's own.
                Err(refused) if refused.kind() == ErrorKind::ConnectionRefused => {}
                _ => return Err(error),
            }
            if !is_socket(path)? {
                return Err(error);
            }
            std::fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        other => other,
    }
}

fn is_socket(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::FileTypeExt as _;
    Ok(std::fs::symlink_metadata(path)?.file_type().is_socket())
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
