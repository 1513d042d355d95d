//! ICMP echo: is somebody there, and how long is the way there and back?
//!
//! `cargo run --release --example ping -- --addr 127.0.0.1`

use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use etherparse::{IcmpEchoHeader, Icmpv4Header, Icmpv4Slice, Icmpv4Type, Ipv4Slice};
use socket2::{Domain, Protocol, Socket, Type};
use waitset::{Interest, Mode};
use waitset_examples::program::{self, LoopFlags, finish, parse};
use waitset_examples::{output, say, warn};

/// Asks an address for an echo.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    common: LoopFlags,
    /// Whom to ask.
    #[arg(long, default_value = "127.0.0.1")]
    addr: Ipv4Addr,
    /// How often.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    count: u16,
    /// Between two of them, in milliseconds.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    interval_ms: u64,
}

/// For what has not been answered when the last was sent.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was sent when, and how many have come back.
#[derive(Default)]
struct Asked {
    sent: Vec<Instant>,
    answered: Vec<bool>,
}

fn main() -> ExitCode {
    let flags: Flags = parse();
    output::end_with_output();
    finish(run(&flags))
}

fn run(flags: &Flags) -> io::Result<()> {
    let (socket, is_raw) = open()?;
    socket.set_nonblocking(true)?;
    socket.connect(&SocketAddr::new(IpAddr::V4(flags.addr), 0).into())?;
    let sender = socket.try_clone()?;
    let mut event_loop = flags.common.event_loop::<Asked>()?;
    let handle = event_loop.handle();
    let kind = if is_raw { "raw" } else { "datagram" };
    let name = handle.mechanism();
    say!("pinging {} by a {kind} socket backend={name}", flags.addr);

    // Replies to others come by at a raw socket, too. This tells whose they are; to a
    // datagram socket the kernel gives a number of its own, and passes on only that.
    let id = std::process::id() as u16;
    let count = usize::from(flags.count);
    handle.insert(
        socket,
        Interest::READABLE,
        Mode::Level,
        move |asked, mut socket, _, handle| {
            let mut packet = [0; 1500];
            let length = match socket.read(&mut packet) {
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => return warn!("{error}"), // of one that was sent: a router may say so
            };
            let Some(echo) = reply(&packet[..length], is_raw) else {
                return;
            };
            if !is_raw || echo.id == id {
                asked.answer(usize::from(echo.seq));
            }
            if asked.answers() == count {
                handle.stop();
            }
        },
    )?;
    let interval = Duration::from_millis(flags.interval_ms);
    let mut asked = Asked::default();
    asked.ask(&sender, id)?;
    handle.arm_every(interval, move |asked, tick, handle| {
        if asked.sent.len() == count {
            handle.cancel(tick.timer);
            handle.arm_after(PATIENCE, |asked, _, handle| match asked.answers() {
                0 => program::fail(&"no answer", handle),
                _ => handle.stop(),
            });
        } else if let Err(error) = asked.ask(&sender, id) {
            program::fail(&error, handle);
        }
    });
    flags.common.run(event_loop, &mut asked)?;
    say!("{} sent, {} answered", asked.sent.len(), asked.answers());
    Ok(())
}

/// A socket for ICMP, and whether it is a raw one.
fn open() -> io::Result<(Socket, bool)> {
    let icmp = Some(Protocol::ICMPV4);
    // icmp(7): for everybody whose group is in `net.ipv4.ping_group_range`.
    if let Ok(socket) = Socket::new(Domain::IPV4, Type::DGRAM, icmp) {
        return Ok((socket, false));
    }
    match Socket::new(Domain::IPV4, Type::RAW, icmp) {
        Ok(socket) => Ok((socket, true)),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(io::Error::new(
            ErrorKind::Unsupported,
            "ICMP takes a group in net.ipv4.ping_group_range, or the capability CAP_NET_RAW",
        )),
        Err(error) => Err(error),
    }
}

/// The echo that answers, if this is one. A raw socket shows the header of IP as well.
fn reply(packet: &[u8], is_raw: bool) -> Option<IcmpEchoHeader> {
    let icmp = match is_raw {
        true => Ipv4Slice::from_slice(packet).ok()?.payload().payload,
        false => packet,
    };
    match Icmpv4Slice::from_slice(icmp).ok()?.icmp_type() {
        Icmpv4Type::EchoReply(echo) => Some(echo),
        _ => None, // on loopback our own request comes by, too
    }
}

impl Asked {
    fn ask(&mut self, socket: &Socket, id: u16) -> io::Result<()> {
        let seq = self.sent.len() as u16;
        let echo = Icmpv4Type::EchoRequest(IcmpEchoHeader { id, seq });
        self.sent.push(Instant::now());
        self.answered.push(false);
        socket.send(&Icmpv4Header::with_checksum(echo, &[]).to_bytes())?;
        Ok(())
    }

    fn answer(&mut self, number: usize) {
        // One that comes twice, or to what was never asked, counts for nothing.
        if let Some(answered @ false) = self.answered.get_mut(number) {
            *answered = true;
            let took = self.sent[number].elapsed();
            say!("echo {number} after {:.3} ms", took.as_secs_f64() * 1e3);
        }
    }

    fn answers(&self) -> usize {
        self.answered.iter().filter(|answered| **answered).count()
    }
}
