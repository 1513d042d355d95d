//! Datagrams: they keep their boundaries, they are cut, and they are lost in silence.
//!
//! `cargo run --release --example udp -- --burst 10000`, or without it and
//! `nc -u 127.0.0.1 7003`.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::process::ExitCode;

use clap::Parser;
use socket2::SockRef;
use waitset::{Interest, Mode};
use waitset_examples::program::{self, LoopFlags, finish, parse};
use waitset_examples::{say, warn};

/// Answers each datagram with how long it was.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    common: LoopFlags,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7003")]
    addr: SocketAddr,
    /// First send so many to itself, up to a million, before any of them is read, and count.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=MOST))]
    burst: u32,
}

/// A second or two of sending, during which Ctrl-C has to wait.
const MOST: i64 = 1_000_000;

/// What is longer is cut, and the rest of it gone.
const LONGEST: usize = 1000;

fn main() -> ExitCode {
    finish(run(&parse()))
}

fn run(flags: &Flags) -> io::Result<()> {
    let socket = program::about(flags.addr, UdpSocket::bind(flags.addr))?;
    socket.set_nonblocking(true)?;
    let mut event_loop = flags.common.event_loop::<u64>()?;
    let handle = event_loop.handle();
    let name = handle.mechanism();
    say!("listening on {} backend={name}", socket.local_addr()?);
    if flags.burst > 0 {
        lose(&socket, flags.burst)?;
    }
    handle.insert(
        socket,
        Interest::READABLE,
        Mode::Level,
        |answered, socket, _, _| {
            let mut datagram = [0; LONGEST];
            // One for each event: a stream would give what two sends have sent in one
            // read, or in three. A datagram comes whole, and alone, or not at all.
            match socket.recv_from(&mut datagram) {
                Ok((length, peer)) => {
                    // Where there is no room the answer is lost, as it may be on its way.
                    let _ = socket.send_to(format!("{length} bytes").as_bytes(), peer);
                    *answered += 1;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // What became of an answer: nobody listened at that port any more.
                Err(error) => warn!("{error}"),
            }
        },
    )?;
    let mut answered = 0;
    flags.common.run(event_loop, &mut answered)?;
    say!("answered {answered} datagrams");
    Ok(())
}

/// Sends more than there is room for. No call says so: UDP promises nothing.
fn lose(socket: &UdpSocket, count: u32) -> io::Result<()> {
    let sender = UdpSocket::bind((socket.local_addr()?.ip(), 0))?;
    for number in 0..count {
        sender.send_to(&number.to_be_bytes(), socket.local_addr()?)?;
    }
    let mut arrived = 0_u32;
    let mut datagram = [0; LONGEST];
    while socket.recv_from(&mut datagram).is_ok() {
        arrived += 1;
    }
    say!(
        "sent {count} at once, {arrived} arrived, {} lost; the buffer takes {} bytes",
        count - arrived,
        SockRef::from(socket).recv_buffer_size()?
    );
    Ok(())
}
