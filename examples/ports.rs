//! Many sockets in one program: which port, which descriptor, which connection.
//!
//! `cargo run --release --example ports`, then connect to what it prints.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::process::ExitCode;

use clap::Parser;
use waitset::Mode;
use waitset::stream::{Acceptor, Notice};
use waitset_examples::program::{self, Handle, LoopFlags, finish, parse};
use waitset_examples::{say, warn};

/// Listens on several ports at once, and tells what is which.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    common: LoopFlags,
    /// Where to listen, and on port 0 of the same address for the others.
    #[arg(long, default_value = "127.0.0.1:7002")]
    addr: SocketAddr,
    /// On how many ports.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    count: u16,
}

fn main() -> ExitCode {
    finish(run(&parse()))
}

fn run(flags: &Flags) -> io::Result<()> {
    let mut event_loop = flags.common.event_loop::<u64>()?;
    let mut handle = event_loop.handle();
    for number in 0..flags.count {
        // Port 0 is a question: the kernel chooses one of the ephemeral ports.
        let port = if number == 0 { flags.addr.port() } else { 0 };
        let address = SocketAddr::new(flags.addr.ip(), port);
        let listener = program::about(address, TcpListener::bind(address))?;
        let (address, fd) = (listener.local_addr()?, listener.as_raw_fd());
        listen(listener, &mut handle)?;
        match number {
            0 => say!("listening on {address} backend={}", handle.mechanism()),
            _ => say!("listening on {address} too, at descriptor {fd}"),
        }
    }
    say!("{}", well_known(flags.addr));
    let mut connections = 0;
    flags.common.run(event_loop, &mut connections)?;
    say!("{connections} connections");
    Ok(())
}

/// A port below 1024 is for services that everybody knows, such as 80 for HTTP.
fn well_known(address: SocketAddr) -> String {
    match TcpListener::bind((address.ip(), 80)) {
        Ok(_) => "port 80 could be had as well: this process may take well-known ports".into(),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            "port 80 is well-known, and takes a privilege (ip(7))".into()
        }
        Err(error) => format!("port 80: {error}"),
    }
}

fn listen(listener: TcpListener, handle: &mut Handle<'_, u64>) -> io::Result<()> {
    let acceptor = Acceptor::new(listener)?;
    handle.listen(acceptor, Mode::Level, |connections, accepted, handle| {
        let Some((stream, peer)) = program::accepted(accepted, handle) else {
            return;
        };
        *connections += 1;
        // All connections to a port have that port at this end. What tells them apart is
        // the other end; what the program knows them by is the descriptor.
        let fd = stream.as_raw_fd();
        match stream.local_addr() {
            Ok(own) => say!("descriptor {fd} is {own} with {peer}"),
            Err(error) => say!("descriptor {fd}: {error}"),
        }
        let opened = handle.insert_stream(stream, Mode::Level, move |_, own, notice, handle| {
            own.input(handle).consume(usize::MAX);
            match notice {
                Notice::EndOfFile => own.shutdown(handle),
                Notice::Closed(_) => say!("descriptor {fd} is free again, {peer} has gone"),
                _ => {}
            }
        });
        if let Err(error) = opened {
            warn!("{peer}: {error}");
        }
    })?;
    Ok(())
}
