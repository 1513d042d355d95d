//! A chat over smol: names, idle timeouts, SIGTERM, work in a thread, a child process.

use std::cell::RefCell;
use std::collections::HashMap;
use std::env;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use signal_hook::{consts::SIGTERM, low_level::pipe};
use smol::channel::{Receiver, Sender, unbounded};
use smol::io::{self, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use smol::net::{TcpListener, TcpStream};
use smol::process::Command;
use smol::stream::StreamExt;
use smol::{Async, LocalExecutor, Timer, future, unblock};

type Room = Rc<RefCell<HashMap<u64, Sender<String>>>>;
type Executor = Rc<LocalExecutor<'static>>;

fn main() -> io::Result<()> {
    let executor = Executor::default();
    smol::block_on(executor.run(serve(&executor)))
}

async fn serve(executor: &Executor) -> io::Result<()> {
    let idle = env::args().nth(1).map_or(60_000, |it| it.parse().unwrap());
    let idle = Duration::from_millis(idle);
    let (terminated, terminate) = UnixStream::pair()?;
    pipe::register(SIGTERM, terminate)?;
    let mut terminated = Async::new(terminated)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    let room = Room::default();
    let mut members = Vec::new();
    for id in 0.. {
        let accept = async { Some(listener.accept().await) };
        let terminate = async {
            let _ = terminated.read(&mut [0]).await;
            None
        };
        let Some(accepted) = future::or(accept, terminate).await else {
            break;
        };
        let (stream, _) = accepted?;
        let (sender, lines) = unbounded();
        room.borrow_mut().insert(id, sender);
        let (room, tasks) = (Rc::clone(&room), Rc::clone(executor));
        members.push(executor.spawn(async move {
            if let Err(error) = chat(id, stream, lines, &room, &tasks, idle).await {
                eprintln!("{error}");
            }
            room.borrow_mut().remove(&id);
        }));
        members.retain(|member| !member.is_finished());
    }
    for sender in room.borrow_mut().drain().map(|(_, sender)| sender) {
        let _ = sender.try_send("bye\n".to_owned());
    }
    for member in members {
        member.await;
    }
    Ok(())
}

enum Turn {
    Said(Option<io::Result<String>>),
    News(Option<String>),
    Idle,
}

async fn chat(
    id: u64,
    mut stream: TcpStream,
    news: Receiver<String>,
    room: &Room,
    executor: &Executor,
    idle: Duration,
) -> io::Result<()> {
    let mut lines = BufReader::new(stream.clone()).lines();
    let mut name: Option<String> = None;
    let mut timer = Timer::after(idle);
    loop {
        let said = async { Turn::Said(lines.next().await) };
        let told = async { Turn::News(news.recv().await.ok()) };
        let silent = async {
            (&mut timer).await;
            Turn::Idle
        };
        match future::or(future::or(said, told), silent).await {
            Turn::Said(None) | Turn::News(None) => return Ok(()),
            Turn::Said(Some(line)) => {
                let line = line?;
                timer.set_after(idle);
                match &name {
                    Some(name) => answer(id, name, &line, room, executor),
                    None => {
                        stream
                            .write_all(format!("hello {line}\n").as_bytes())
                            .await?;
                        name = Some(line);
                    }
                }
            }
            Turn::News(Some(text)) => stream.write_all(text.as_bytes()).await?,
            Turn::Idle => return stream.write_all(b"idle\n").await,
        }
    }
}

fn answer(id: u64, name: &str, line: &str, room: &Room, executor: &Executor) {
    let sender = room.borrow()[&id].clone();
    if let Some(Ok(most)) = line.strip_prefix("/work ").map(str::parse::<u64>) {
        let work = async move {
            let sum = unblock(move || (1..=most).sum::<u64>()).await;
            let _ = sender.try_send(format!("work: {sum}\n"));
        };
        executor.spawn(work).detach();
    } else if line == "/child" {
        let child = async move {
            let output = Command::new("echo").arg("of a child").output().await;
            let _ = sender.try_send(match output {
                Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
                Err(error) => format!("{error}\n"),
            });
        };
        executor.spawn(child).detach();
    } else {
        for (_, other) in room.borrow().iter().filter(|(other, _)| **other != id) {
            let _ = other.try_send(format!("{name}: {line}\n"));
        }
    }
}
