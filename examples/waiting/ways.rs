//! The ways to wait. Each reads what comes, until all sockets have ended.

use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use waitset::{Interest, Mode, WaitSet};
use waitset_examples::program::LoopFlags;

use crate::stage::Cost;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    Blocking,
    Spinning,
    Yielding,
    Napping,
    Threads,
    Mechanism(LoopFlags),
}

/// What a read came to.
enum Found {
    Nothing,
    Message,
    End,
}

/// How long the napping one sleeps between two rounds.
const NAP: Duration = Duration::from_millis(1);

impl Way {
    /// Those by hand, and these mechanisms.
    pub(crate) fn all(mechanisms: impl Iterator<Item = LoopFlags>) -> impl Iterator<Item = Self> {
        let by_hand = [
            Self::Blocking,
            Self::Spinning,
            Self::Yielding,
            Self::Napping,
            Self::Threads,
        ];
        by_hand.into_iter().chain(mechanisms.map(Self::Mechanism))
    }

    /// A blocking read waits for one socket, whatever comes on the others.
    pub(crate) const fn sockets(self) -> usize {
        match self {
            Self::Blocking => 1,
            _ => 8,
        }
    }

    pub(crate) fn wait(self, sockets: Vec<UnixStream>, cost: &mut Cost) -> io::Result<()> {
        match self {
            Self::Blocking => block(&sockets[0], cost),
            Self::Spinning => spin(sockets, cost, None),
            Self::Yielding => spin(sockets, cost, Some(thread::yield_now)),
            Self::Napping => spin(sockets, cost, Some(|| thread::sleep(NAP))),
            Self::Threads => thread_each(sockets, cost),
            Self::Mechanism(flags) => ask_kernel(flags, sockets, cost),
        }
    }
}

/// The read sleeps until there is something.
fn block(socket: &UnixStream, cost: &mut Cost) -> io::Result<()> {
    while !matches!(read(socket, cost)?, Found::End) {}
    Ok(())
}

/// "And now? And now? And now?", of every socket, with a system call in between or none.
fn spin(mut sockets: Vec<UnixStream>, cost: &mut Cost, between: Option<fn()>) -> io::Result<()> {
    for socket in &sockets {
        socket.set_nonblocking(true)?;
        cost.calls += 1;
    }
    while !sockets.is_empty() {
        let mut ended = None;
        for (index, socket) in sockets.iter().enumerate() {
            if let Found::End = read(socket, cost)? {
                ended = Some(index);
            }
        }
        ended.map(|index| sockets.swap_remove(index));
        if let Some(between) = between {
            cost.calls += 1;
            between();
        }
    }
    Ok(())
}

/// A blocking read for each, in a thread of its own.
fn thread_each(sockets: Vec<UnixStream>, cost: &mut Cost) -> io::Result<()> {
    let start = cost.start;
    let threads: Vec<_> = sockets
        .into_iter()
        .map(|socket| thread::spawn(move || Cost::of(start, |cost| block(&socket, cost))))
        .collect();
    for thread in threads {
        let answer = thread.join();
        cost.add(answer.map_err(|_| io::Error::other("a waiter has panicked"))??);
    }
    Ok(())
}

/// One thread sleeps until the kernel says which of them has something.
fn ask_kernel(flags: LoopFlags, sockets: Vec<UnixStream>, cost: &mut Cost) -> io::Result<()> {
    let mut set = WaitSet::with_reactor(flags.open()?);
    for socket in sockets {
        socket.set_nonblocking(true)?;
        cost.calls += 1;
        set.insert(socket, Interest::READABLE, Mode::Level)?;
    }
    while !set.is_empty() {
        set.wait(None)?;
        while let Some((key, _)) = set.next_event() {
            let Some(socket) = set.get(key) else { continue };
            if let Found::End = read(socket, cost)? {
                set.remove(key);
            }
        }
    }
    let stats = set.reactor().stats();
    cost.calls += stats.system_calls();
    cost.stats = Some(stats);
    Ok(())
}

fn read(mut socket: &UnixStream, cost: &mut Cost) -> io::Result<Found> {
    cost.calls += 1;
    let mut message = [0; size_of::<u64>()]; // one at a time
    match socket.read(&mut message) {
        Ok(0) => Ok(Found::End),
        Ok(_) => {
            let sent = Duration::from_nanos(u64::from_ne_bytes(message));
            cost.delays.push(cost.start.elapsed().saturating_sub(sent));
            Ok(Found::Message)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Found::Nothing),
        Err(error) => Err(error),
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Blocking => "blocking read (one)",
            Self::Spinning => "busy loop",
            Self::Yielding => "busy loop, yielding",
            Self::Napping => "busy loop, 1 ms naps",
            Self::Threads => "a thread per socket",
            Self::Mechanism(flags) => flags.backend.name(),
        })
    }
}
