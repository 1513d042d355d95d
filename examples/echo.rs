//! Sends back what it is sent: the smallest server there is, and its client.
//!
//! `cargo run --release --example echo`, and in another terminal
//! `cargo run --release --example echo -- --connect 127.0.0.1:7000`.
//! `--threads` serves with one thread for each connection instead of the loop.

use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;

use clap::Parser;
use waitset::Mode;
use waitset::stream::{Acceptor, Notice};
use waitset_examples::output::{self, Passed};
use waitset_examples::program::{LoopFlags, finish, parse};
use waitset_examples::{say, warn};

/// Sends back what it is sent.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    common: LoopFlags,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7000")]
    addr: SocketAddr,
    /// Serve each connection in a thread of its own, with calls that block.
    #[arg(long)]
    threads: bool,
    /// Be the client: send the standard input there and print what comes back.
    #[arg(long)]
    connect: Option<SocketAddr>,
}

fn main() -> ExitCode {
    let flags: Flags = parse();
    finish(match flags.connect {
        Some(address) => be_client(address),
        None => serve(&flags),
    })
}

fn serve(flags: &Flags) -> io::Result<()> {
    let listener = TcpListener::bind(flags.addr)?;
    let address = listener.local_addr()?;
    let mut event_loop = flags.common.event_loop::<u64>()?;
    let mut handle = event_loop.handle();
    let is_threaded = flags.threads;
    handle.listen(
        Acceptor::new(listener)?,
        Mode::Level,
        move |served, accepted, handle| {
            let Ok((stream, peer)) = accepted else { return };
            *served += 1;
            let answer = match is_threaded {
                true => serve_in_thread(stream),
                // In the loop a connection costs no thread, only this callback.
                false => handle
                    .open(stream, Mode::Level, |_, connection, notice, handle| {
                        match notice {
                            Notice::Closed(_) => {}
                            // What has come goes out, as far as there is room for it; what
                            // is left goes when the peer has read (`Drained`). The end is
                            // passed on as well.
                            _ => connection.forward(connection, handle),
                        }
                    })
                    .map(drop),
            };
            if let Err(error) = answer {
                warn!("{peer}: {error}"); // the others are served on
            }
        },
    )?;
    say!("listening on {address} reactor={}", handle.reactor().name());
    let mut served = 0;
    flags.common.run(event_loop, &mut served)?;
    say!("served {served} connections");
    Ok(())
}

fn serve_in_thread(stream: TcpStream) -> io::Result<()> {
    stream.set_nonblocking(false)?; // the loop's acceptor made it so
    thread::Builder::new()
        .spawn(move || io::copy(&mut &stream, &mut &stream))
        .map(drop)
}

fn be_client(address: SocketAddr) -> io::Result<()> {
    output::end_with_output();
    let stream = TcpStream::connect(address)?;
    thread::scope(|scope| {
        // Who only sends, and reads when all is sent, stands still when both ends wait for
        // the other to read. So one thread sends and one reads.
        let sender = scope.spawn(|| {
            let sent = io::copy(&mut io::stdin(), &mut &stream);
            stream.shutdown(Shutdown::Write)?;
            sent
        });
        let mut output = Passed::new();
        let mut buffer = [0; 4096];
        loop {
            let count = (&stream).read(&mut buffer)?;
            if count == 0 {
                break;
            }
            output.print(&buffer[..count]); // at once: somebody may be watching
        }
        output.finish();
        sender.join().unwrap_or(Ok(0)).map(drop)
    })
}
