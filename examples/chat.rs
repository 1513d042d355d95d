//! A chat: the first line is a name, and each further one goes to all others.
//!
//! `cargo run --release --example chat`, then `nc 127.0.0.1 7004` in two terminals.
//!
//! Bounds: 4 KiB for a line, and 64 KiB of what one has not read yet beside twice that in the
//! kernel, after which it is dropped; as many members as there are descriptors, the next ones wait in the backlog.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;

use clap::Parser;
use socket2::SockRef;
use waitset::stream::{Acceptor, Connection, Limits, Notice};
use waitset::{Key, Mode};
use waitset_examples::printable::is_printable;
use waitset_examples::program::{self, LoopFlags, finish, parse};
use waitset_examples::{say, warn};

/// Passes lines on to all who are there.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    common: LoopFlags,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7004")]
    addr: SocketAddr,
}

/// What is kept for one who does not read, and of a line that does not end. Without a
/// bound, one slow reader takes all memory; if all waited for it, it would hold them up.
const LIMITS: Limits = Limits::new().with_input(4096).with_output(65_536);

type Handle<'a> = program::Handle<'a, Room>;

/// Who is there.
#[derive(Default)]
struct Room {
    members: HashMap<Key, Member>,
    joined: u64,
    dropped: u64,
}

struct Member {
    connection: Connection<TcpStream>,
    /// There is none before the first line.
    name: Option<String>,
}

fn main() -> ExitCode {
    finish(run(&parse()))
}

fn run(flags: &Flags) -> io::Result<()> {
    let listener = program::about(flags.addr, TcpListener::bind(flags.addr))?;
    // Who is accepted inherits it. Left to itself the kernel would keep megabytes for one who
    // does not read (tcp(7), `tcp_wmem`); it doubles what it is told (socket(7)).
    SockRef::from(&listener).set_send_buffer_size(LIMITS.output)?;
    let address = listener.local_addr()?;
    let mut event_loop = flags.common.event_loop::<Room>()?;
    let handle = event_loop.handle();
    let acceptor = Acceptor::new(listener)?;
    handle.listen(acceptor, Mode::Level, |room, accepted, handle| {
        let Some((stream, peer)) = program::accepted(accepted, handle) else {
            return;
        };
        match handle.insert_stream_with(stream, Mode::Level, LIMITS, Room::notice) {
            Ok(connection) => {
                let name = None;
                let member = Member { connection, name };
                room.members.insert(member.connection.key(), member);
            }
            Err(error) => warn!("{peer}: {error}"),
        }
    })?;
    say!("listening on {address} backend={}", handle.mechanism());
    let mut room = Room::default();
    flags.common.run(event_loop, &mut room)?;
    say!("{} joined, {} were dropped", room.joined, room.dropped);
    Ok(())
}

impl Room {
    fn notice(
        &mut self,
        connection: &Connection<TcpStream>,
        notice: Notice,
        handle: &mut Handle<'_>,
    ) {
        let key = connection.key();
        match notice {
            Notice::Received => {
                // What is said may be the reason for which who says it is dropped.
                while self.members.contains_key(&key) {
                    let line = connection.take_line(handle);
                    let Some(line) = line else { break };
                    self.said(key, printable(&line), handle);
                }
            }
            // There is no whole line in it, and never will be.
            Notice::InputFull => self.drop_out(key, "writes without an end", handle),
            Notice::EndOfFile => {
                self.leave(key, handle);
                connection.shutdown(handle);
            }
            Notice::Closed(_) => self.leave(key, handle),
            _ => {}
        }
    }

    fn said(&mut self, key: Key, line: String, handle: &mut Handle<'_>) {
        let is_taken = self
            .members
            .values()
            .any(|one| one.name.as_ref() == Some(&line));
        let Some(member) = self.members.get_mut(&key) else {
            return;
        };
        let text = match &member.name {
            Some(name) => format!("{name}: {line}\n"),
            None if line.is_empty() || is_taken => {
                // It has not read either, if there is no room for this.
                let _ = member.connection.send(b"another name, please\n", handle);
                return;
            }
            None => {
                self.joined += 1;
                let text = format!("{} joins\n", member.name.insert(line));
                let _ = member.connection.send(text.as_bytes(), handle);
                text
            }
        };
        self.tell(key, text, handle);
    }

    /// Tells all but one. Who has no room for it reads too slowly and is dropped, which the
    /// others are told, too, and for which one of those may have no room. Thousands may be
    /// slow at once: they stand in a queue, where calls within calls would fill the stack.
    fn tell(&mut self, from: Key, text: String, handle: &mut Handle<'_>) {
        let mut news = VecDeque::from([(from, text)]);
        while let Some((from, text)) = news.pop_front() {
            let others = self
                .members
                .iter()
                .filter(|(key, one)| **key != from && one.name.is_some());
            let slow: Vec<Key> = others
                .filter(|(_, one)| one.connection.send(text.as_bytes(), handle).is_err())
                .map(|(key, _)| *key)
                .collect();
            for key in slow {
                let text = self.expel(key, "reads too slowly", handle);
                news.extend(text.map(|text| (key, text)));
            }
        }
    }

    fn drop_out(&mut self, key: Key, why: &str, handle: &mut Handle<'_>) {
        if let Some(text) = self.expel(key, why, handle) {
            self.tell(key, text, handle);
        }
    }

    /// Drops one. What the others are to be told, if they know it.
    fn expel(&mut self, key: Key, why: &str, handle: &mut Handle<'_>) -> Option<String> {
        let member = self.members.remove(&key)?;
        self.dropped += 1;
        member.connection.close(handle);
        Some(format!("{} {why}\n", member.name?))
    }

    fn leave(&mut self, key: Key, handle: &mut Handle<'_>) {
        let name = self.members.remove(&key).and_then(|member| member.name);
        if let Some(name) = name {
            self.tell(key, format!("{name} leaves\n"), handle);
        }
    }
}

/// Without what would move another's cursor, colour its terminal or turn its lines around.
fn printable(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    text.chars().filter(|one| is_printable(*one)).collect()
}
