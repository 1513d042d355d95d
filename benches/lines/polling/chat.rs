//! A chat over polling: names, idle timeouts, SIGTERM, work in a thread, a child process.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};
use std::{env, thread};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use polling::{Event, Events, PollMode, Poller};
use signal_hook::consts::SIGTERM;

const LISTENER: usize = 0;
const TERMINATE: usize = 1;
const FIRST: usize = 2;

struct Chat {
    poller: Arc<Poller>,
    listener: TcpListener,
    members: HashMap<usize, Member>,
    children: HashMap<usize, Output>,
    jobs: Sender<(usize, u64)>,
    results: Receiver<(usize, u64)>,
    next: usize,
    idle: Duration,
}

struct Member {
    stream: TcpStream,
    name: Option<String>,
    input: Vec<u8>,
    output: Vec<u8>,
    heard: Instant,
    has_ended: bool,
}

struct Output {
    asker: usize,
    child: Child,
    stdout: ChildStdout,
    bytes: Vec<u8>,
}

fn main() -> io::Result<()> {
    let idle = env::args().nth(1).map_or(60_000, |it| it.parse().unwrap());
    let poller = Arc::new(Poller::new()?);
    let (terminated, terminate) = UnixStream::pair()?;
    // SAFETY: it lives until the program ends.
    unsafe { poller.add(&terminated, Event::readable(TERMINATE))? };
    signal_hook::low_level::pipe::register(SIGTERM, terminate)?;
    let waker = Arc::clone(&poller);
    let (jobs, to_do) = mpsc::channel::<(usize, u64)>();
    let (done, results) = mpsc::channel();
    thread::spawn(move || {
        for (asker, most) in to_do {
            if done.send((asker, (1..=most).sum::<u64>())).is_err() || waker.notify().is_err() {
                return;
            }
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    // SAFETY: it lives until the program ends.
    unsafe { poller.add_with_mode(&listener, Event::readable(LISTENER), PollMode::Level)? };
    println!("listening on {}", listener.local_addr()?);
    let chat = Chat {
        poller,
        listener,
        members: HashMap::new(),
        children: HashMap::new(),
        jobs,
        results,
        next: FIRST,
        idle: Duration::from_millis(idle),
    };
    chat.run()
}

impl Chat {
    fn run(mut self) -> io::Result<()> {
        let mut events = Events::new();
        loop {
            let deadlines = self.members.values().map(|member| member.heard + self.idle);
            let timeout = deadlines
                .min()
                .map(|deadline| deadline.saturating_duration_since(Instant::now()));
            events.clear();
            self.poller.wait(&mut events, timeout)?;
            while let Ok((asker, sum)) = self.results.try_recv() {
                self.tell(asker, &format!("work: {sum}\n"));
            }
            for event in events.iter() {
                match event.key {
                    LISTENER => self.accept()?,
                    TERMINATE => return self.stop(),
                    token if self.children.contains_key(&token) => self.child(token)?,
                    token => self.serve(token),
                }
            }
            self.expel_idle();
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nonblocking(true)?;
            let token = self.token();
            // SAFETY: it is deleted from the poller before it is dropped.
            unsafe {
                self.poller
                    .add_with_mode(&stream, Event::readable(token), PollMode::Level)?
            };
            let member = Member {
                stream,
                name: None,
                input: Vec::new(),
                output: Vec::new(),
                heard: Instant::now(),
                has_ended: false,
            };
            self.members.insert(token, member);
        }
    }

    fn token(&mut self) -> usize {
        self.next += 1;
        self.next
    }

    fn serve(&mut self, token: usize) {
        let Some(member) = self.members.get_mut(&token) else {
            return;
        };
        let filled = member.fill().and_then(|()| member.flush());
        if let Err(error) = filled.and_then(|()| member.watch(&self.poller, token)) {
            eprintln!("{error}");
            return self.remove(token);
        }
        while let Some(line) = self.members.get_mut(&token).and_then(Member::take_line) {
            self.said(token, line);
        }
        if self
            .members
            .get(&token)
            .is_some_and(|member| member.has_ended)
        {
            self.remove(token);
        }
    }

    fn said(&mut self, token: usize, line: String) {
        let Some(member) = self.members.get_mut(&token) else {
            return;
        };
        let Some(name) = member.name.clone() else {
            let hello = format!("hello {line}\n");
            member.name = Some(line);
            return self.tell(token, &hello);
        };
        if let Some(Ok(most)) = line.strip_prefix("/work ").map(str::parse) {
            let _ = self.jobs.send((token, most));
        } else if line == "/child" {
            if let Err(error) = self.spawn(token) {
                self.tell(token, &format!("{error}\n"));
            }
        } else {
            let others = self.members.keys().filter(|other| **other != token);
            for other in others.copied().collect::<Vec<_>>() {
                self.tell(other, &format!("{name}: {line}\n"));
            }
        }
    }

    fn spawn(&mut self, asker: usize) -> io::Result<()> {
        let mut command = Command::new("echo");
        let mut child = command.arg("of a child").stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().unwrap();
        fcntl(&stdout, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let token = self.token();
        // SAFETY: it is deleted from the poller before it is dropped.
        unsafe {
            self.poller
                .add_with_mode(&stdout, Event::readable(token), PollMode::Level)?
        };
        let bytes = Vec::new();
        let output = Output {
            asker,
            child,
            stdout,
            bytes,
        };
        self.children.insert(token, output);
        Ok(())
    }

    fn child(&mut self, token: usize) -> io::Result<()> {
        let Some(output) = self.children.get_mut(&token) else {
            return Ok(());
        };
        match output.stdout.read_to_end(&mut output.bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            read => read?,
        };
        let mut output = self.children.remove(&token).unwrap();
        self.poller.delete(&output.stdout)?;
        output.child.wait()?;
        self.tell(output.asker, &String::from_utf8_lossy(&output.bytes));
        Ok(())
    }

    fn tell(&mut self, token: usize, text: &str) {
        let Some(member) = self.members.get_mut(&token) else {
            return;
        };
        member.output.extend(text.as_bytes());
        if let Err(error) = member
            .flush()
            .and_then(|()| member.watch(&self.poller, token))
        {
            eprintln!("{error}");
            self.remove(token);
        }
    }

    fn expel_idle(&mut self) {
        let now = Instant::now();
        let idle = self
            .members
            .iter()
            .filter(|(_, member)| member.heard + self.idle <= now);
        for token in idle.map(|(token, _)| *token).collect::<Vec<_>>() {
            self.tell(token, "idle\n");
            self.remove(token);
        }
    }

    fn remove(&mut self, token: usize) {
        if let Some(member) = self.members.remove(&token) {
            let _ = self.poller.delete(&member.stream);
        }
    }

    fn stop(&mut self) -> io::Result<()> {
        for token in self.members.keys().copied().collect::<Vec<_>>() {
            self.tell(token, "bye\n");
        }
        Ok(())
    }
}

impl Member {
    fn fill(&mut self) -> io::Result<()> {
        let mut bytes = [0; 4096];
        loop {
            match self.stream.read(&mut bytes) {
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
            match self.stream.write(&self.output) {
                Ok(count) => drop(self.output.drain(..count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits for writability while there is something to write.
    fn watch(&self, poller: &Poller, token: usize) -> io::Result<()> {
        let interest = Event::new(token, true, !self.output.is_empty());
        poller.modify_with_mode(&self.stream, interest, PollMode::Level)
    }

    fn take_line(&mut self) -> Option<String> {
        let end = self.input.iter().position(|byte| *byte == b'\n')?;
        let line: Vec<u8> = self.input.drain(..=end).collect();
        Some(String::from_utf8_lossy(&line[..end]).into_owned())
    }
}
