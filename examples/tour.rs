//! A tour of waitset-async: what a network program uses every day, once each, in one thread.
//!
//! `cargo run --release --example tour`. It starts a server, is its own client, and then serves
//! until Ctrl-C: `nc localhost PORT` is answered in capitals.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::pin::pin;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use clap::Parser;
use futures::channel::mpsc;
use futures::future::{Either, join, pending, select};
use futures::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use futures::{SinkExt, StreamExt};
use waitset_async::{Async, Child, Executor, interval, resolve, spawn, timeout, unblock};
use waitset_examples::program::{LoopFlags, ends, finish, parse};
use waitset_examples::{say, warn};

/// Shows what waitset-async can do, and answers lines in capitals until Ctrl-C.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    common: LoopFlags,
    /// The name or address at which it listens.
    #[arg(long, default_value = "localhost")]
    host: String,
}

fn main() -> ExitCode {
    finish(run(&parse()))
}

fn run(flags: &Flags) -> io::Result<()> {
    // Signals come first: the threads that are started later inherit that they are blocked.
    let signals = ends()?;
    let reactor = flags.common.open()?;
    let backend = reactor.name();
    let mut executor = Executor::new(reactor);
    executor.block_on(async {
        let signals = Async::new(signals)?;
        // Whichever ends first. The other one is dropped, wherever it waits: that is how
        // futures are cancelled.
        match select(pin!(signals.next()), pin!(tour(&flags.host, backend))).await {
            Either::Left((signal, _tour)) => say!("{} ends the tour", signal?.signal()),
            Either::Right((ended, _signals)) => ended?,
        }
        Ok::<(), io::Error>(())
    })??;
    if flags.common.stats {
        say!("{:?}", executor.stats());
    }
    Ok(())
}

async fn tour(host: &str, backend: &str) -> io::Result<()> {
    // Name resolution, and a server in a task of its own.
    let addresses = resolve((host, 0)).await?;
    let address = *addresses.first().ok_or(io::ErrorKind::NotFound)?;
    let listener = Async::<TcpListener>::bind(address)?;
    let address = listener.get_ref().local_addr()?;
    say!("listening on {address} backend={backend}");
    let server = spawn(serve(listener));

    say!("sorted: {}", ask_and_sort(host, address.port()).await?);

    // Two futures at the same time: neither holds the other up.
    let (sum, ()) = join(unblock(|| (1..=1_000_000_u64).sum::<u64>()), tick(3)).await;
    say!("a thread has computed {sum}");

    // A task is cancelled through its handle.
    let task = spawn(pending::<()>());
    task.cancel();
    say!("a task: {}", task.await.unwrap_err());

    say!("serving until Ctrl-C");
    server.await?
}

/// Accepts connections, and serves each in a task of its own.
async fn serve(listener: Async<TcpListener>) -> io::Result<()> {
    let mut incoming = listener.incoming();
    while let Some(stream) = incoming.next().await {
        let served = async move { answer(&stream?).await };
        // Dropping the handle of a task detaches it: it runs on.
        drop(spawn(async move {
            if let Err(error) = served.await {
                warn!("{error}");
            }
        }));
    }
    Ok(())
}

/// Answers each line in capitals, however long it is. Two references can read and write.
async fn answer(stream: &Async<TcpStream>) -> io::Result<()> {
    let mut writer = stream;
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next().await {
        let answer = format!("{}\n", line?.to_uppercase());
        writer.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}

/// Asks the server three questions at the same time, and has a child process sort the answers.
async fn ask_and_sort(host: &str, port: u16) -> io::Result<String> {
    let (sender, mut answers) = mpsc::channel(0);
    for question in ["pears", "apples", "figs"] {
        let (host, mut sender) = (host.to_owned(), sender.clone());
        drop(spawn(async move {
            // It fails only if nobody receives any more.
            let _ = sender.send(ask(&host, port, question).await).await;
        }));
    }
    drop(sender); // the channel ends with the last of its senders

    let mut sort = Command::new("sort");
    let mut sort = Child::spawn(sort.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
    if let Some(mut stdin) = sort.stdin.take() {
        while let Some(answer) = answers.next().await {
            stdin.write_all(answer?.as_bytes()).await?;
        }
    } // dropping the pipe tells `sort` that this was all
    let output = sort.output().await?;
    let sorted = String::from_utf8_lossy(&output.stdout);
    Ok(sorted.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Asks the server a question, and waits for its answer for 10 seconds at most.
async fn ask(host: &str, port: u16, question: &str) -> io::Result<String> {
    let asking = async {
        let mut stream = Async::<TcpStream>::connect((host, port)).await?;
        stream.write_all(question.as_bytes()).await?;
        stream.write_all(b"\n").await?;
        stream.close().await?; // ends the half that writes
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    };
    timeout(Duration::from_secs(10), asking).await?
}

async fn tick(count: u32) {
    let mut ticks = interval(Duration::from_millis(20));
    for number in 1..=count {
        ticks.tick().await;
        say!("tick {number}");
    }
}
