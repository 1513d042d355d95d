//! Six loops that spin, found by the spin detector.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use press::println; // end when the reader does, where those of std panic
use waitset::spin::{Reason, Spin, SpinDetector};
use waitset::{EventLoop, Interest, Mode, PollReactor, WaitSet};

const READABLE: Interest = Interest::READABLE;
const WRITABLE: Interest = Interest::WRITABLE;

// [watch]
/// poll(2), with a detector that hands over what it finds.
fn watched() -> io::Result<(SpinDetector<PollReactor>, Receiver<Spin>)> {
    let (sender, spins) = channel();
    let tell = move |spin: &Spin| sender.send(spin.clone()).expect("somebody listens");
    Ok((SpinDetector::new(PollReactor::new()?, tell)?, spins))
}

/// Waits for a source, and does nothing about what comes.
fn spin_on(source: impl Into<OwnedFd>, interest: Interest) -> io::Result<Spin> {
    let (reactor, spins) = watched()?;
    let mut set = WaitSet::with_reactor(reactor);
    set.insert(source.into(), interest, Mode::Level)?;
    loop {
        set.wait(None)?;
        while set.next_event().is_some() {}
        if let Ok(spin) = spins.try_recv() {
            return Ok(spin);
        }
    }
}
// [/watch]

/// Waits again and again until something is due, with timeouts that are rounded down.
fn round_down() -> io::Result<Spin> {
    let (reactor, spins) = watched()?;
    let mut set: WaitSet<OwnedFd, (), _> = WaitSet::with_reactor(reactor);
    loop {
        let due = Instant::now() + Duration::from_micros(5_400);
        let mut now = Instant::now();
        while now < due {
            let left = (due - now).as_millis() as u64;
            set.wait(Some(Duration::from_millis(left)))?;
            now = Instant::now();
        }
        if let Ok(spin) = spins.try_recv() {
            return Ok(spin);
        }
    }
}

/// Turns a loop whose timer is due as soon as it is armed.
fn tick_at_once() -> io::Result<Spin> {
    let (reactor, spins) = watched()?;
    let mut event_loop = EventLoop::with_reactor(reactor);
    event_loop.handle().arm_every(Duration::ZERO, |_, _, _| ());
    loop {
        event_loop.turn(&mut (), None)?;
        if let Ok(spin) = spins.try_recv() {
            return Ok(spin);
        }
    }
}

/// Breaks a text into lines of at most 72 columns.
fn in_columns(text: &str) -> String {
    let mut lines = vec![String::from("  ")];
    for word in text.split(' ') {
        if lines[lines.len() - 1].len() + word.len() > 72 {
            lines.push(String::from("  "));
        }
        let last = lines.len() - 1;
        lines[last] += " ";
        lines[last] += word;
    }
    lines.join("\n")
}

fn main() -> io::Result<()> {
    // [found]
    let rounded = round_down()?; // 1. wait(5 ms), and then wait(0) until it is due

    let (near, _far) = UnixStream::pair()?;
    let unused = spin_on(near, READABLE | WRITABLE)?; // 2. there is nothing to write

    let (near, far) = UnixStream::pair()?;
    drop(far);
    let hung_up = spin_on(near, WRITABLE)?; // 3. nobody reads, nobody removes it

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let _visitor = TcpStream::connect(listener.local_addr()?)?;
    let visited = spin_on(listener, READABLE)?; // 4. nobody accepts, or accept fails

    let (near, mut far) = UnixStream::pair()?;
    far.write_all(b"hello")?;
    let unread = spin_on(near, READABLE)?; // 5. nobody reads

    let ticking = tick_at_once()?; // 6. a timer of an event loop, every 0 ms

    let spins = [rounded, unused, hung_up, visited, unread, ticking];
    for (number, spin) in (1..).zip(&spins) {
        let (reason, waits) = (spin.reason, spin.waits);
        println!("{number}. {reason:?}, {waits} waits: {}.", reason.text());
        println!("{}", in_columns(reason.remedy()));
    }
    // [/found]
    let reasons = spins.map(|spin| spin.reason);
    let expected = [
        Reason::ZeroTimeout,
        Reason::UnusedWriteInterest,
        Reason::UnhandledHangup,
        Reason::UnacceptedConnection,
        Reason::UndrainedInput,
        Reason::ZeroTimer,
    ];
    assert_eq!(reasons, expected);
    Ok(())
}
