//! `httpd`, `ws_chat` and `dashboard` under randomly mutated requests and frames.
//!
//! The inputs that once went wrong, and some that never did, lie in `corpus/`. They are cut,
//! spliced and overwritten at random, and sent in pieces on several connections at a time, while
//! a client that means well is served beside them.
//!
//! | variable | meaning |
//! |---|---|
//! | `WAITSET_MUTATIONS_SECONDS` | how long each server is tried, instead of a few hundred inputs |
//! | `WAITSET_MUTATIONS_SEED` | the seed, which is printed |

#![allow(
    clippy::disallowed_macros,
    reason = "the harness captures what a test prints"
)]

mod support;

use std::env;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::{Value, json};
use socket2::SockRef;
use support::{Client, LONGEST, Server, Tab, example, mechanisms};
use tungstenite::Message;
use waitset::Backend;
use waitset_examples::web::scratch::Scratch;

/// Inputs for each server and mechanism, unless a time is given.
const INPUTS: usize = 250;

/// Connections that are open at a time.
const OPEN_MAX: usize = 12;

/// What one server may occupy in the end, in KiB.
const RESIDENT_KIB_MAX: u64 = 64 * 1024;

struct Corpus {
    requests: Vec<Vec<u8>>,
    frames: Vec<Vec<u8>>,
    texts: Vec<Vec<u8>>,
}

impl Corpus {
    fn new() -> Self {
        let texts = include_str!("corpus/texts").lines();
        Self {
            requests: include_str!("corpus/requests")
                .lines()
                .map(unescaped)
                .collect(),
            frames: include_str!("corpus/frames")
                .lines()
                .map(unescaped)
                .collect(),
            texts: texts.map(|line| line.as_bytes().to_vec()).collect(),
        }
    }

    /// What the connection of this number is sent: first all requests as they are.
    fn input(&self, number: usize, path: &str, random: &mut Rng) -> Vec<u8> {
        if let Some(request) = self.requests.get(number) {
            return request.clone();
        }
        let mut input = match random.u8(..4) {
            0 if path.is_empty() => Vec::new(),
            0 | 1 => return self.conversation(path, random),
            _ => pick(&self.requests, random).to_vec(),
        };
        for _ in 0..random.usize(..6) {
            mutate(&mut input, pick(&self.requests, random), random);
        }
        input
    }

    /// An opening that is seldom wrong, and frames that often are.
    fn conversation(&self, path: &str, random: &mut Rng) -> Vec<u8> {
        let mut frames = Vec::new();
        for _ in 0..random.usize(1..8) {
            match random.bool() {
                true => frames.extend(pick(&self.frames, random)),
                false => frames.extend(framed(pick(&self.texts, random), random)),
            }
        }
        for _ in 0..random.usize(..3) {
            mutate(&mut frames, pick(&self.frames, random), random);
        }
        let mut input = opening(path);
        if random.u8(..8) == 0 {
            mutate(&mut input, pick(&self.requests, random), random);
        }
        input.extend(frames);
        input
    }
}

fn opening(path: &str) -> Vec<u8> {
    let fields = "Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    format!("GET {path} HTTP/1.1\r\n{fields}").into()
}

/// A text in a frame, masked with zeros; its length may be a lie.
fn framed(text: &[u8], random: &mut Rng) -> Vec<u8> {
    let length = match random.u8(..16) {
        0 => random.usize(..126),
        _ => text.len().min(125),
    };
    let head = [0x81, 0x80 | length as u8, 0, 0, 0, 0];
    [&head[..], text].concat()
}

fn pick<'a>(from: &'a [Vec<u8>], random: &mut Rng) -> &'a [u8] {
    &from[random.usize(..from.len())]
}

/// What programs that read HTTP or frames trip over.
const TOKENS: [&[u8]; 24] = [
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"\"",
    b"%",
    b"%00",
    b"%2e%2e%2f",
    b"../",
    b"//",
    b"?",
    b"#",
    b"*",
    b"\xff",
    b"\xe2\x80\xae",
    b"18446744073709551616",
    b"-1",
    b"Connection: close\r\n",
];

/// Changes `input` in one place.
fn mutate(input: &mut Vec<u8>, other: &[u8], random: &mut Rng) {
    let (start, end) = part(input.len(), random);
    match random.u8(..8) {
        0 => input
            .iter_mut()
            .skip(start)
            .take(1)
            .for_each(|byte| *byte = random.u8(..)),
        1 => input
            .iter_mut()
            .skip(start)
            .take(1)
            .for_each(|byte| *byte ^= 1 << random.u8(..8)),
        2 => drop(input.drain(start..end)),
        3 => input.truncate(start),
        4 => {
            let token = TOKENS[random.usize(..TOKENS.len())];
            input.splice(start..start, token.iter().copied());
        }
        5 => {
            let (from, to) = part(other.len(), random);
            input.splice(start..end, other[from..to].iter().copied());
        }
        6 => {
            let again = input[start..end].repeat(random.usize(1..40));
            input.splice(start..start, again);
        }
        _ => input.extend(other),
    }
}

/// A range within `length`, short more often than long.
fn part(length: usize, random: &mut Rng) -> (usize, usize) {
    let start = random.usize(..=length);
    let most = if random.bool() { 16 } else { length };
    let end = start + random.usize(..=most.min(length - start));
    (start, end)
}

/// A line of the corpus as bytes: `\r`, `\n`, `\0`, `\\` and `\xNN` are what they are in Rust.
fn unescaped(line: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), line.as_bytes());
    while let [first, others @ ..] = rest {
        (rest, bytes) = match (first, others) {
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digits = [*high, *low];
                let number = u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16);
                (after, [bytes, vec![number.unwrap()]].concat())
            }
            (b'\\', [name, after @ ..]) => {
                let byte = match name {
                    b'r' => b'\r',
                    b'n' => b'\n',
                    b'0' => 0,
                    other => *other,
                };
                (after, [bytes, vec![byte]].concat())
            }
            _ => (others, [bytes, vec![*first]].concat()),
        };
    }
    bytes
}

/// A connection with an input that is sent in pieces.
struct Attack {
    stream: TcpStream,
    input: Vec<u8>,
    /// What has come first.
    begin: Vec<u8>,
}

impl Attack {
    fn new(server: &Server, input: Vec<u8>) -> Self {
        let stream = server.connect().stream;
        stream.set_nonblocking(true).unwrap();
        let begin = Vec::new();
        Self {
            stream,
            input,
            begin,
        }
    }

    /// Sends a piece, reads what there is, and says whether there is more to do.
    fn step(&mut self, random: &mut Rng) -> bool {
        let piece = match random.bool() {
            true => self.input.len(),
            false => random.usize(..=self.input.len().min(64)),
        };
        match self.stream.write(&self.input[..piece]) {
            Ok(count) => drop(self.input.drain(..count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return false,
        }
        self.read() && !(self.input.is_empty() && random.bool())
    }

    /// Whether more may come.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(count) => {
                let room = ANSWER.len() - self.begin.len();
                self.begin.extend(&buffer[..count.min(room)]);
                true
            }
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }

    /// Ends it as clients do, and as they do not.
    fn end(mut self, random: &mut Rng) {
        match random.u8(..4) {
            0 => SockRef::from(&self.stream)
                .set_linger(Some(Duration::ZERO))
                .unwrap(),
            1 => {}
            _ => {
                // Everything that was asked is answered, and then the server closes.
                self.stream.set_nonblocking(false).unwrap();
                let _ = self.stream.shutdown(Shutdown::Write);
                while self.read() {}
            }
        }
        assert!(
            ANSWER.starts_with(&self.begin),
            "{:?}",
            self.begin.escape_ascii()
        );
    }
}

const ANSWER: &[u8] = b"HTTP/1.1 ";

/// How long a server is tried.
#[derive(Clone, Copy)]
enum Length {
    Inputs(usize),
    Seconds(u64),
}

/// Tries a server, and calls `witness` now and then, which is a client that means well.
fn try_out(server: &Server, path: &str, length: Length, mut witness: impl FnMut()) -> usize {
    let (corpus, mut random) = (Corpus::new(), seeded());
    let (start, mut inputs, mut open) = (Instant::now(), 0, Vec::new());
    let is_over = |inputs| match length {
        Length::Inputs(count) => inputs >= count,
        Length::Seconds(seconds) => start.elapsed().as_secs() >= seconds,
    };
    while !is_over(inputs) {
        if open.len() < OPEN_MAX {
            open.push(Attack::new(server, corpus.input(inputs, path, &mut random)));
            inputs += 1;
            if inputs % 64 == 0 {
                witness();
            }
        }
        let index = random.usize(..open.len());
        if !open[index].step(&mut random) || random.u8(..32) == 0 {
            open.swap_remove(index).end(&mut random);
        }
    }
    witness();
    inputs
}

fn seeded() -> Rng {
    let seed = env::var("WAITSET_MUTATIONS_SEED").ok();
    let seed = seed.map_or_else(|| fastrand::u64(..), |seed| seed.parse().unwrap());
    eprintln!("WAITSET_MUTATIONS_SEED={seed}");
    Rng::with_seed(seed)
}

/// Tries an example on each mechanism, or for a long time on the default one: in the end it has
/// said nothing, holds no descriptor and little memory, and ends well.
fn survives(name: &str, flags: &[&str], attack: impl Fn(&Server, Length) -> usize) {
    let seconds = env::var("WAITSET_MUTATIONS_SECONDS").ok();
    let seconds = seconds.map(|seconds| seconds.parse().unwrap());
    let (backends, length) = match seconds {
        Some(seconds) => (vec![Backend::default()], Length::Seconds(seconds)),
        None => (mechanisms().collect(), Length::Inputs(INPUTS)),
    };
    for backend in backends {
        let mut command = example(name);
        command.stderr(Stdio::piped());
        let mut server = Server::spawn(command, backend, flags);
        let errors = server.errors();
        assert_eq!(server.connect().get("/").status, 200);
        let before = at_rest(&server, 0);
        let inputs = attack(&server, length);
        assert_eq!(server.connect().get("/").status, 200);
        let after = at_rest(&server, before);
        let kib = server.resident_kib();
        eprintln!("{name} on {backend}: {inputs} inputs, {after} descriptors, {kib} KiB");
        server.stop();
        let told = errors.join().unwrap();
        assert!(told.is_empty(), "{told:.4000}");
        assert!(kib < RESIDENT_KIB_MAX, "{kib} KiB");
    }
}

/// How many descriptors a server has open when all clients are gone: `wanted` or fewer, if that
/// comes to be.
fn at_rest(server: &Server, wanted: usize) -> usize {
    let since = Instant::now();
    let mut fewest = server.descriptors();
    while fewest > wanted && since.elapsed() < if wanted == 0 { SHORT } else { LONGEST } {
        std::thread::yield_now();
        fewest = fewest.min(server.descriptors());
    }
    assert!(
        wanted == 0 || fewest <= wanted,
        "{fewest} descriptors for {wanted}"
    );
    fewest
}

const SHORT: Duration = Duration::from_millis(300);

#[test]
fn httpd_survives_whatever_it_is_sent() {
    let big: Vec<u8> = (0..200_000).map(|index| (index / 3) as u8).collect();
    let scratch = Scratch::new();
    scratch.write("a.txt", b"0123456789");
    scratch.write("big.bin", &big);
    scratch.write("empty", b"");
    scratch.write("page/index.html", b"<p>");
    scratch.write("list/b.png", b"");
    symlink(
        scratch.path().join("a.txt"),
        scratch.path().join("absolute"),
    )
    .unwrap();
    symlink("/etc/passwd", scratch.path().join("outside")).unwrap();
    let root = scratch.path().to_str().unwrap();
    survives("httpd", &["--root", root], |server, length| {
        let mut client = server.connect();
        try_out(server, "", length, || {
            client.ask("GET", "/a.txt", "Range: bytes=3-\r\n");
            client.ask("GET", "/big.bin", "");
            assert_eq!(client.answer().text(), "3456789");
            assert!(client.answer().body == big, "it has come to harm");
        })
    });
}

#[test]
fn ws_chat_survives_whatever_it_is_sent() {
    survives("ws_chat", &[], |server, length| {
        let mut files = server.connect();
        let [mut speaker, mut listener] = [(), ()].map(|()| Tab::open(server, "/chat"));
        speaker.say(&json!({ "join": "speaker" }));
        listener.say(&json!({ "join": "listener" }));
        let mut echo = Tab::open(server, "/echo");
        let mut number = 0;
        let mut paths = ["/chat", "/echo"].iter().cycle();
        let mut inputs = 0;
        // By turns, so that both have their share of a long run.
        for share in shares(length) {
            inputs += try_out(server, paths.next().unwrap(), share, || {
                number += 1;
                let said = json!({ "say": format!("witness {number}") });
                speaker.say(&said);
                for tab in [&mut speaker, &mut listener] {
                    assert_eq!(next_of_witness(tab), said["say"], "one is lost");
                }
                echo.0.send(Message::text(number.to_string())).unwrap();
                assert_eq!(echo_of(&mut echo), number.to_string());
                assert!(files.get("/").text().contains("chat.js"));
            });
        }
        inputs
    });
}

/// A length, cut in two or, if it is long, in pieces of two seconds.
fn shares(length: Length) -> Vec<Length> {
    match length {
        Length::Inputs(count) => vec![Length::Inputs(count / 2); 2],
        Length::Seconds(seconds) => vec![Length::Seconds(2); (seconds / 2).max(2) as usize],
    }
}

/// The next text that the witness has said; others say something, too.
fn next_of_witness(tab: &mut Tab) -> Value {
    loop {
        let text = tab.told()["text"].take();
        if text
            .as_str()
            .is_some_and(|text| text.starts_with("witness "))
        {
            return text;
        }
    }
}

fn echo_of(tab: &mut Tab) -> String {
    loop {
        if let Message::Text(text) = tab.0.read().unwrap() {
            return text.to_string();
        }
    }
}

#[test]
fn dashboard_survives_whatever_it_is_sent() {
    survives("dashboard", &[], |server, length| {
        let mut files: Client = server.connect();
        try_out(server, "/live", length, || {
            assert!(files.get("/").text().contains("dashboard.js"));
            // It comes from a timer: the loop and its site are well.
            let mut page = Tab::open(server, "/live");
            assert!(page.told()["rows"].is_array());
            page.close();
        })
    });
}
