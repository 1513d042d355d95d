//! Clients and servers of `proxy` that half-close, reset, stall and flood, in a random order
//! that a seed repeats: descriptors and memory return to where they began.
//!
//! `WAITSET_CROWD=10000 cargo test -p waitset-examples -- a_crowd_that --nocapture` sends as
//! many clients through each mechanism. Without `--test`, which would not build the example
//! again.
#![allow(
    clippy::disallowed_macros,
    reason = "the harness captures what a test prints"
)]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use socket2::SockRef;
use support::{LONGEST, Server, on_one_by_one};

/// How many there are at the same time: each costs the proxy two descriptors.
const WAVE: usize = 100;

/// What may stay of the memory that a wave took, in KiB: allocators keep some.
const KEPT_KIB: u64 = 16 * 1024;

fn crowd() -> usize {
    let number = std::env::var("WAITSET_CROWD").ok();
    number.map_or(2 * WAVE, |number| number.parse().unwrap())
}

/// One end of what the proxy joins, and not what is opposite.
struct End(TcpStream);

impl End {
    fn new(stream: TcpStream) -> Self {
        stream.set_nonblocking(true).unwrap();
        Self(stream)
    }

    /// Does one thing of those that peers do. Whatever the other side has done before, no
    /// error is a surprise.
    fn act(&mut self, random: &mut Rng) {
        match random.u8(..6) {
            0 => drop(self.0.shutdown(Shutdown::Write)),
            1 => drop(self.0.write(b"a line\n")),
            2 => self.flood(),
            3 => self.read(usize::from(random.u16(..))),
            4 => self.read(usize::MAX),
            _ => {} // it stalls
        }
    }

    /// Sends for as long as the kernel takes it.
    fn flood(&mut self) {
        while self.0.write(&[b'!'; 65_536]).is_ok_and(|count| count > 0) {}
    }

    fn read(&mut self, most: usize) {
        let mut buffer = [0; 65_536];
        let mut left = most;
        while left > 0 {
            let room = left.min(buffer.len());
            match self.0.read(&mut buffer[..room]) {
                Ok(0) => return,
                Ok(count) => left -= count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn leave(self, resets: bool) {
        if resets {
            reset(self.0);
        }
    }
}

/// Closes a stream so that its peer sees a reset instead of an end.
fn reset(stream: TcpStream) {
    let socket = SockRef::from(&stream);
    socket.set_linger(Some(Duration::ZERO)).unwrap();
}

/// Sends a wave through the proxy, which all leave in the end, each when it will.
fn wave(running: &Server, listener: &TcpListener, count: usize, random: &mut Rng) {
    let mut ends = Vec::new();
    for _ in 0..count {
        ends.push(End::new(running.connect().stream));
        ends.push(End::new(listener.accept().unwrap().0));
    }
    while !ends.is_empty() {
        let index = random.usize(..ends.len());
        match random.u8(..8) {
            0 => ends.swap_remove(index).leave(random.bool()),
            _ => ends[index].act(random),
        }
    }
}

/// Waits until the proxy has closed all but what it had.
fn await_descriptors(running: &Server, before: usize) {
    let start = Instant::now();
    while running.descriptors() > before {
        let left = running.descriptors() - before;
        assert!(start.elapsed() < LONGEST, "{left} descriptors stay");
        thread::sleep(Duration::from_millis(5)); // it is another process, which tells nobody
    }
}

#[test]
fn a_crowd_that_resets_half_closes_stalls_and_floods_leaves_nothing_behind() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap().to_string();
    on_one_by_one("proxy", &["--to", &to], |running| {
        let mut random = Rng::with_seed(1);
        let before = running.descriptors();
        let memory = running.resident_kib();
        let mut left = crowd();
        while left > 0 {
            let count = left.min(WAVE);
            wave(&running, &listener, count, &mut random);
            await_descriptors(&running, before);
            left -= count;
        }
        let after = running.resident_kib();
        eprintln!("{memory} KiB before, {after} KiB after");
        assert!(after < memory + KEPT_KIB, "{after} KiB, before {memory}");
        let said = running.stop();
        assert!(
            said.contains(&format!("passed {} connections", crowd())),
            "{said}"
        );
    });
}

#[test]
fn clients_that_half_close_and_reset_before_a_silent_server_leave_nothing_behind() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap().to_string();
    on_one_by_one("proxy", &["--to", &to], |running| {
        let before = running.descriptors();
        let mut silent = Vec::new();
        for _ in 0..20 {
            let client = running.connect().stream;
            let (mut server, _) = listener.accept().unwrap();
            server.set_read_timeout(Some(LONGEST)).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            assert_eq!(server.read(&mut [0]).unwrap(), 0, "the end is passed on");
            reset(client);
            silent.push(server);
        }
        await_descriptors(&running, before);
        for mut server in silent {
            let answer = server.write(b"!").map_err(|error| error.kind());
            // A reset after the end, as Linux has it.
            assert_eq!(answer, Err(ErrorKind::BrokenPipe));
        }
        running.stop();
    });
}
