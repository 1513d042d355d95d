//! A UDP echo server on three ports in one thread: the example of the README.

use std::io::{Write, stdout};
use std::net::UdpSocket;
use waitset::{Interest, Mode, WaitSet};

fn main() -> std::io::Result<()> {
    let mut set = WaitSet::new()?; // or WaitSet::with_reactor(PollReactor::new()?), SelectReactor, …
    for _ in 0..3 {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        writeln!(stdout(), "listening on {}", socket.local_addr()?).ok();
        set.insert(socket, Interest::READABLE, Mode::Level)?;
    }
    let mut datagram = [0; 1500];
    loop {
        set.wait(None)?; // sleeps until one of them is readable
        while let Some((key, _event)) = set.next_event() {
            let Some(socket) = set.get(key) else { continue };
            while let Ok((length, peer)) = socket.recv_from(&mut datagram) {
                socket.send_to(&datagram[..length], peer).ok();
            }
        }
    }
}
