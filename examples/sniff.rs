//! What lies below: the headers of each packet that arrives at this machine's loopback.
//!
//! `cargo run --release --example sniff`, as root or with CAP_NET_RAW, beside an `echo`.

use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use clap::Parser;
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use waitset::{Interest, Mode};
use waitset_examples::program::{LoopFlags, finish, parse};
use waitset_examples::{output, say, warn};

/// Prints the headers of packets that arrive.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    common: LoopFlags,
    /// At which address they arrive.
    #[arg(long, default_value = "127.0.0.1")]
    addr: Ipv4Addr,
    /// Only those from or to this port.
    #[arg(long)]
    port: Option<u16>,
}

fn main() -> ExitCode {
    let flags: Flags = parse();
    output::end_with_output();
    finish(run(&flags))
}

fn run(flags: &Flags) -> io::Result<()> {
    let mut event_loop = flags.common.event_loop::<u64>()?;
    let handle = event_loop.handle();
    // A raw socket has one protocol, so this takes two. Each gets a copy of every packet:
    // those for whom they are meant get them all the same.
    for protocol in [Protocol::TCP, Protocol::UDP] {
        let socket = open(protocol, flags)?;
        let port = flags.port;
        handle.insert(
            socket,
            Interest::READABLE,
            Mode::Level,
            move |shown, mut socket, _, _| {
                let mut packet = [0; 65_536];
                let length = match socket.read(&mut packet) {
                    Ok(length) => length,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                    Err(error) => return warn!("{error}"), // an interface may come up again
                };
                if let Some(text) = describe(&packet[..length], port) {
                    say!("{text}");
                    *shown += 1;
                }
            },
        )?;
    }
    let name = handle.mechanism();
    say!("sniffing at {} backend={name}", flags.addr);
    let mut shown = 0;
    flags.common.run(event_loop, &mut shown)?;
    say!("{shown} packets");
    Ok(())
}

fn open(protocol: Protocol, flags: &Flags) -> io::Result<Socket> {
    let socket = match Socket::new(Domain::IPV4, Type::RAW, Some(protocol)) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Err(io::Error::new(
                ErrorKind::Unsupported,
                "a raw socket takes the capability CAP_NET_RAW (raw(7))",
            ));
        }
        other => other?,
    };
    if let Some(port) = flags.port {
        socket.attach_filter(&only(port))?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(IpAddr::V4(flags.addr), 0).into())?;
    Ok(socket)
}

/// Has the kernel drop what is neither from nor to the port, since on a busy machine the
/// rest fills the socket's buffer, and what comes then is lost. It is a program for the
/// kernel's packet filter, as `tcpdump` makes them; `tcpdump -d` shows its own.
fn only(port: u16) -> [SockFilter; 7] {
    use libc::{BPF_B, BPF_H, BPF_IND, BPF_JEQ, BPF_JMP, BPF_LD, BPF_LDX, BPF_MSH, BPF_RET};
    let step = |code: u32, yes, no, k| SockFilter::new(code as u16, yes, no, k);
    let port = port.into();
    [
        step(BPF_LDX | BPF_B | BPF_MSH, 0, 0, 0), // x = length of the IP header
        step(BPF_LD | BPF_H | BPF_IND, 0, 0, 0),  // the port it is from, at x
        step(BPF_JMP | BPF_JEQ, 2, 0, port),      // the same: keep it
        step(BPF_LD | BPF_H | BPF_IND, 0, 0, 2),  // the port it is to, at x + 2
        step(BPF_JMP | BPF_JEQ, 0, 1, port),      // another: drop it
        step(BPF_RET, 0, 0, u32::MAX),            // keep all of it
        step(BPF_RET, 0, 0, 0),                   // drop it
    ]
}

/// One line on a packet, if it is from or to the port.
fn describe(packet: &[u8], only: Option<u16>) -> Option<String> {
    let parsed = SlicedPacket::from_ip(packet).ok()?;
    let NetSlice::Ipv4(ip) = parsed.net? else {
        return None;
    };
    let (name, from, to, header, payload, notes) = match parsed.transport? {
        TransportSlice::Udp(udp) => {
            let (from, to) = (udp.source_port(), udp.destination_port());
            ("UDP", from, to, 8, udp.payload().len(), String::new())
        }
        TransportSlice::Tcp(tcp) => {
            let flags = [
                (tcp.syn(), " SYN"),
                (tcp.ack(), " ACK"),
                (tcp.psh(), " PSH"),
                (tcp.fin(), " FIN"),
                (tcp.rst(), " RST"),
            ];
            let set = flags.iter().filter(|(is_set, _)| *is_set);
            let notes = set.map(|(_, name)| *name).collect();
            let (from, to) = (tcp.source_port(), tcp.destination_port());
            let header = tcp.slice().len() - tcp.payload().len();
            ("TCP", from, to, header, tcp.payload().len(), notes)
        }
        _ => return None,
    };
    if only.is_some_and(|port| port != from && port != to) {
        return None;
    }
    let ip = ip.header();
    Some(format!(
        "{name} {}:{from} > {}:{to}  {} of IP + {header} of {name} + {payload} bytes{notes}",
        ip.source_addr(),
        ip.destination_addr(),
        ip.slice().len(),
    ))
}
