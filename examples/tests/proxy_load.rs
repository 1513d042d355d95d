//! Moves much through `proxy` on many connections at once, some of which break off.
//!
//! `cargo test -p waitset-examples -- --ignored a_gibibyte --nocapture` moves 1 GiB each way
//! through 200 connections, on every mechanism. Without `--test`, which would not build the
//! example anew.
#![allow(
    clippy::disallowed_macros,
    reason = "the harness captures what a test prints"
)]

mod support;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use socket2::SockRef;
use support::{LONGEST, on_one_by_one};

/// A side writes and reads pieces of this size; no power of two, so that they meet the
/// edges of the proxy's buffers everywhere.
const PIECE: usize = 50_021;

/// How much goes through the proxy.
#[derive(Clone, Copy)]
struct Load {
    connections: u16,
    /// In one direction, on all the connections that survive.
    bytes: u64,
}

/// What becomes of a connection.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Survives,
    ClientBreaks,
    ServerBreaks,
}

impl Fate {
    /// Every fifth breaks off, by turns at one side and at the other.
    fn of(number: u16) -> Self {
        match number % 10 {
            3 => Self::ClientBreaks,
            8 => Self::ServerBreaks,
            _ => Self::Survives,
        }
    }
}

impl Load {
    /// In one direction on one connection.
    fn each(self) -> usize {
        let survivors = (0..self.connections).filter(|one| Fate::of(*one) == Fate::Survives);
        usize::try_from(self.bytes)
            .unwrap()
            .div_ceil(survivors.count())
    }
}

/// One direction of one connection: bytes of which no other has the same in the same place.
#[derive(Clone, Copy)]
struct Bytes(usize);

impl Bytes {
    /// Its piece that begins there, of at most `most` bytes.
    fn piece(self, begin: usize, most: usize) -> &'static [u8] {
        const LENGTH: usize = 1_000_003;
        static NOISE: OnceLock<Vec<u8>> = OnceLock::new();
        let noise = NOISE.get_or_init(|| {
            let mut random = fastrand::Rng::with_seed(1);
            (0..LENGTH).map(|_| random.u8(..)).collect()
        });
        let begin = (begin + self.0 * 2003) % LENGTH;
        &noise[begin..LENGTH.min(begin + most)]
    }

    fn write(self, mut to: &TcpStream, length: usize) -> io::Result<()> {
        let mut done = 0;
        while done < length {
            let piece = self.piece(done, PIECE.min(length - done));
            to.write_all(piece)?;
            done += piece.len();
        }
        Ok(())
    }

    /// Reads to the end, each byte being the one that was sent; how many there were.
    fn read(self, mut from: &TcpStream) -> io::Result<usize> {
        let mut buffer = vec![0; PIECE];
        let mut done = 0;
        loop {
            let count = from.read(&mut buffer)?;
            if count == 0 {
                return Ok(done);
            }
            for (place, byte) in buffer[..count].chunks(1000).zip((0..).step_by(1000)) {
                self.compare(place, done + byte);
            }
            done += count;
        }
    }

    fn compare(self, mut got: &[u8], mut begin: usize) {
        while !got.is_empty() {
            let expected = self.piece(begin, got.len());
            let (now, later) = got.split_at(expected.len());
            assert!(
                now == expected,
                "stream {} is wrong from {begin} on",
                self.0
            );
            begin += now.len();
            got = later;
        }
    }
}

/// One end of a connection, at the client or at the server.
struct End {
    stream: TcpStream,
    number: u16,
    is_client: bool,
}

impl End {
    /// Does its part, and says whether the connection has survived.
    fn play(self, each: usize) -> bool {
        let (sends, reads) = match self.is_client {
            true => (0, 1),
            false => (1, 0),
        };
        let direction = |which| Bytes(usize::from(self.number) * 2 + which);
        let fate = Fate::of(self.number);
        let breaks = match fate {
            Fate::Survives => false,
            Fate::ClientBreaks => self.is_client,
            Fate::ServerBreaks => !self.is_client,
        };
        if breaks {
            // It reads nothing, so that the other's bytes are in all the buffers.
            direction(sends).write(&self.stream, each / 4).unwrap();
            let socket = SockRef::from(&self.stream);
            socket.set_linger(Some(Duration::ZERO)).unwrap();
            return false; // closes it, which resets it
        }
        match (
            self.exchange(direction(sends), direction(reads), each),
            fate,
        ) {
            (Ok(count), Fate::Survives) => assert_eq!(count, each, "{}", self.number),
            (Err(error), fate) if fate != Fate::Survives => assert!(is_reset(&error), "{error}"),
            (answer, _) => panic!("{}: {answer:?}", self.number),
        }
        fate == Fate::Survives
    }

    /// Sends one direction while it reads the other, and half-closes when all is sent.
    fn exchange(&self, sends: Bytes, reads: Bytes, each: usize) -> io::Result<usize> {
        thread::scope(|scope| {
            let writer = scope.spawn(move || {
                sends.write(&self.stream, each)?;
                self.stream.shutdown(Shutdown::Write)
            });
            let count = reads.read(&self.stream);
            writer.join().unwrap()?;
            count
        })
    }
}

/// Of two calls that are under way, one is told of the reset and the other that it is over.
fn is_reset(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, NotConnected};
    matches!(error.kind(), ConnectionReset | BrokenPipe | NotConnected)
}

/// Sets what a call may take, so that a hanging proxy fails the test.
fn with_patience(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(LONGEST)).unwrap();
    stream.set_write_timeout(Some(LONGEST)).unwrap();
    stream
}

/// Serves one connection, if the reset has not overtaken its number.
fn serve(stream: TcpStream, each: usize) -> bool {
    let mut number = [0; 2];
    if let Err(error) = (&stream).read_exact(&mut number) {
        assert!(is_reset(&error), "{error}");
        return false;
    }
    let number = u16::from_be_bytes(number);
    let is_client = false;
    End {
        stream,
        number,
        is_client,
    }
    .play(each)
}

fn pass(load: Load) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap().to_string();
    let each = load.each();
    let survivors = (0..load.connections).filter(|one| Fate::of(*one) == Fate::Survives);
    let expected = survivors.count();
    on_one_by_one("proxy", &["--to", &to], |running| {
        let survived = AtomicUsize::new(0);
        let count = |is_alive| survived.fetch_add(usize::from(is_alive), Ordering::Relaxed);
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..load.connections {
                    let stream = with_patience(listener.accept().unwrap().0);
                    scope.spawn(move || count(serve(stream, each)));
                }
            });
            for number in 0..load.connections {
                let mut stream = with_patience(running.connect().stream);
                stream.write_all(&number.to_be_bytes()).unwrap();
                let is_client = true;
                scope.spawn(move || {
                    count(
                        End {
                            stream,
                            number,
                            is_client,
                        }
                        .play(each),
                    )
                });
            }
        });
        assert_eq!(survived.into_inner(), 2 * expected);
        let said = running.stop();
        assert!(
            said.contains(&format!("passed {} connections on", load.connections)),
            "{said}"
        );
        eprintln!(
            "{expected} survivors, {} bytes each way, all as sent",
            expected * each
        );
    });
}

#[test]
fn every_byte_of_those_that_survive_passes_and_no_break_looks_like_an_end() {
    pass(Load {
        connections: 20,
        bytes: 16 << 20,
    });
}

#[test]
#[ignore = "moves 14 GiB in all"]
fn a_gibibyte_passes_each_way_through_two_hundred_connections() {
    pass(Load {
        connections: 200,
        bytes: 1 << 30,
    });
}
