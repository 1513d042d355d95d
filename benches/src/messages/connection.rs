//! An echo on an `EventLoop`, by way of `Connection`.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use waitset::stream::Notice;
use waitset::{EventLoop, Mode};

use super::{MESSAGE, expect};

/// Sends `count` messages and reads each echo.
///
/// # Errors
///
/// Returns the error of the loop, of the sockets, and of a wrong answer.
pub fn run(count: u64) -> io::Result<()> {
    let (mut client, server) = UnixStream::pair()?;
    client.set_nonblocking(true)?;
    server.set_nonblocking(true)?;
    let mut event_loop = EventLoop::<()>::new()?;
    event_loop
        .handle()
        .insert_stream(server, Mode::Level, |(), connection, notice, handle| {
            if matches!(notice, Notice::Received | Notice::EndOfFile) {
                // If it is closed, the client reads nothing.
                let _ = connection.forward(connection, handle);
            }
        })?;
    let (sent, mut answer) = ([7; MESSAGE], [0; MESSAGE]);
    for _ in 0..count {
        client.write_all(&sent)?;
        event_loop.turn(&mut (), None)?;
        client.read_exact(&mut answer)?; // the echo writes within the turn that reads
        expect(&answer, &sent)?;
    }
    Ok(())
}
