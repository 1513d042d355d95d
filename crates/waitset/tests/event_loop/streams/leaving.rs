//! A peer that leaves while there is nothing to read or write.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::thread;

use nix::sys::socket::{MsgFlags, send};
use waitset::EventLoop;
use waitset::stream::{Connection, Limits, Notice};

use super::connections::{Seen, told};
use super::*;

/// Little, so that it is soon full.
const LITTLE: Limits = Limits::new().with_input(100).with_output(100);

/// Opens a stream whose callback leaves the input as it is.
fn open_idle<S: AsFd + 'static>(
    event_loop: &mut Loop<Seen>,
    stream: S,
    mode: Mode,
) -> Connection<S> {
    let idle = |seen: &mut Seen, connection: &Connection<S>, notice, handle: &mut In<'_, Seen>| {
        if !matches!(notice, Notice::Received) {
            seen.note(connection, notice, handle);
        }
    };
    let handle = event_loop.handle();
    handle
        .insert_stream_with(stream, mode, LITTLE, idle)
        .unwrap()
}

#[track_caller]
fn assert_reset(seen: &Seen) {
    let kind = seen
        .closed
        .as_ref()
        .map(|answer| answer.as_ref().map_err(io::Error::kind));
    assert_eq!(kind, Some(Err(ErrorKind::ConnectionReset)));
}

#[test]
fn a_reset_after_the_end_closes_and_does_not_spin() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let (near, far) = tcp_pair();
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        drop(handle.insert_stream(near, mode, told::<TcpStream>).unwrap());
        far.shutdown(Shutdown::Write).unwrap();
        let mut seen = Seen::default();
        turn_until(&mut event_loop, &mut seen, |seen| seen.has_ended);
        settle(&mut event_loop, &mut seen);
        assert!(seen.closed.is_none(), "the peer may still read");
        reset(far);
        turn_until(&mut event_loop, &mut seen, |seen| seen.closed.is_some());
        assert_reset(&seen);
        assert!(event_loop.handle().is_empty());
        assert_eq!(event_loop.turn(&mut seen, AT_ONCE).unwrap(), 0);
    });
}

#[test]
fn an_end_and_a_reset_that_come_together_are_both_told() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let (near, mut far) = tcp_pair();
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        drop(handle.insert_stream(near, mode, told::<TcpStream>).unwrap());
        far.write_all(b"all").unwrap();
        far.shutdown(Shutdown::Write).unwrap();
        reset(far);
        let mut seen = Seen::default();
        turn_until(&mut event_loop, &mut seen, |seen| seen.closed.is_some());
        assert_reset(&seen);
        assert!(seen.received == b"all" && seen.has_ended);
    });
}

#[test]
fn a_reset_after_the_end_is_heard_when_answers_have_been_sent() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let (near, mut far) = tcp_pair();
        far.shutdown(Shutdown::Write).unwrap();
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        let near = handle.insert_stream(near, mode, told::<TcpStream>).unwrap();
        let mut seen = Seen::default();
        turn_until(&mut event_loop, &mut seen, |seen| seen.has_ended);
        // More than the socket takes at a time, so that it is written by events.
        near.send(&[b'!'; 200_000], &event_loop.handle()).unwrap();
        far.set_nonblocking(false).unwrap();
        let reader = thread::spawn(move || far.read_exact(&mut [0; 200_000]).map(|()| far));
        let queued = |_: &Seen| near.unsent() == 0;
        turn_until(&mut event_loop, &mut seen, queued);
        let far = reader.join().unwrap().unwrap();
        settle(&mut event_loop, &mut seen);
        reset(far);
        turn_until(&mut event_loop, &mut seen, |seen| seen.closed.is_some());
        assert_reset(&seen);
    });
}

#[test]
fn a_reset_after_this_side_has_finished_closes() {
    on_every_mechanism_and_mode(|reactor, mode| {
        for fills in [false, true] {
            let backend: waitset::Backend = reactor.name().parse().unwrap();
            let mut event_loop: Loop<Seen> = EventLoop::with_reactor(backend.open().unwrap());
            let (near, mut far) = tcp_pair();
            let near = open_idle(&mut event_loop, near, mode);
            let mut seen = Seen::default();
            if fills {
                far.write_all(&[b'!'; 100]).unwrap();
                turn_until(&mut event_loop, &mut seen, |seen| seen.filled > 0);
            }
            near.shutdown(&event_loop.handle());
            settle(&mut event_loop, &mut seen);
            reset(far);
            turn_until(&mut event_loop, &mut seen, |seen| seen.closed.is_some());
            assert_reset(&seen);
        }
    });
}

#[test]
fn a_full_input_is_told_once_each_time_that_it_fills() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let (near, mut far) = pair();
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let near = open_idle(&mut event_loop, near, mode);
        far.write_all(&numbered(1_000)).unwrap();
        let mut seen = Seen::default();
        let mut received = Vec::new();
        for filled in 1..=10 {
            turn_until(&mut event_loop, &mut seen, |seen| seen.filled == filled);
            // What comes while it is full changes nothing.
            far.write_all(b"").unwrap();
            settle(&mut event_loop, &mut seen);
            assert_eq!(seen.filled, filled);
            received.extend(near.take(usize::MAX, &mut event_loop.handle()));
        }
        assert!(received == numbered(1_000) && seen.left == 0 && !seen.has_ended);
    });
}

#[test]
fn a_line_that_does_not_fit_is_told_and_its_sender_s_leaving_as_well() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let (near, mut far) = tcp_pair();
        let near = open_idle(&mut event_loop, near, mode);
        far.write_all(&numbered(250)).unwrap();
        let mut seen = Seen::default();
        turn_until(&mut event_loop, &mut seen, |seen| seen.filled > 0);
        settle(&mut event_loop, &mut seen);
        drop(far); // an end, after what is still unread
        turn_until(&mut event_loop, &mut seen, |seen| seen.left > 0);
        settle(&mut event_loop, &mut seen);
        assert_eq!((seen.filled, seen.left, seen.has_ended), (1, 1, false));
        // Nothing is lost if it is consumed after all.
        let mut received = Vec::new();
        while !seen.has_ended {
            received.extend(near.take(usize::MAX, &mut event_loop.handle()));
            event_loop.turn(&mut seen, None).unwrap();
        }
        received.extend(near.take(usize::MAX, &mut event_loop.handle()));
        assert!(received == numbered(250));
        assert_eq!(seen.left, 1);
    });
}

#[test]
fn a_reset_while_the_input_is_full_closes_and_loses_nothing_that_came_before() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let (near, mut far) = tcp_pair();
        let near = open_idle(&mut event_loop, near, mode);
        far.write_all(&numbered(40_000)).unwrap();
        let mut seen = Seen::default();
        turn_until(&mut event_loop, &mut seen, |seen| seen.filled > 0);
        settle(&mut event_loop, &mut seen);
        reset(far);
        turn_until(&mut event_loop, &mut seen, |seen| seen.closed.is_some());
        assert_reset(&seen);
        let received = near.take(usize::MAX, &mut event_loop.handle());
        assert!(received == numbered(40_000), "{}", received.len());
        assert!(event_loop.handle().is_empty());
    });
}

#[test]
fn a_unix_peer_that_closes_while_the_input_is_full_ends_it_and_loses_nothing() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let (near, mut far) = pair();
        let near = open_idle(&mut event_loop, near, mode);
        far.write_all(&numbered(100_000)).unwrap();
        let mut seen = Seen::default();
        turn_until(&mut event_loop, &mut seen, |seen| seen.filled > 0);
        settle(&mut event_loop, &mut seen);
        drop(far);
        turn_until(&mut event_loop, &mut seen, |seen| seen.closed.is_some());
        seen.closed.unwrap().unwrap();
        assert!(seen.has_ended);
        let received = near.take(usize::MAX, &mut event_loop.handle());
        assert!(received == numbered(100_000), "{}", received.len());
    });
}

#[test]
fn a_unix_peer_that_closes_is_heard_although_it_has_ended_before() {
    on_every_mechanism_and_mode(|reactor, mode| {
        for leaves_unread in [false, true] {
            let backend: waitset::Backend = reactor.name().parse().unwrap();
            let mut event_loop: Loop<Seen> = EventLoop::with_reactor(backend.open().unwrap());
            let (near, far) = pair();
            let handle = event_loop.handle();
            let near = handle
                .insert_stream(near, mode, told::<UnixStream>)
                .unwrap();
            far.shutdown(Shutdown::Write).unwrap();
            let mut seen = Seen::default();
            turn_until(&mut event_loop, &mut seen, |seen| seen.has_ended);
            settle(&mut event_loop, &mut seen);
            if leaves_unread {
                near.send(b"unheard", &event_loop.handle()).unwrap();
            }
            drop(far);
            turn_until(&mut event_loop, &mut seen, |seen| seen.closed.is_some());
            match leaves_unread {
                true => assert_reset(&seen),
                false => seen.closed.unwrap().unwrap(),
            }
            assert!(event_loop.handle().is_empty());
        }
    });
}

#[test]
fn urgent_data_at_a_full_input_does_not_spin_and_a_reset_is_heard_after_it() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let (near, mut far) = tcp_pair();
        drop(open_idle(&mut event_loop, near, mode));
        far.write_all(&[b'!'; 200]).unwrap();
        let mut seen = Seen::default();
        turn_until(&mut event_loop, &mut seen, |seen| seen.filled > 0);
        send(far.as_raw_fd(), b"!", MsgFlags::MSG_OOB).unwrap();
        settle(&mut event_loop, &mut seen);
        reset(far);
        turn_until(&mut event_loop, &mut seen, |seen| seen.closed.is_some());
        assert_reset(&seen);
    });
}

#[test]
fn clients_that_send_a_line_without_an_end_and_go_leave_nothing_behind() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<usize> = EventLoop::with_reactor(reactor);
        let mut clients = Vec::new();
        for _ in 0..20 {
            let (near, mut far) = tcp_pair();
            // A naive loop, which knows nothing of `Full`.
            let lines = |closed: &mut usize,
                         connection: &Connection<TcpStream>,
                         notice,
                         handle: &mut In<'_, usize>| {
                while let Some(line) = connection.take_line(handle) {
                    connection.send(&line, handle).unwrap();
                }
                *closed += usize::from(matches!(notice, Notice::Closed(_)));
            };
            let handle = event_loop.handle();
            drop(
                handle
                    .insert_stream_with(near, mode, LITTLE, lines)
                    .unwrap(),
            );
            far.write_all(b"a line\n").unwrap();
            far.write_all(&[b'!'; 1_000]).unwrap();
            clients.push(far);
        }
        let mut closed = 0;
        settle(&mut event_loop, &mut closed);
        for far in clients {
            reset(far);
        }
        turn_until(&mut event_loop, &mut closed, |closed| *closed == 20);
        assert!(event_loop.handle().is_empty());
    });
}
