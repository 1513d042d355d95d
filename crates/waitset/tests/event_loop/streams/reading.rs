use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::thread;

use nix::sys::socket::{MsgFlags, send};
use waitset::WaitSet;
use waitset::stream::{Fill, ReadBuffer};

use super::*;

/// Reads whatever the script says.
struct Scripted(VecDeque<io::Result<Vec<u8>>>);

impl Read for Scripted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(answer) = self.0.pop_front() else {
            return Err(ErrorKind::WouldBlock.into());
        };
        let mut bytes = answer?;
        let rest = bytes.split_off(bytes.len().min(into.len()));
        if !rest.is_empty() {
            self.0.push_front(Ok(rest));
        }
        bytes.as_slice().read(into)
    }
}

fn scripted(script: Vec<io::Result<&str>>) -> Scripted {
    let answers = script.into_iter();
    Scripted(
        answers
            .map(|answer| answer.map(|text| text.into()))
            .collect(),
    )
}

fn error(kind: ErrorKind) -> io::Result<&'static str> {
    Err(kind.into())
}

#[test]
fn under_edge_only_would_block_drains_and_an_interruption_does_not_count() {
    let script = vec![Ok("a"), error(ErrorKind::Interrupted), Ok("b"), Ok("c")];
    let mut stream = scripted(script);
    let mut input = ReadBuffer::new(100);
    assert_eq!(
        input.fill(&mut stream, Mode::Edge).unwrap(),
        Fill::WouldBlock
    );
    assert_eq!(input.as_slice(), b"abc");
    assert!(!input.has_more());
}

#[test]
fn under_level_a_short_read_saves_the_call_that_would_block() {
    let mut stream = scripted(vec![Ok("a"), Ok("b")]);
    let mut input = ReadBuffer::new(100);
    assert_eq!(
        input.fill(&mut stream, Mode::Level).unwrap(),
        Fill::WouldBlock
    );
    assert_eq!(input.as_slice(), b"a");
}

#[test]
fn only_a_read_of_nothing_is_the_end_and_it_stays_the_end() {
    let mut stream = scripted(vec![Ok("a"), error(ErrorKind::WouldBlock), Ok(""), Ok("b")]);
    let mut input = ReadBuffer::new(100);
    assert_eq!(
        input.fill(&mut stream, Mode::Edge).unwrap(),
        Fill::WouldBlock
    );
    assert!(!input.is_eof() && input.interest() == Some(READ));
    assert_eq!(
        input.fill(&mut stream, Mode::Edge).unwrap(),
        Fill::EndOfFile
    );
    assert!(input.is_eof() && input.interest().is_none());
    assert_eq!(
        input.fill(&mut stream, Mode::Edge).unwrap(),
        Fill::EndOfFile
    );
    assert_eq!(input.as_slice(), b"a");
}

#[test]
fn what_was_read_before_an_error_is_kept() {
    let mut stream = scripted(vec![Ok("a"), error(ErrorKind::ConnectionReset)]);
    let mut input = ReadBuffer::new(100);
    let error = input.fill(&mut stream, Mode::Edge).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(input.as_slice(), b"a");
}

#[test]
fn a_turn_reads_a_bounded_amount_and_says_that_there_is_more() {
    let mut input = ReadBuffer::new(1 << 20);
    for turn in 1..=3 {
        let filled = input.fill(io::repeat(b'!'), Mode::Edge).unwrap();
        assert_eq!(filled, Fill::LimitReached);
        assert_eq!(input.len(), turn * 64 * 1024);
        assert!(input.has_more());
    }
    let mut small = ReadBuffer::new(10);
    assert_eq!(
        small.fill(io::repeat(b'!'), Mode::Level).unwrap(),
        Fill::LimitReached
    );
    assert!(small.is_full() && small.interest().is_none());
    small.consume(1);
    assert_eq!(small.interest(), Some(READ));
}

#[test]
fn lines_are_found_however_they_arrive_and_bytes_are_kept_in_order() {
    let text = b"one\n\ntwo\nthr";
    for step in 1..=text.len() {
        let mut input = ReadBuffer::new(16);
        let mut lines = Vec::new();
        for piece in text.chunks(step) {
            input.fill(piece, Mode::Oneshot).unwrap();
            while let Some(line) = input.take_line() {
                lines.push(line.to_vec());
            }
        }
        assert_eq!(
            lines,
            [&b"one\n"[..], b"\n", b"two\n"],
            "in steps of {step}"
        );
        assert_eq!(input.as_slice(), b"thr");
    }
    // Read past a search that found nothing, and consumed short of it.
    let mut input = ReadBuffer::new(16);
    input.fill(&b"abc"[..], Mode::Level).unwrap();
    assert_eq!(input.take_line(), None);
    input.consume(2);
    input.fill(&b"\nd"[..], Mode::Level).unwrap();
    assert_eq!(input.take_line(), Some(&b"c\n"[..]));
    assert_eq!(input.as_slice(), b"d");
}

#[test]
fn a_buffer_reads_as_its_stream_does() {
    let mut input = ReadBuffer::new(16);
    let error = input.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    input
        .fill(scripted(vec![Ok("ab"), Ok("")]), Mode::Edge)
        .unwrap();
    let mut text = String::new();
    input.read_to_string(&mut text).unwrap();
    assert_eq!(text, "ab");
}

/// Reads a source in a set to its end, as its mode wants it.
fn read_to_end<S>(set: &mut WaitSet<S, (), AnyReactor>, stream: S, mode: Mode) -> Vec<u8>
where
    S: std::os::fd::AsFd,
    for<'s> &'s S: Read,
{
    let key = set.insert(stream, READ, mode).unwrap();
    let mut input = ReadBuffer::new(10_000);
    let mut bytes = Vec::new();
    loop {
        await_event(set);
        while set.next_event().is_some() {
            match input.fill(set.get(key).unwrap(), mode) {
                Ok(_) => {}
                // A terminal whose other side is closed.
                Err(error) if error.raw_os_error() == Some(libc::EIO) => {
                    bytes.extend(input.as_slice());
                    return bytes;
                }
                Err(error) => panic!("{error}"),
            }
            bytes.extend(input.as_slice());
            input.consume(input.len());
            if input.is_eof() {
                set.remove(key);
                return bytes;
            }
            if input.has_more() || mode == Mode::Oneshot {
                set.modify(key, READ, mode).unwrap();
            }
        }
    }
}

#[test]
fn all_that_was_sent_before_the_peer_closed_is_read() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let (near, mut far) = tcp_pair();
        far.set_nonblocking(false).unwrap();
        let writer = thread::spawn(move || {
            far.write_all(&numbered(1 << 20)).unwrap();
            far.shutdown(Shutdown::Write).unwrap();
            far
        });
        let mut set: WaitSet<TcpStream, (), _> = WaitSet::with_reactor(reactor);
        assert!(read_to_end(&mut set, near, mode) == numbered(1 << 20));
        writer.join().unwrap();
    });
}

#[test]
fn a_hang_up_that_comes_with_the_data_loses_none_of_it() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let (near, mut far) = pair();
        far.write_all(&numbered(50_000)).unwrap();
        drop(far); // before anybody looks
        let mut set: WaitSet<UnixStream, (), _> = WaitSet::with_reactor(reactor);
        assert!(read_to_end(&mut set, near, mode) == numbered(50_000));
    });
}

#[test]
fn the_tail_of_a_terminal_is_read_though_reads_are_short_and_it_has_hung_up() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let terminal = nix::pty::openpty(None, None).unwrap();
        let (near, mut far) = (File::from(terminal.master), File::from(terminal.slave));
        use nix::fcntl::{FcntlArg, OFlag, fcntl};
        fcntl(&near, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        for _ in 0..3 {
            far.write_all(&[b'!'; 1_000]).unwrap();
        }
        drop(far);
        let mut set: WaitSet<File, (), _> = WaitSet::with_reactor(reactor);
        assert_eq!(read_to_end(&mut set, near, mode), [b'!'; 3_000]);
    });
}

#[test]
fn a_mark_of_urgent_data_ends_a_read_short_and_loses_nothing() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let (near, mut far) = tcp_pair();
        far.write_all(b"before").unwrap();
        send(far.as_raw_fd(), b"!", MsgFlags::MSG_OOB).unwrap();
        far.write_all(b"after").unwrap();
        drop(far);
        let mut set: WaitSet<TcpStream, (), _> = WaitSet::with_reactor(reactor);
        assert_eq!(read_to_end(&mut set, near, mode), b"beforeafter");
    });
}

#[test]
fn a_flooding_peer_leaves_the_quiet_ones_their_turn() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut set: WaitSet<UnixStream, (), _> = WaitSet::with_reactor(reactor);
        let (near, far) = pair();
        let flood = set.insert(near, READ, mode).unwrap();
        let mut keys = Vec::new();
        let mut peers = Vec::new();
        for _ in 0..99 {
            let (near, far) = ready();
            keys.push(set.insert(near, READ, mode).unwrap());
            peers.push(far);
        }
        // There is always more: what a turn takes is written again.
        let block = [0; 4_096];
        let refill = || while (&far).write(&block).is_ok() {};
        refill();
        let mut served = std::collections::HashSet::new();
        for _ in 0..2 {
            await_event(&mut set);
            while let Some((key, _)) = set.next_event() {
                let mut input = ReadBuffer::new(1 << 20);
                let filled = input
                    .fill(Refilled(set.get(key).unwrap(), &refill), mode)
                    .unwrap();
                assert!(input.len() <= 64 * 1024);
                if filled == Fill::LimitReached || mode == Mode::Oneshot {
                    set.modify(key, READ, mode).unwrap();
                }
                served.insert(key);
            }
        }
        assert!(served.contains(&flood));
        assert!(
            keys.iter().all(|key| served.contains(key)),
            "{}",
            served.len()
        );
        drop(peers);
    });
}

/// A stream whose peer writes after each read.
struct Refilled<'a, F>(&'a UnixStream, &'a F);

impl<F: Fn()> Read for Refilled<'_, F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let answer = self.0.read(into);
        (self.1)();
        answer
    }
}
