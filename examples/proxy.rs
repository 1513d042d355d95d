//! A TCP proxy: what comes from one side goes to the other, no faster than that reads.
//!
//! `cargo run --release --example proxy -- --to 127.0.0.1:7000`, before an `echo`.
//!
//! Bounds: 64 KiB read and 256 KiB to write at each of the two sockets of a connection, and
//! as many connections as there are descriptors; the next ones wait in the backlog.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;
use socket2::SockRef;
use waitset::stream::{Acceptor, Connection, ForwardError, Notice};
use waitset::{InsertError, Mode};
use waitset_examples::program::{self, Handle, LoopFlags, finish, parse};
use waitset_examples::{say, warn};

/// Passes connections on to another address.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    common: LoopFlags,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7001")]
    addr: SocketAddr,
    /// Where to connect to for each that connects here.
    #[arg(long, value_parser = program::server)]
    to: SocketAddr,
}

/// How long the other side has to accept.
const PATIENCE: Duration = Duration::from_secs(10);

/// The connection on the other side, as a callback knows it.
type Other = Rc<RefCell<Option<Connection<TcpStream>>>>;

fn main() -> ExitCode {
    finish(run(&parse()))
}

fn run(flags: &Flags) -> io::Result<()> {
    let listener = program::about(flags.addr, TcpListener::bind(flags.addr))?;
    let address = listener.local_addr()?;
    if is_reached_at(address, flags.to) {
        let text = format!("--to {} is this proxy; name another server", flags.to);
        return Err(io::Error::new(ErrorKind::InvalidInput, text));
    }
    let mut event_loop = flags.common.event_loop::<u64>()?;
    let handle = event_loop.handle();
    let to = flags.to;
    let acceptor = Acceptor::new(listener)?;
    handle.listen(acceptor, Mode::Level, move |passed, accepted, handle| {
        let Some((client, peer)) = program::accepted(accepted, handle) else {
            return;
        };
        *passed += 1;
        handle.connect_tcp(to, PATIENCE, move |_, server, handle| {
            let joined = match server {
                Ok(server) => join(client, server, handle),
                Err(error) => {
                    break_off(&client); // an end would say that all went well
                    Err(error)
                }
            };
            if let Err(error) = joined {
                warn!("{peer}: {error}");
            }
        });
    })?;
    say!("listening on {address} backend={}", handle.mechanism());
    let mut passed = 0;
    flags.common.run(event_loop, &mut passed)?;
    say!("passed {passed} connections on");
    Ok(())
}

/// Whether a listener at `own` takes the connections to `address`: each would be passed on to
/// the proxy itself, and again, until no descriptor is left.
fn is_reached_at(own: SocketAddr, address: SocketAddr) -> bool {
    let is_any = own.ip().is_unspecified() && address.ip().is_loopback();
    let is_own = own.ip() == address.ip() || address.ip().is_unspecified();
    own.port() == address.port() && (is_any || is_own)
}

fn join(client: TcpStream, server: TcpStream, handle: &mut Handle<'_, u64>) -> io::Result<()> {
    let (of_client, of_server) = (Other::default(), Other::default());
    let client = open(client, &of_client, handle)?;
    match open(server, &of_server, handle) {
        Ok(server) => {
            *of_client.borrow_mut() = Some(server);
            *of_server.borrow_mut() = Some(client);
            Ok(())
        }
        Err(error) => {
            abort(&client, handle);
            Err(error.into())
        }
    }
}

fn open(
    stream: TcpStream,
    other: &Other,
    handle: &mut Handle<'_, u64>,
) -> Result<Connection<TcpStream>, InsertError<TcpStream>> {
    let other = Rc::clone(other);
    handle.insert_stream(stream, Mode::Level, move |_, own, notice, handle| {
        let Some(peer) = other.borrow().clone() else {
            return;
        };
        match notice {
            // `forward` takes what the other has room for. What is left stops the reading
            // here, and so in the end the sender: that is backpressure. The end is
            // passed on after the last byte, and the other direction goes on without it.
            Notice::Received | Notice::EndOfFile | Notice::Closed(Ok(())) => {
                pass(own, &peer, handle);
            }
            Notice::Flushed => pass(&peer, own, handle),
            Notice::Closed(Err(_)) => {
                other.take(); // or `peer` would not be the last clone
                abort(&peer, handle);
            }
            // `InputFull` above all: the other reads slowly, which is its right.
            _ => {}
        }
    })
}

/// Passes on what there is room for. Where one side is closed, the other is of no use.
fn pass(from: &Connection<TcpStream>, to: &Connection<TcpStream>, handle: &mut Handle<'_, u64>) {
    match from.forward(to, handle) {
        Ok(_) => {}
        Err(ForwardError::SourceClosed) => abort(to, handle),
        Err(_) => abort(from, handle),
    }
}

fn abort(connection: &Connection<TcpStream>, handle: &mut Handle<'_, u64>) {
    break_off(connection.stream());
    handle.remove(connection.key()); // not `close`, which says the end first
}

/// When this is closed its peer is to see that it was broken off. After a mere close it
/// would read an end, and take half of a message for the whole.
fn break_off(stream: &TcpStream) {
    // With no time to linger the kernel sends a reset instead of an end (socket(7)). It
    // fails on a socket that is broken, too.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
