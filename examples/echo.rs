//! Sends back what it is sent: the smallest server there is, and its client.
//!
//! `cargo run --release --example echo`, and in another terminal
//! `cargo run --release --example echo -- --connect 127.0.0.1:7000`.
//! `--threads` serves with one thread for each connection instead of the loop.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use clap::Parser;
use waitset::Mode;
use waitset::stream::{Acceptor, Notice};
use waitset_examples::output::{self, Passed};
use waitset_examples::program::{self, LoopFlags, finish, parse};
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
    #[arg(long, value_parser = program::server)]
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
    let listener = program::about(flags.addr, TcpListener::bind(flags.addr))?;
    let address = listener.local_addr()?;
    let mut event_loop = flags.common.event_loop::<u64>()?;
    let handle = event_loop.handle();
    let is_threaded = flags.threads;
    handle.listen(
        Acceptor::new(listener)?,
        Mode::Level,
        move |served, accepted, handle| {
            let Some((stream, peer)) = program::accepted(accepted, handle) else {
                return;
            };
            *served += 1;
            let answer = match is_threaded {
                true => serve_in_thread(stream),
                // In the loop a connection costs no thread, only this callback.
                false => handle
                    .insert_stream(stream, Mode::Level, |_, connection, notice, handle| {
                        match notice {
                            Notice::Closed(_) => {}
                            // What has come goes out, as far as there is room for it; what
                            // is left goes when the peer has read (`Flushed`). The end is
                            // passed on as well.
                            // If it fails, `Closed` comes next.
                            _ => drop(connection.forward(connection, handle)),
                        }
                    })
                    .map(drop)
                    .map_err(Into::into),
            };
            if let Err(error) = answer {
                warn!("{peer}: {error}"); // the others are served on
            }
        },
    )?;
    say!("listening on {address} backend={}", handle.mechanism());
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
    let stream = program::about(address, TcpStream::connect(address))?;
    stream.set_nodelay(true)?; // a line goes out when it is typed
    let writer = stream.try_clone()?;
    let (sender, sent) = mpsc::channel();
    // A client that only sends, and reads when all is sent, stands still when both ends wait for
    // the other to read. So one thread sends and one reads. When the server ends, the one that
    // sends may be waiting for the standard input: nobody waits for it.
    thread::spawn(move || {
        if let Err(error) = send_input(&writer, &sender) {
            let _ = sender.send(Err(error)); // if that is still of interest
        }
        writer.shutdown(Shutdown::Write)
    });
    let unanswered = read_answers(&stream, &sent)?;
    match unanswered {
        0 => Ok(()),
        some => Err(io::Error::new(
            ErrorKind::UnexpectedEof,
            format!("{address} has closed the connection before it sent {some} bytes back"),
        )),
    }
}

/// Sends the standard input, and says of each part how long it was before it goes out.
fn send_input(mut to: &TcpStream, sent: &Sender<io::Result<u64>>) -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut buffer = [0; 4096];
    loop {
        let count = program::about("standard input", input.read(&mut buffer))?;
        let _ = sent.send(Ok(count as u64));
        // What is wrong with the connection is for the one that reads from it to say.
        if count == 0 || to.write_all(&buffer[..count]).is_err() {
            return Ok(());
        }
    }
}

/// Prints what comes back, up to the end. Returns how much of what was sent did not come.
fn read_answers(mut from: &TcpStream, sent: &Receiver<io::Result<u64>>) -> io::Result<u64> {
    let mut output = Passed::default();
    let mut buffer = [0; 4096];
    let mut unanswered = 0_u64;
    loop {
        let count = from.read(&mut buffer)?;
        for part in sent.try_iter() {
            unanswered += part?;
        }
        if count == 0 {
            break;
        }
        unanswered = unanswered.saturating_sub(count as u64);
        output.print(&buffer[..count]); // at once: somebody may be watching
    }
    output.finish();
    Ok(unanswered)
}
