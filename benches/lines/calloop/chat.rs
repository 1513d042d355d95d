//! A chat over calloop: names, idle timeouts, SIGTERM, work in a thread, a child process.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};
use std::{env, thread};

use calloop::channel::{self, Event};
use calloop::generic::Generic;
use calloop::signals::{Signal, Signals};
use calloop::timer::{TimeoutAction, Timer};
use calloop::{EventLoop, Interest, LoopHandle, Mode, PostAction, RegistrationToken};
use nix::fcntl::{FcntlArg, OFlag, fcntl};

struct Chat {
    handle: LoopHandle<'static, Self>,
    members: HashMap<u64, Member>,
    jobs: Sender<(u64, u64)>,
    next: u64,
    idle: Duration,
}

struct Member {
    stream: Rc<TcpStream>,
    sources: Vec<RegistrationToken>,
    name: Option<String>,
    input: Vec<u8>,
    output: Vec<u8>,
    heard: Instant,
    has_ended: bool,
}

fn main() -> calloop::Result<()> {
    let idle = env::args().nth(1).map_or(60_000, |it| it.parse().unwrap());
    let mut event_loop = EventLoop::<Chat>::try_new()?;
    let handle = event_loop.handle();
    let signal = event_loop.get_signal();
    let terminate = Signals::new(&[Signal::SIGTERM])?;
    let inserted = handle.insert_source(terminate, move |_, (), chat: &mut Chat| {
        for id in chat.members.keys().copied().collect::<Vec<_>>() {
            chat.tell(id, "bye\n");
        }
        signal.stop();
    });
    inserted.map_err(|error| error.error)?;
    let (done, results) = channel::channel();
    let inserted = handle.insert_source(results, |event, (), chat| {
        if let Event::Msg((asker, sum)) = event {
            chat.tell(asker, &format!("work: {sum}\n"));
        }
    });
    inserted.map_err(|error| error.error)?;
    let (jobs, to_do) = mpsc::channel::<(u64, u64)>();
    thread::spawn(move || {
        for (asker, most) in to_do {
            if done.send((asker, (1..=most).sum::<u64>())).is_err() {
                return;
            }
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    println!("listening on {}", listener.local_addr()?);
    let source = Generic::new(listener, Interest::READ, Mode::Level);
    let inserted = handle.insert_source(source, |_, listener, chat| {
        loop {
            match listener.accept() {
                Ok((stream, _)) => chat.join(stream)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(PostAction::Continue);
                }
                Err(error) => return Err(error),
            }
        }
    });
    inserted.map_err(|error| error.error)?;
    let mut chat = Chat {
        handle,
        members: HashMap::new(),
        jobs,
        next: 0,
        idle: Duration::from_millis(idle),
    };
    event_loop.run(None, &mut chat, |_| {})
}

impl Chat {
    fn join(&mut self, stream: TcpStream) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        let stream = Rc::new(stream);
        self.next += 1;
        let (id, idle) = (self.next, self.idle);
        let source = Generic::new(Rc::clone(&stream), Interest::BOTH, Mode::Edge);
        let serve = self.handle.insert_source(source, move |_, _, chat| {
            chat.serve(id);
            Ok(PostAction::Continue)
        });
        let timer = Timer::from_duration(idle);
        let timer = self.handle.insert_source(timer, move |_, (), chat| {
            let Some(member) = chat.members.get(&id) else {
                return TimeoutAction::Drop;
            };
            let deadline = member.heard + idle;
            if Instant::now() < deadline {
                return TimeoutAction::ToInstant(deadline);
            }
            chat.tell(id, "idle\n");
            chat.remove(id);
            TimeoutAction::Drop
        });
        let sources = vec![
            serve.map_err(|error| error.error)?,
            timer.map_err(|error| error.error)?,
        ];
        let member = Member {
            stream,
            sources,
            name: None,
            input: Vec::new(),
            output: Vec::new(),
            heard: Instant::now(),
            has_ended: false,
        };
        self.members.insert(id, member);
        Ok(())
    }

    fn serve(&mut self, id: u64) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        if let Err(error) = member.fill().and_then(|()| member.flush()) {
            eprintln!("{error}");
            return self.remove(id);
        }
        while let Some(line) = self.members.get_mut(&id).and_then(Member::take_line) {
            self.said(id, line);
        }
        if self.members.get(&id).is_some_and(|member| member.has_ended) {
            self.remove(id);
        }
    }

    fn said(&mut self, id: u64, line: String) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let Some(name) = member.name.clone() else {
            let hello = format!("hello {line}\n");
            member.name = Some(line);
            return self.tell(id, &hello);
        };
        if let Some(Ok(most)) = line.strip_prefix("/work ").map(str::parse) {
            let _ = self.jobs.send((id, most));
        } else if line == "/child" {
            if let Err(error) = self.spawn(id) {
                self.tell(id, &format!("{error}\n"));
            }
        } else {
            let others = self.members.keys().filter(|other| **other != id);
            for other in others.copied().collect::<Vec<_>>() {
                self.tell(other, &format!("{name}: {line}\n"));
            }
        }
    }

    fn spawn(&mut self, asker: u64) -> io::Result<()> {
        let mut command = Command::new("echo");
        let mut child = command.arg("of a child").stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().unwrap();
        fcntl(stdout.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let mut bytes = Vec::new();
        let source = Generic::new(stdout, Interest::READ, Mode::Level);
        let inserted = self.handle.insert_source(source, move |_, stdout, chat| {
            // SAFETY: the pipe is neither moved out nor replaced.
            let stdout = unsafe { stdout.get_mut() };
            chat.child(asker, &mut child, stdout, &mut bytes)
        });
        inserted.map_err(|error| error.error)?;
        Ok(())
    }

    fn child(
        &mut self,
        asker: u64,
        child: &mut Child,
        stdout: &mut ChildStdout,
        bytes: &mut Vec<u8>,
    ) -> io::Result<PostAction> {
        match stdout.read_to_end(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(PostAction::Continue),
            read => read?,
        };
        child.wait()?;
        self.tell(asker, &String::from_utf8_lossy(bytes));
        Ok(PostAction::Remove)
    }

    fn tell(&mut self, id: u64, text: &str) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        member.output.extend(text.as_bytes());
        if let Err(error) = member.flush() {
            eprintln!("{error}");
            self.remove(id);
        }
    }

    fn remove(&mut self, id: u64) {
        if let Some(member) = self.members.remove(&id) {
            for source in member.sources {
                self.handle.remove(source);
            }
        }
    }
}

impl Member {
    fn fill(&mut self) -> io::Result<()> {
        let mut bytes = [0; 4096];
        loop {
            match (&*self.stream).read(&mut bytes) {
                Ok(0) => self.has_ended = true,
                Ok(count) => {
                    self.input.extend(&bytes[..count]);
                    self.heard = Instant::now();
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            return Ok(());
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.output.is_empty() {
            match (&*self.stream).write(&self.output) {
                Ok(count) => drop(self.output.drain(..count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn take_line(&mut self) -> Option<String> {
        let end = self.input.iter().position(|byte| *byte == b'\n')?;
        let line: Vec<u8> = self.input.drain(..=end).collect();
        Some(String::from_utf8_lossy(&line[..end]).into_owned())
    }
}
