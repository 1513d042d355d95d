//! A TCP echo server over polling.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

use polling::{Event, Events, Poller};

const LISTENER: usize = 0;
const MOST_PENDING: usize = 65_536;

struct Client {
    stream: TcpStream,
    pending: Vec<u8>,
    has_ended: bool,
}

fn main() -> io::Result<()> {
    let poller = Poller::new()?;
    let mut events = Events::new();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    // SAFETY: the listener lives as long as the poller.
    unsafe { poller.add(&listener, Event::readable(LISTENER))? };
    println!("listening on {}", listener.local_addr()?);
    let mut clients = HashMap::new();
    let mut next = 1;
    loop {
        events.clear();
        poller.wait(&mut events, None)?;
        for event in events.iter() {
            if event.key == LISTENER {
                accept(&poller, &listener, &mut clients, &mut next)?;
                poller.modify(&listener, Event::readable(LISTENER))?;
                continue;
            }
            let Some(client) = clients.get_mut(&event.key) else {
                continue;
            };
            let is_done = client.exchange().unwrap_or_else(|error| {
                eprintln!("{error}");
                true
            });
            if is_done {
                let client = clients.remove(&event.key).unwrap();
                poller.delete(&client.stream)?;
            } else {
                poller.modify(&client.stream, client.interest(event.key))?;
            }
        }
    }
}

fn accept(
    poller: &Poller,
    listener: &TcpListener,
    clients: &mut HashMap<usize, Client>,
    next: &mut usize,
) -> io::Result<()> {
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        stream.set_nonblocking(true)?;
        let key = *next;
        *next += 1;
        // SAFETY: the stream is deleted from the poller before it is dropped.
        unsafe { poller.add(&stream, Event::readable(key))? };
        let client = Client {
            stream,
            pending: Vec::new(),
            has_ended: false,
        };
        clients.insert(key, client);
    }
}

impl Client {
    fn interest(&self, key: usize) -> Event {
        let reads = !self.has_ended && self.pending.len() < MOST_PENDING;
        Event::new(key, reads, !self.pending.is_empty())
    }

    /// Reads once and writes once; returns `true` if there is no more to do.
    fn exchange(&mut self) -> io::Result<bool> {
        if !self.has_ended && self.pending.len() < MOST_PENDING {
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => self.has_ended = true,
                Ok(count) => self.pending.extend(&bytes[..count]),
                Err(error) if is_temporary(&error) => {}
                Err(error) => return Err(error),
            }
        }
        if !self.pending.is_empty() {
            match self.stream.write(&self.pending) {
                Ok(count) => drop(self.pending.drain(..count)),
                Err(error) if is_temporary(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.has_ended && self.pending.is_empty())
    }
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
