//! Each program does what it is counted for, through real sockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Far longer than any answer takes, so that a missing one fails the test.
const PATIENCE: Duration = Duration::from_secs(60);

macro_rules! programs {
    ($check:ident $name:literal) => {
        programs!(@each $check $name: "waitset" waitset, "mio" mio, "polling" polling,
            "calloop" calloop, "tokio" tokio, "smol" smol);
    };
    (@each $check:ident $name:literal: $($library:literal $test:ident),+) => {
        $(#[test]
        fn $test() {
            super::$check(env!(concat!("CARGO_BIN_EXE_", $library, "-", $name)));
        })+
    };
}

mod echo {
    programs!(echoes "echo");
}

mod chat {
    programs!(chats "chat");
}

mod idle {
    programs!(expels_the_idle "chat");
}

mod ticker {
    programs!(ticks "ticker");
}

/// A server that ends with the test.
struct Server {
    child: Child,
    address: String,
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    fn start(program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        Self {
            child,
            address,
            _stdout: stdout,
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn echoes(program: &str) {
    let server = Server::start(program, &[]);
    let bytes: Vec<u8> = (0..1_000_000u32).map(|number| number as u8).collect();
    let mut clients = [server.connect(), server.connect()];
    for client in &mut clients {
        let mut writer = client.try_clone().unwrap();
        let sent = bytes.clone();
        let writing = std::thread::spawn(move || {
            writer.write_all(&sent).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        writing.join().unwrap();
        assert!(answer == bytes, "{} bytes came back", answer.len());
    }
}

/// A client of a chat.
struct Member(BufReader<TcpStream>);

impl Member {
    fn join(server: &Server, name: &str) -> Self {
        let mut member = Self(BufReader::new(server.connect()));
        member.say(name);
        assert_eq!(member.hear(), format!("hello {name}"));
        member
    }

    fn say(&mut self, line: &str) {
        writeln!(self.0.get_mut(), "{line}").unwrap();
    }

    /// The next line; empty at the end.
    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

fn chats(program: &str) {
    let mut server = Server::start(program, &["600000"]);
    let (mut ann, mut ben) = (Member::join(&server, "ann"), Member::join(&server, "ben"));
    ann.say("good morning");
    assert_eq!(ben.hear(), "ann: good morning");
    ben.say("/work 1000");
    assert_eq!(ben.hear(), "work: 500500");
    ann.say("/child");
    assert_eq!(ann.hear(), "of a child");
    drop(Member::join(&server, "eve"));
    ben.say("and you?");
    assert_eq!(ann.hear(), "ben: and you?");
    let pid = Pid::from_raw(server.child.id().try_into().unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    assert_eq!([ann.hear(), ben.hear()], ["bye", "bye"]);
    assert_eq!([ann.hear(), ben.hear()], ["", ""]);
    assert!(server.child.wait().unwrap().success());
}

/// The silence is the program's: the test waits for what it says.
fn expels_the_idle(program: &str) {
    let server = Server::start(program, &["50"]);
    let mut silent = Member(BufReader::new(server.connect()));
    assert_eq!([silent.hear(), silent.hear()], ["idle", ""]);
}

fn ticks(program: &str) {
    let output = Command::new(program).args(["2", "3"]).output().unwrap();
    assert!(output.status.success());
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(told, "tick 1\ntick 2\ntick 3\n");
}
