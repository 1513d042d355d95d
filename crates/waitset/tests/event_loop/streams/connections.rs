use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use waitset::EventLoop;
use waitset::stream::{Connection, ForwardError, Limits, Notice, OutputError};

use super::*;
use crate::sys::Refuser;

/// What a connection was told, and what it has received.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) received: Vec<u8>,
    pub(super) filled: usize,
    pub(super) left: usize,
    pub(super) has_ended: bool,
    drained: usize,
    pub(super) closed: Option<std::io::Result<()>>,
}

impl Seen {
    pub(super) fn note<S: AsFd + 'static>(
        &mut self,
        connection: &Connection<S>,
        notice: Notice,
        handle: &mut In<'_, Self>,
    ) {
        assert!(self.closed.is_none(), "closed is the last notice");
        match notice {
            Notice::Received => self.received.extend(connection.take(usize::MAX, handle)),
            Notice::InputFull => self.filled += 1,
            Notice::HalfClosed => self.left += 1,
            Notice::EndOfFile => self.has_ended = true,
            Notice::Flushed => self.drained += 1,
            Notice::Closed(answer) => self.closed = Some(answer),
            other => panic!("{other:?}"),
        }
    }
}

pub(super) fn told<S: AsFd + 'static>(
    seen: &mut Seen,
    connection: &Connection<S>,
    notice: Notice,
    handle: &mut In<'_, Seen>,
) {
    seen.note(connection, notice, handle);
}

const MEBIBYTE: usize = 1 << 20;

#[test]
fn an_echo_gives_back_a_mebibyte_through_small_buffers_and_ends_after_it() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let (near, far) = tcp_pair();
        far.set_nonblocking(false).unwrap();
        let mut event_loop: Loop<bool> = EventLoop::with_reactor(reactor);
        let limits = Limits::new().with_input(1_000).with_output(700);
        event_loop
            .handle()
            .insert_stream_with(near, mode, limits, |is_over, connection, notice, handle| {
                assert!(connection.unsent() <= 700 && connection.input(handle).len() <= 1_000);
                match notice {
                    Notice::Closed(answer) => {
                        answer.unwrap();
                        *is_over = true;
                    }
                    _ => drop(connection.forward(connection, handle).unwrap()),
                }
            })
            .unwrap();
        let mut writer = far.try_clone().unwrap();
        let client = thread::spawn(move || {
            let mut reader = far;
            let reading = thread::spawn(move || {
                let mut bytes = Vec::new();
                reader.read_to_end(&mut bytes).map(|_| bytes)
            });
            writer.write_all(&numbered(MEBIBYTE)).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
            reading.join().unwrap().unwrap()
        });
        let mut is_over = false;
        turn_until(&mut event_loop, &mut is_over, |is_over| *is_over);
        assert!(client.join().unwrap() == numbered(MEBIBYTE));
        assert!(event_loop.handle().is_empty());
    });
}

#[test]
fn an_echo_with_less_room_to_write_than_to_read_gives_all_back_before_the_end() {
    echo(1_000, 7);
    // The least there is. A Unix socket takes some 200 writes, however small.
    echo(100, 0);
}

fn echo(len: usize, output: usize) {
    on_every_mechanism_and_mode(|reactor, mode| {
        let (near, mut far) = pair();
        let mut event_loop: Loop<usize> = EventLoop::with_reactor(reactor);
        let limits = Limits::new().with_input(1_000).with_output(output);
        let echo = |notices: &mut usize,
                    connection: &Connection<UnixStream>,
                    _: Notice,
                    handle: &mut In<'_, usize>| {
            *notices += 1;
            connection.forward(connection, handle).unwrap();
        };
        let handle = event_loop.handle();
        drop(handle.insert_stream_with(near, mode, limits, echo).unwrap());
        far.write_all(&numbered(len)).unwrap();
        let mut notices = 0;
        turn_until(&mut event_loop, &mut notices, |notices| *notices > 0);
        settle(&mut event_loop, &mut notices);
        let mut back = vec![0; len];
        far.read_exact(&mut back).unwrap();
        assert!(back[..] == numbered(len));
    });
}

#[test]
fn a_proxy_passes_both_directions_on_and_each_end_when_it_comes() {
    type Link = Option<(Connection<UnixStream>, Connection<UnixStream>)>;
    on_every_mechanism_and_mode(|reactor, mode| {
        let (mut client, near) = UnixStream::pair().unwrap();
        let (far, mut server) = UnixStream::pair().unwrap();
        let mut event_loop: Loop<(Link, usize)> = EventLoop::with_reactor(reactor);
        let limits = Limits::new().with_input(4_096).with_output(4_096);
        let pass = |(link, closed): &mut (Link, usize),
                    connection: &Connection<UnixStream>,
                    notice,
                    handle: &mut In<'_, (Link, usize)>| {
            let (near, far) = link.as_ref().unwrap();
            let peer = match connection.key() == near.key() {
                true => far,
                false => near,
            };
            match notice {
                Notice::Flushed => drop(peer.forward(connection, handle).unwrap()),
                Notice::Closed(answer) => {
                    answer.unwrap();
                    *closed += 1;
                }
                _ => drop(connection.forward(peer, handle).unwrap()),
            }
        };
        let handle = event_loop.handle();
        let near = handle.insert_stream_with(near, mode, limits, pass).unwrap();
        let far = handle.insert_stream_with(far, mode, limits, pass).unwrap();
        let asker = thread::spawn(move || {
            client.write_all(&numbered(MEBIBYTE)).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).unwrap();
            answer
        });
        let answerer = thread::spawn(move || {
            let mut question = Vec::new();
            server.read_to_end(&mut question).unwrap();
            server.write_all(&question).unwrap();
        });
        let mut state = (Some((near, far)), 0);
        turn_until(&mut event_loop, &mut state, |(_, closed)| *closed == 2);
        assert!(asker.join().unwrap() == numbered(MEBIBYTE));
        answerer.join().unwrap();
        assert!(event_loop.handle().is_empty());
    });
}

#[test]
fn input_that_is_not_consumed_stops_the_reading_without_a_spin_and_consuming_goes_on() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let (near, mut far) = pair();
        let mut event_loop: Loop<usize> = EventLoop::with_reactor(reactor);
        let limits = Limits::new().with_input(100).with_output(100);
        let connection = event_loop
            .handle()
            .insert_stream_with(near, mode, limits, |notices, _, _, _| *notices += 1)
            .unwrap();
        far.write_all(&numbered(250)).unwrap();
        let mut notices = 0;
        let mut received = Vec::<u8>::new();
        while received.len() < 250 {
            let full = (250 - received.len()).min(100);
            let mut len = 0;
            while len < full {
                event_loop.turn(&mut notices, None).unwrap();
                len = connection.input(&mut event_loop.handle()).len();
            }
            settle(&mut event_loop, &mut notices);
            received.extend(connection.take(full, &mut event_loop.handle()));
        }
        assert!(received == numbered(250));
        assert!((3..=5).contains(&notices), "{notices}");
        drop(far);
        while !connection.input(&mut event_loop.handle()).is_eof() {
            event_loop.turn(&mut notices, None).unwrap();
        }
        settle(&mut event_loop, &mut notices);
    });
}

#[test]
fn another_connection_s_callback_can_send_and_finish() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let (near, mut asker) = pair();
        let (other, mut listener) = pair();
        listener.set_nonblocking(false).unwrap();
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        let other = handle
            .insert_stream(other, mode, told::<UnixStream>)
            .unwrap();
        handle
            .insert_stream(near, mode, move |_, connection, notice, handle| {
                if let Notice::Received = notice {
                    let asked = connection.take(usize::MAX, handle);
                    other.send(&asked, handle).unwrap();
                    other.shutdown(handle);
                }
            })
            .unwrap();
        listener.shutdown(Shutdown::Write).unwrap();
        let mut seen = Seen::default();
        turn_until(&mut event_loop, &mut seen, |seen| seen.has_ended);
        asker.write_all(b"hello").unwrap();
        // It has ended in both directions, one of them out of its own callback's sight.
        turn_until(&mut event_loop, &mut seen, |seen| seen.closed.is_some());
        seen.closed.unwrap().unwrap();
        let mut text = String::new();
        listener.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
        assert_eq!(event_loop.handle().len(), 1);
    });
}

#[test]
fn a_reset_is_told_as_the_last_notice_wherever_it_was_met() {
    on_every_mechanism_and_mode(|reactor, mode| {
        // By a read.
        let (near, far) = tcp_pair();
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        event_loop
            .handle()
            .insert_stream(near, mode, told::<TcpStream>)
            .unwrap();
        reset(far);
        let mut seen = Seen::default();
        turn_until(&mut event_loop, &mut seen, |seen| seen.closed.is_some());
        let error = seen.closed.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        // By a send, outside of its callback.
        let (near, far) = tcp_pair();
        let connection = event_loop
            .handle()
            .insert_stream(near, mode, told::<TcpStream>)
            .unwrap();
        reset(far);
        let mut seen = Seen::default();
        for _ in 0..3 {
            let answer = connection.send(b"!", &event_loop.handle());
            assert_eq!(answer, Err(OutputError::Closed));
        }
        turn_until(&mut event_loop, &mut seen, |seen| seen.closed.is_some());
        assert!(seen.closed.unwrap().is_err());
        assert!(event_loop.handle().is_empty());
    });
}

#[test]
fn a_reset_that_a_send_has_met_reads_as_no_end() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        for last_words in [&b""[..], b"half of a message"] {
            let (near, mut far) = tcp_pair();
            far.write_all(last_words).unwrap();
            let tell = |seen: &mut Seen,
                        connection: &Connection<TcpStream>,
                        notice,
                        handle: &mut In<'_, Seen>| {
                assert!(!connection.input(handle).is_eof());
                seen.note(connection, notice, handle);
            };
            let connection = event_loop.handle().insert_stream(near, mode, tell).unwrap();
            reset(far);
            // It takes the error away, after which a read returns 0.
            let answer = connection.send(b"!", &event_loop.handle());
            assert_eq!(answer, Err(OutputError::Closed));
            let mut seen = Seen::default();
            turn_until(&mut event_loop, &mut seen, |seen| seen.closed.is_some());
            assert!(!seen.has_ended, "half of a message looks whole");
            let error = seen.closed.unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
    });
}

#[test]
fn a_closed_connection_is_told_nothing_and_its_peer_sees_the_end() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let (near, mut far) = pair();
        far.write_all(b"!").unwrap();
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let mut handle = event_loop.handle();
        let connection = handle
            .insert_stream(near, mode, told::<UnixStream>)
            .unwrap();
        assert!(connection.close(&handle));
        assert!(!connection.close(&handle), "it was open once");
        assert!(handle.is_empty());
        let closed = Err(OutputError::Closed);
        assert_eq!(connection.send(b"?", &handle), closed);
        assert_eq!(connection.send(b"", &handle), closed);
        assert_eq!(
            connection.send_vectored(&[IoSlice::new(b"?")], &handle),
            closed
        );
        assert_eq!((connection.send_capacity(), connection.unsent()), (0, 0));
        connection.shutdown(&handle);
        connection.pause_reading(&handle);
        connection.resume_reading(&handle);
        let answer = connection.forward(&connection, &mut handle);
        assert_eq!(answer, Err(ForwardError::DestinationClosed));
        let mut seen = Seen::default();
        settle(&mut event_loop, &mut seen);
        assert!(seen.received.is_empty() && seen.closed.is_none());
        // Although a clone holds the descriptor.
        assert!(connection.stream().as_raw_fd() >= 0);
        assert_eq!(far.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn a_connection_that_its_callback_closes_is_told_nothing_more_though_more_has_come() {
    on_every_mechanism_and_mode(|reactor, mode| {
        for closes_by_key in [false, true] {
            let backend: waitset::Backend = reactor.name().parse().unwrap();
            let mut event_loop: Loop<u32> = EventLoop::with_reactor(backend.open().unwrap());
            let (near, mut far) = pair();
            let handle = event_loop.handle();
            let told = move |notices: &mut u32,
                             connection: &Connection<UnixStream>,
                             _: Notice,
                             handle: &mut In<'_, u32>| {
                *notices += 1;
                connection.send(b"?", handle).unwrap();
                match closes_by_key {
                    true => assert!(handle.remove(connection.key())),
                    false => assert!(connection.close(handle)),
                }
                assert!(handle.is_empty());
            };
            drop(handle.insert_stream(near, mode, told).unwrap());
            // Data, and then the end: two notices for whom it may concern.
            far.write_all(b"!").unwrap();
            far.shutdown(Shutdown::Write).unwrap();
            let mut notices = 0;
            turn_until(&mut event_loop, &mut notices, |notices| *notices > 0);
            settle(&mut event_loop, &mut notices);
            assert_eq!(notices, 1);
        }
    });
}

#[test]
fn drained_is_told_when_a_slow_peer_has_taken_all_and_write_interest_ends_with_it() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let (near, mut far) = pair();
        far.set_nonblocking(false).unwrap();
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let limits = Limits::new().with_output(MEBIBYTE);
        let handle = event_loop.handle();
        let connection = handle
            .insert_stream_with(near, mode, limits, told::<UnixStream>)
            .unwrap();
        connection.send(&numbered(MEBIBYTE), &handle).unwrap();
        assert!(connection.unsent() > 0, "the socket takes less than that");
        let mut seen = Seen::default();
        settle(&mut event_loop, &mut seen);
        assert_eq!(seen.drained, 0);
        let reader = thread::spawn(move || {
            let mut bytes = vec![0; MEBIBYTE];
            far.read_exact(&mut bytes).unwrap();
            (bytes, far)
        });
        turn_until(&mut event_loop, &mut seen, |seen| seen.drained > 0);
        let (bytes, _far) = reader.join().unwrap();
        assert!(bytes == numbered(MEBIBYTE));
        settle(&mut event_loop, &mut seen);
        assert_eq!((seen.drained, connection.unsent()), (1, 0));
    });
}

#[test]
fn a_connection_whose_callback_panicked_goes_on() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let (near, mut far) = pair();
        let mut event_loop: Loop<Vec<u8>> = EventLoop::with_reactor(reactor);
        event_loop
            .handle()
            .insert_stream(
                near,
                mode,
                |text: &mut Vec<u8>, connection, notice, handle| {
                    if let Notice::Received = notice {
                        text.extend(connection.take(usize::MAX, handle));
                        assert!(text.len() > 1, "as the test wants it");
                    }
                },
            )
            .unwrap();
        far.write_all(b"a").unwrap();
        let mut text = Vec::new();
        turn_until_it_panics(&mut event_loop, &mut text);
        far.write_all(b"b").unwrap();
        turn_until(&mut event_loop, &mut text, |text| text == b"ab");
    });
}

/// Turns until a callback has panicked.
fn turn_until_it_panics<State>(event_loop: &mut Loop<State>, state: &mut State) {
    let turned = catch_unwind(AssertUnwindSafe(|| {
        turn_until(event_loop, state, |_| false)
    }));
    assert!(turned.is_err());
}

/// Opens a stream whose callback panics when it is told of input.
fn open_to_panic(
    event_loop: &mut Loop<Seen>,
    near: UnixStream,
    mode: Mode,
) -> Connection<UnixStream> {
    let limits = Limits::new().with_input(10).with_output(MEBIBYTE);
    let panics =
        |seen: &mut Seen, connection: &Connection<_>, notice, handle: &mut In<'_, Seen>| {
            assert!(!matches!(notice, Notice::Received), "as the test wants it");
            seen.note(connection, notice, handle);
        };
    let handle = event_loop.handle();
    handle
        .insert_stream_with(near, mode, limits, panics)
        .unwrap()
}

#[test]
fn the_end_of_input_whose_callback_panicked_is_told() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let (near, mut far) = pair();
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let _near = open_to_panic(&mut event_loop, near, mode);
        far.write_all(b"!").unwrap();
        far.shutdown(Shutdown::Write).unwrap();
        let mut seen = Seen::default();
        turn_until_it_panics(&mut event_loop, &mut seen);
        turn_until(&mut event_loop, &mut seen, |seen| seen.has_ended);
        settle(&mut event_loop, &mut seen);
        assert_eq!((seen.filled, seen.left), (0, 0));
    });
}

#[test]
fn a_callback_that_panicked_is_told_that_the_input_is_full() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let (near, mut far) = pair();
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let _near = open_to_panic(&mut event_loop, near, mode);
        far.write_all(b"0123456789").unwrap();
        let mut seen = Seen::default();
        turn_until_it_panics(&mut event_loop, &mut seen);
        turn_until(&mut event_loop, &mut seen, |seen| seen.filled > 0);
        settle(&mut event_loop, &mut seen);
        assert_eq!(seen.filled, 1, "once");
    });
}

#[test]
fn what_is_queued_is_written_though_the_callback_panicked() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let (near, mut far) = pair();
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let near = open_to_panic(&mut event_loop, near, mode);
        let mut seen = Seen::default();
        near.send(&numbered(MEBIBYTE), &event_loop.handle())
            .unwrap();
        settle(&mut event_loop, &mut seen);
        assert!(near.unsent() > 0, "the socket takes less");
        // It is writable and readable at once.
        let mut bytes = vec![0; MEBIBYTE];
        let mut read = 0;
        while let Ok(count) = far.read(&mut bytes[read..]) {
            read += count;
        }
        far.write_all(b"!").unwrap();
        turn_until_it_panics(&mut event_loop, &mut seen);
        let rest = MEBIBYTE - read;
        far.set_nonblocking(false).unwrap();
        let reading = thread::spawn(move || far.read_exact(&mut bytes[read..]).map(|()| bytes));
        turn_until(&mut event_loop, &mut seen, |seen| seen.drained > 0);
        assert!(rest > 0 && reading.join().unwrap().unwrap() == numbered(MEBIBYTE));
    });
}

#[test]
fn a_change_that_is_refused_is_asked_for_later_as_it_is_wanted_then() {
    on_every_mechanism_and_mode(|inner, mode| {
        let refusals = Arc::new(AtomicUsize::new(0));
        let reactor: AnyReactor = Box::new(Refuser {
            inner,
            refusals: Arc::clone(&refusals),
            clings: Arc::default(),
        });
        let mut event_loop: Loop<usize> = EventLoop::with_reactor(reactor);
        let (near, mut far) = pair();
        let limits = Limits::new().with_input(10).with_output(10);
        let count = |told: &mut usize, _: &_, _, _: &mut In<'_, usize>| *told += 1;
        let handle = event_loop.handle();
        let near = handle
            .insert_stream_with(near, mode, limits, count)
            .unwrap();
        for refused in 1..=3 {
            far.write_all(&[b'!'; 10]).unwrap();
            refusals.store(refused, Ordering::Relaxed);
            let mut told = 0;
            turn_until(&mut event_loop, &mut told, |told| *told > 0);
            near.take(10, &mut event_loop.handle());
            // By then all that was put off has been done.
            let wait = Duration::from_millis(50);
            let handle = event_loop.handle();
            handle.arm_after(wait, |told: &mut usize, _, _| *told = 1_000);
            turn_until(&mut event_loop, &mut told, |told| *told >= 1_000);
            far.write_all(b"?").unwrap();
            turn_until(&mut event_loop, &mut told, |told| *told > 1_000);
            assert_eq!(near.take(10, &mut event_loop.handle()), b"?");
            settle(&mut event_loop, &mut told);
        }
    });
}

#[test]
fn more_parts_than_one_call_takes_reach_the_peer_of_a_connection() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let (near, mut far) = pair();
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        let connection = handle
            .insert_stream(near, mode, told::<UnixStream>)
            .unwrap();
        let mut seen = Seen::default();
        settle(&mut event_loop, &mut seen);
        let bytes = numbered(3_000);
        let parts: Vec<_> = bytes.chunks(1).map(IoSlice::new).collect();
        connection
            .send_vectored(&parts, &event_loop.handle())
            .unwrap();
        settle(&mut event_loop, &mut seen);
        let mut read = vec![0; 3_000];
        far.read_exact(&mut read).unwrap();
        assert!(read == bytes);
    });
}
