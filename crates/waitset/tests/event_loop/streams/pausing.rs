//! Reading that is paused.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread;

use waitset::EventLoop;
use waitset::stream::{Connection, Limits};

use super::connections::{Seen, told};
use super::*;

/// Turns until the loop is at rest, and then asserts that not even an event comes.
#[track_caller]
fn assert_silent(event_loop: &mut Loop<Seen>, seen: &mut Seen) {
    settle(event_loop, seen);
    // What was on its way when the reading was paused may still come, and is dropped.
    event_loop.turn(seen, AT_ONCE).unwrap();
    let before = event_loop.handle().stats().events;
    for _ in 0..10 {
        assert_eq!(event_loop.turn(seen, AT_ONCE).unwrap(), 0);
    }
    assert_eq!(event_loop.handle().stats().events, before);
}

/// Writes until the stream is full, and returns how much that was.
fn fill_up(mut stream: impl Write) -> usize {
    let mut written = 0;
    loop {
        match stream.write(&[b'!'; 4_096]) {
            Ok(count) => written += count,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                return written;
            }
        }
    }
}

/// The limits of a connection that nothing fills up.
const LARGE: Limits = Limits::new().with_input(16 << 20).with_output(16 << 20);

fn insert<S: AsFd + 'static>(event_loop: &mut Loop<Seen>, stream: S, mode: Mode) -> Connection<S> {
    let handle = event_loop.handle();
    handle
        .insert_stream_with(stream, mode, LARGE, told::<S>)
        .unwrap()
}

#[test]
fn while_reading_is_paused_nothing_is_read_and_no_event_comes() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let (near, far) = pair();
        let near = insert(&mut event_loop, near, mode);
        let mut seen = Seen::default();
        let mut sent = 0;
        for _ in 0..3 {
            near.pause_reading(&event_loop.handle());
            assert!(near.is_reading_paused());
            sent += fill_up(&far);
            assert_silent(&mut event_loop, &mut seen);
            let received = seen.received.len();
            assert_eq!(fill_up(&far), 0, "the kernel has no more room");
            near.resume_reading(&event_loop.handle());
            assert!(!near.is_reading_paused() && seen.received.len() == received);
            turn_until(&mut event_loop, &mut seen, |seen| {
                seen.received.len() == sent
            });
        }
    });
}

#[test]
fn a_callback_pauses_the_reading_with_the_rest_still_in_the_kernel() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let (near, far) = pair();
        let pause = |seen: &mut Seen,
                     connection: &Connection<UnixStream>,
                     notice,
                     handle: &mut In<'_, Seen>| {
            connection.pause_reading(handle);
            connection.resume_reading(handle);
            connection.pause_reading(handle);
            seen.note(connection, notice, handle);
        };
        let handle = event_loop.handle();
        let near = handle.insert_stream_with(near, mode, LARGE, pause).unwrap();
        let sent = fill_up(&far);
        assert!(sent > 65_536, "more than one event reads");
        let mut seen = Seen::default();
        let mut received = 0;
        while received < sent {
            turn_until(&mut event_loop, &mut seen, |seen| {
                seen.received.len() > received
            });
            received = seen.received.len();
            assert_silent(&mut event_loop, &mut seen);
            assert_eq!(seen.received.len(), received);
            near.resume_reading(&event_loop.handle());
        }
        assert_eq!(received, sent);
    });
}

#[test]
fn writing_continues_while_reading_is_paused() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let (near, mut far) = pair();
        let near = insert(&mut event_loop, near, mode);
        far.write_all(b"question").unwrap();
        near.pause_reading(&event_loop.handle());
        near.send(&numbered(1 << 20), &event_loop.handle()).unwrap();
        assert!(near.unsent() > 0, "the socket takes less");
        let mut seen = Seen::default();
        assert_silent(&mut event_loop, &mut seen);
        far.set_nonblocking(false).unwrap();
        let reader = thread::spawn(move || {
            let mut bytes = vec![0; 1 << 20];
            far.read_exact(&mut bytes).map(|()| (bytes, far))
        });
        turn_until(&mut event_loop, &mut seen, |_| near.unsent() == 0);
        let (bytes, _far) = reader.join().unwrap().unwrap();
        assert!(bytes == numbered(1 << 20) && seen.received.is_empty());
        assert_silent(&mut event_loop, &mut seen);
        near.resume_reading(&event_loop.handle());
        turn_until(&mut event_loop, &mut seen, |seen| {
            seen.received == b"question"
        });
    });
}

#[test]
fn a_peer_that_leaves_while_reading_is_paused_is_noticed_afterwards_and_nothing_is_lost() {
    on_every_mechanism_and_mode(|reactor, mode| {
        for shuts_down in [false, true] {
            let backend: waitset::Backend = reactor.name().parse().unwrap();
            let mut event_loop: Loop<Seen> = EventLoop::with_reactor(backend.open().unwrap());
            let (near, mut far) = pair();
            let near = insert(&mut event_loop, near, mode);
            let mut seen = Seen::default();
            near.pause_reading(&event_loop.handle());
            far.write_all(&numbered(100_000)).unwrap();
            drop(far);
            if shuts_down {
                near.shutdown(&event_loop.handle());
            }
            assert_silent(&mut event_loop, &mut seen);
            assert!(seen.closed.is_none());
            near.resume_reading(&event_loop.handle());
            turn_until(&mut event_loop, &mut seen, |seen| seen.has_ended);
            assert!(seen.received == numbered(100_000));
            turn_until(&mut event_loop, &mut seen, |seen| seen.closed.is_some());
            assert!(event_loop.handle().is_empty());
        }
    });
}

#[test]
fn a_reset_while_reading_is_paused_is_noticed_by_sending_or_by_resuming() {
    on_every_mechanism_and_mode(|reactor, mode| {
        for sends in [false, true] {
            let backend: waitset::Backend = reactor.name().parse().unwrap();
            let mut event_loop: Loop<Seen> = EventLoop::with_reactor(backend.open().unwrap());
            let (near, far) = tcp_pair();
            let near: Connection<TcpStream> = insert(&mut event_loop, near, mode);
            let mut seen = Seen::default();
            near.pause_reading(&event_loop.handle());
            reset(far);
            assert_silent(&mut event_loop, &mut seen);
            match sends {
                true => assert!(near.send(b"!", &event_loop.handle()).is_err()),
                false => near.resume_reading(&event_loop.handle()),
            }
            turn_until(&mut event_loop, &mut seen, |seen| seen.closed.is_some());
            let error = seen.closed.unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
    });
}

#[test]
fn a_full_input_that_is_paused_and_consumed_is_read_on_only_when_resumed() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let (near, mut far) = pair();
        let idle = |seen: &mut Seen,
                    connection: &Connection<UnixStream>,
                    notice,
                    handle: &mut In<'_, Seen>| {
            if !matches!(notice, waitset::stream::Notice::Received) {
                seen.note(connection, notice, handle);
            }
        };
        let limits = Limits::new().with_input(100).with_output(100);
        let handle = event_loop.handle();
        let near = handle.insert_stream_with(near, mode, limits, idle).unwrap();
        far.write_all(&numbered(250)).unwrap();
        let mut seen = Seen::default();
        turn_until(&mut event_loop, &mut seen, |seen| seen.filled == 1);
        near.pause_reading(&event_loop.handle());
        let mut received = near.take(usize::MAX, &mut event_loop.handle());
        assert_silent(&mut event_loop, &mut seen);
        near.resume_reading(&event_loop.handle());
        turn_until(&mut event_loop, &mut seen, |seen| seen.filled == 2);
        // Resumed while it is full, it is not read either, and a leaving peer is noticed.
        near.pause_reading(&event_loop.handle());
        near.resume_reading(&event_loop.handle());
        settle(&mut event_loop, &mut seen);
        assert_eq!(near.input(&mut event_loop.handle()).len(), 100);
        drop(far);
        turn_until(&mut event_loop, &mut seen, |seen| seen.closed.is_some());
        received.extend(near.take(usize::MAX, &mut event_loop.handle()));
        assert!(received == numbered(250));
    });
}

#[test]
fn a_connection_that_is_paused_between_the_wait_and_its_event_writes_and_does_not_read() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let (near, far) = pair();
        let near = insert(&mut event_loop, near, mode);
        near.send(&numbered(1 << 20), &event_loop.handle()).unwrap();
        let mut seen = Seen::default();
        settle(&mut event_loop, &mut seen);
        let unsent = near.unsent();
        assert!(unsent > 0, "the socket takes less");
        // It is readable and writable in one event, and a timer comes before events.
        while let Ok(1..) = (&far).read(&mut [0; 4_096]) {}
        (&far).write_all(b"question").unwrap();
        let paused = near.clone();
        let handle = event_loop.handle();
        handle.arm_after(std::time::Duration::ZERO, move |_, _, handle| {
            paused.pause_reading(handle);
        });
        turn_until(&mut event_loop, &mut seen, |_| near.unsent() < unsent);
        assert!(seen.received.is_empty());
        near.resume_reading(&event_loop.handle());
        let is_read = |seen: &Seen| seen.received == b"question";
        turn_until(&mut event_loop, &mut seen, is_read);
    });
}

#[test]
fn a_reset_after_the_end_is_noticed_though_reading_is_paused() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let (near, far) = tcp_pair();
        let near = insert(&mut event_loop, near, mode);
        far.shutdown(std::net::Shutdown::Write).unwrap();
        let mut seen = Seen::default();
        turn_until(&mut event_loop, &mut seen, |seen| seen.has_ended);
        near.pause_reading(&event_loop.handle());
        settle(&mut event_loop, &mut seen);
        reset(far);
        turn_until(&mut event_loop, &mut seen, |seen| seen.closed.is_some());
        assert!(event_loop.handle().is_empty());
    });
}
