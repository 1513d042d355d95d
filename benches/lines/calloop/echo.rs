//! A TCP echo server over calloop.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

use calloop::generic::Generic;
use calloop::{EventLoop, Interest, LoopHandle, Mode, PostAction};

const MOST_PENDING: usize = 65_536;

struct Echo {
    handle: LoopHandle<'static, Self>,
}

fn main() -> io::Result<()> {
    let mut event_loop = EventLoop::<Echo>::try_new()?;
    let handle = event_loop.handle();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    println!("listening on {}", listener.local_addr()?);
    let source = Generic::new(listener, Interest::READ, Mode::Level);
    let listening = handle.insert_source(source, |_, listener, echo: &mut Echo| {
        loop {
            match listener.accept() {
                Ok((stream, _)) => echo.serve(stream)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(PostAction::Continue);
                }
                Err(error) => return Err(error),
            }
        }
    });
    listening.map_err(|error| error.error)?;
    event_loop.run(None, &mut Echo { handle }, |_| {})?;
    Ok(())
}

impl Echo {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        let mut pending = Vec::new();
        let mut has_ended = false;
        let both = Generic::new(stream, Interest::BOTH, Mode::Edge);
        let inserted = self.handle.insert_source(both, move |_, stream, _| {
            // SAFETY: the stream is neither moved out nor replaced.
            let stream = unsafe { stream.get_mut() };
            let is_done = exchange(stream, &mut pending, &mut has_ended);
            Ok(match is_done {
                Ok(false) => PostAction::Continue,
                Ok(true) => PostAction::Remove,
                Err(error) => {
                    eprintln!("{error}");
                    PostAction::Remove
                }
            })
        });
        inserted.map_err(|error| error.error)?;
        Ok(())
    }
}

/// Reads and writes until both would block; returns `true` if there is no more to do.
fn exchange(
    stream: &mut TcpStream,
    pending: &mut Vec<u8>,
    has_ended: &mut bool,
) -> io::Result<bool> {
    loop {
        let mut has_moved = false;
        if !pending.is_empty() {
            match stream.write(pending) {
                Ok(count) => {
                    pending.drain(..count);
                    has_moved = true;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
        }
        if !*has_ended && pending.len() < MOST_PENDING {
            let mut bytes = [0; 4096];
            match stream.read(&mut bytes) {
                Ok(0) => *has_ended = true,
                Ok(count) => {
                    pending.extend(&bytes[..count]);
                    has_moved = true;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
        }
        if !has_moved {
            return Ok(*has_ended && pending.is_empty());
        }
    }
}
