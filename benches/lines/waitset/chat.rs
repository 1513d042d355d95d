//! A chat over waitset: names, idle timeouts, SIGTERM, work in a thread, a child process.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, thread};

use waitset::stream::{Acceptor, Connection, Notice, AcceptError};
use waitset::{EventLoop, Handle, Interest, Key, Mode, Signal, Signals, TimerKey};

struct Chat {
    members: HashMap<Key, Member>,
    idle: Duration,
}

struct Member {
    connection: Connection<TcpStream>,
    name: Option<String>,
    timer: TimerKey,
}

fn main() -> io::Result<()> {
    let idle = env::args().nth(1).map_or(60_000, |it| it.parse().unwrap());
    let mut event_loop = EventLoop::<Chat>::new()?;
    let handle = event_loop.handle();
    let terminate = Signals::new(&[Signal::TERMINATE])?;
    handle.insert(
        terminate,
        Interest::READABLE,
        Mode::Level,
        |chat, signals, _, handle| {
            if signals.next().is_ok() {
                for member in chat.members.values() {
                    let _ = member.connection.send(b"bye\n", handle);
                }
                handle.stop();
            }
        },
    )?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    handle.listen(Acceptor::new(listener)?, Mode::Level, Chat::accepted)?;
    let idle = Duration::from_millis(idle);
    event_loop.run(&mut Chat {
        members: HashMap::new(),
        idle,
    })
}

type Accepted = Result<(TcpStream, SocketAddr), AcceptError<SocketAddr>>;

impl Chat {
    fn accepted(&mut self, accepted: Accepted, handle: &mut Handle<'_, Self>) {
        match accepted {
            Ok((stream, peer)) => {
                if let Err(error) = self.join(stream, handle) {
                    eprintln!("{peer}: {error}");
                }
            }
            Err(refusal) => eprintln!("{refusal}"),
        }
    }

    fn join(&mut self, stream: TcpStream, handle: &mut Handle<'_, Self>) -> io::Result<()> {
        let connection = handle.insert_stream(stream, Mode::Level, Self::noticed)?;
        let key = connection.key();
        let timer = handle.arm_after(self.idle, move |chat: &mut Self, _, handle| {
            chat.tell(key, "idle\n", handle);
            if let Some(member) = chat.members.remove(&key) {
                member.connection.shutdown(handle);
            }
        });
        let member = Member {
            connection,
            name: None,
            timer,
        };
        self.members.insert(key, member);
        Ok(())
    }

    fn noticed(
        &mut self,
        connection: &Connection<TcpStream>,
        notice: Notice,
        handle: &mut Handle<'_, Self>,
    ) {
        let key = connection.key();
        match notice {
            Notice::Received => {
                if let Some(member) = self.members.get(&key) {
                    handle.reset_after(member.timer, self.idle);
                }
                while let Some(line) = connection.take_line(handle) {
                    let line = String::from_utf8_lossy(&line);
                    self.said(key, line.trim_end().to_owned(), handle);
                }
            }
            Notice::InputFull => drop(connection.close(handle)),
            Notice::EndOfFile => connection.shutdown(handle),
            _ => {}
        }
        if matches!(notice, Notice::InputFull | Notice::EndOfFile | Notice::Closed(_)) {
            if let Some(member) = self.members.remove(&key) {
                handle.cancel(member.timer);
            }
        }
    }

    fn said(&mut self, key: Key, line: String, handle: &mut Handle<'_, Self>) {
        let Some(member) = self.members.get_mut(&key) else {
            return;
        };
        let Some(name) = &member.name else {
            let hello = format!("hello {line}\n");
            member.name = Some(line);
            return self.tell(key, &hello, handle);
        };
        if let Some(Ok(most)) = line.strip_prefix("/work ").map(str::parse::<u64>) {
            let remote = handle.remote();
            thread::spawn(move || {
                let sum = (1..=most).sum::<u64>();
                remote.post(move |chat, handle| chat.tell(key, &format!("work: {sum}\n"), handle))
            });
        } else if line == "/child" {
            if let Err(error) = spawn(key, handle) {
                self.tell(key, &format!("{error}\n"), handle);
            }
        } else {
            let text = format!("{name}: {line}\n");
            for (_, other) in self.members.iter().filter(|(other, _)| **other != key) {
                let _ = other.connection.send(text.as_bytes(), handle);
            }
        }
    }

    fn tell(&self, key: Key, text: &str, handle: &mut Handle<'_, Self>) {
        if let Some(member) = self.members.get(&key) {
            let _ = member.connection.send(text.as_bytes(), handle);
        }
    }
}

fn spawn(asker: Key, handle: &mut Handle<'_, Chat>) -> io::Result<()> {
    let mut command = Command::new("echo");
    let mut child = command.arg("of a child").stdout(Stdio::piped()).spawn()?;
    let stdout = File::from(OwnedFd::from(child.stdout.take().unwrap()));
    let mut output = Vec::new();
    handle.insert(
        stdout,
        Interest::READABLE,
        Mode::Level,
        move |chat: &mut Chat, mut stdout, _, handle| {
            let mut bytes = [0; 4096];
            match stdout.read(&mut bytes) {
                Ok(0) => {
                    let _ = child.wait();
                    chat.tell(asker, &String::from_utf8_lossy(&output), handle);
                    handle.remove(handle.key());
                }
                Ok(count) => output.extend(&bytes[..count]),
                Err(error) => eprintln!("{error}"),
            }
        },
    )?;
    Ok(())
}
