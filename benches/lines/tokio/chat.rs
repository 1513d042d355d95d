//! A chat over tokio: names, idle timeouts, SIGTERM, work in a thread, a child process.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;
use std::{env, io};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{LocalSet, spawn_blocking, spawn_local};
use tokio::time::{Instant, sleep_until};

type Room = Rc<RefCell<HashMap<u64, UnboundedSender<String>>>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    LocalSet::new().run_until(serve()).await
}

async fn serve() -> io::Result<()> {
    let idle = env::args().nth(1).map_or(60_000, |it| it.parse().unwrap());
    let idle = Duration::from_millis(idle);
    let mut terminate = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    let room = Room::default();
    let mut members = Vec::new();
    for id in 0.. {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            _ = terminate.recv() => break,
        };
        let (sender, lines) = unbounded_channel();
        room.borrow_mut().insert(id, sender);
        let room = Rc::clone(&room);
        members.push(spawn_local(async move {
            if let Err(error) = chat(id, stream, lines, &room, idle).await {
                eprintln!("{error}");
            }
            room.borrow_mut().remove(&id);
        }));
        members.retain(|member| !member.is_finished());
    }
    for sender in room.borrow_mut().drain().map(|(_, sender)| sender) {
        let _ = sender.send("bye\n".to_owned());
    }
    for member in members {
        let _ = member.await;
    }
    Ok(())
}

async fn chat(
    id: u64,
    mut stream: TcpStream,
    mut news: UnboundedReceiver<String>,
    room: &Room,
    idle: Duration,
) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut lines = BufReader::new(reader).lines();
    let mut name: Option<String> = None;
    let mut deadline = Instant::now() + idle;
    loop {
        tokio::select! {
            line = lines.next_line() => {
                let Some(line) = line? else { return Ok(()) };
                deadline = Instant::now() + idle;
                match &name {
                    Some(name) => said(id, name, &line, room),
                    None => {
                        writer.write_all(format!("hello {line}\n").as_bytes()).await?;
                        name = Some(line);
                    }
                }
            }
            text = news.recv() => match text {
                Some(text) => writer.write_all(text.as_bytes()).await?,
                None => return Ok(()),
            },
            () = sleep_until(deadline) => return writer.write_all(b"idle\n").await,
        }
    }
}

fn said(id: u64, name: &str, line: &str, room: &Room) {
    let sender = room.borrow()[&id].clone();
    if let Some(Ok(most)) = line.strip_prefix("/work ").map(str::parse::<u64>) {
        spawn_local(async move {
            let sum = spawn_blocking(move || (1..=most).sum::<u64>()).await;
            let _ = sender.send(format!("work: {}\n", sum.unwrap_or_default()));
        });
    } else if line == "/child" {
        spawn_local(async move {
            let output = Command::new("echo").arg("of a child").output().await;
            let _ = sender.send(match output {
                Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
                Err(error) => format!("{error}\n"),
            });
        });
    } else {
        for (_, other) in room.borrow().iter().filter(|(other, _)| **other != id) {
            let _ = other.send(format!("{name}: {line}\n"));
        }
    }
}
