//! An echo and its client as two tasks of one executor.

use std::io;
use std::os::unix::net::UnixStream;

use futures::io::{AsyncReadExt, AsyncWriteExt};
use waitset::DefaultReactor;
use waitset_async::{Async, Executor, spawn};

use super::{MESSAGE, expect};

/// Sends `count` messages and reads each echo.
///
/// # Errors
///
/// Returns the error of the executor, of the sockets, and of a wrong answer.
pub fn run(count: u64) -> io::Result<()> {
    Executor::new(DefaultReactor::new()?).block_on(async {
        let (near, far) = Async::<UnixStream>::pair()?;
        let server = spawn(serve(far));
        ask(near, count).await?; // its end ends the server's input
        server.await?
    })?
}

async fn serve(mut stream: Async<UnixStream>) -> io::Result<()> {
    let mut bytes = [0; 1024];
    loop {
        let read = stream.read(&mut bytes).await?;
        if read == 0 {
            return Ok(());
        }
        stream.write_all(&bytes[..read]).await?;
    }
}

async fn ask(mut stream: Async<UnixStream>, count: u64) -> io::Result<()> {
    let (sent, mut answer) = ([7; MESSAGE], [0; MESSAGE]);
    for _ in 0..count {
        stream.write_all(&sent).await?;
        stream.read_exact(&mut answer).await?;
        expect(&answer, &sent)?;
    }
    Ok(())
}
