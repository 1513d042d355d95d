//! A TCP echo server over mio.

use std::collections::HashMap;
use std::io::{self, Read, Write};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(0);
const MOST_PENDING: usize = 65_536;

struct Client {
    stream: TcpStream,
    pending: Vec<u8>,
    has_ended: bool,
}

fn main() -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(256);
    let mut listener = TcpListener::bind("127.0.0.1:0".parse().unwrap())?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("listening on {}", listener.local_addr()?);
    let mut clients = HashMap::new();
    let mut next = 1;
    loop {
        if let Err(error) = poll.poll(&mut events, None) {
            if error.kind() == io::ErrorKind::Interrupted {
                continue;
            }
            return Err(error);
        }
        for event in &events {
            if event.token() == LISTENER {
                accept(&poll, &listener, &mut clients, &mut next)?;
                continue;
            }
            let Some(client) = clients.get_mut(&event.token()) else {
                continue;
            };
            let is_done = client.exchange().unwrap_or_else(|error| {
                eprintln!("{error}");
                true
            });
            if is_done {
                let mut client = clients.remove(&event.token()).unwrap();
                poll.registry().deregister(&mut client.stream)?;
            }
        }
    }
}

fn accept(
    poll: &Poll,
    listener: &TcpListener,
    clients: &mut HashMap<Token, Client>,
    next: &mut usize,
) -> io::Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        let token = Token(*next);
        *next += 1;
        poll.registry()
            .register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        let client = Client {
            stream,
            pending: Vec::new(),
            has_ended: false,
        };
        clients.insert(token, client);
    }
}

impl Client {
    /// Reads and writes until both would block; returns `true` if there is no more to do.
    fn exchange(&mut self) -> io::Result<bool> {
        loop {
            let mut has_moved = false;
            if !self.pending.is_empty() {
                match self.stream.write(&self.pending) {
                    Ok(count) => {
                        self.pending.drain(..count);
                        has_moved = true;
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error),
                }
            }
            if !self.has_ended && self.pending.len() < MOST_PENDING {
                let mut bytes = [0; 4096];
                match self.stream.read(&mut bytes) {
                    Ok(0) => self.has_ended = true,
                    Ok(count) => {
                        self.pending.extend(&bytes[..count]);
                        has_moved = true;
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error),
                }
            }
            if !has_moved {
                return Ok(self.has_ended && self.pending.is_empty());
            }
        }
    }
}
