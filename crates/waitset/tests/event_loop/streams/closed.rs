//! What a connection returns and reports when a side is closed.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use waitset::EventLoop;
use waitset::stream::{Connection, ForwardError, Limits, Notice, OutputError};

use super::connections::{Seen, told};
use super::*;
use crate::sys::Refuser;

#[test]
fn who_sends_to_a_connection_that_was_removed_by_its_key_is_told_so() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let (near, _far) = pair();
        let mut handle = event_loop.handle();
        let near = handle
            .insert_stream(near, Mode::Level, told::<UnixStream>)
            .unwrap();
        let local = handle.local();
        near.send(b"kept handles send, too", &local).unwrap();
        assert!(handle.remove(near.key()));
        assert_eq!(near.send(b"!", &local), Err(OutputError::Closed));
        assert!(!near.close(&local));
        let answer = near.forward(&near, &mut handle);
        assert_eq!(answer, Err(ForwardError::DestinationClosed));
    });
}

#[test]
fn another_callback_that_sends_after_a_reset_is_told_so_before_the_connection_is() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Vec<&str>> = EventLoop::with_reactor(reactor);
        let (near, far) = tcp_pair();
        let handle = event_loop.handle();
        let closed = |log: &mut Vec<&str>, _: &_, notice, _: &mut In<'_, Vec<&str>>| {
            if let Notice::Closed(Err(error)) = notice {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                log.push("closed");
            }
        };
        let near: Connection<TcpStream> = handle.insert_stream(near, mode, closed).unwrap();
        reset(far);
        near.send(b"lost", &handle).unwrap_err();
        handle.defer(move |log, handle| {
            assert_eq!(near.send(b"again", handle), Err(OutputError::Closed));
            log.push("sent");
        });
        let mut log = Vec::new();
        turn_until(&mut event_loop, &mut log, |log| log.len() == 2);
        assert!(event_loop.handle().is_empty());
    });
}

#[test]
fn forward_says_which_side_is_closed_and_keeps_what_it_could_not_send() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let keep = |_: &mut Seen, _: &_, _, _: &mut In<'_, Seen>| ();
        let (from, mut sender) = pair();
        let (to, mut receiver) = pair();
        let mut handle = event_loop.handle();
        let from = handle.insert_stream(from, mode, keep).unwrap();
        let to: Connection<UnixStream> = handle.insert_stream(to, mode, keep).unwrap();
        assert_eq!(from.forward(&to, &mut handle), Ok(0));
        sender.write_all(b"hello").unwrap();
        let mut seen = Seen::default();
        while from.input(&mut event_loop.handle()).is_empty() {
            event_loop.turn(&mut seen, None).unwrap();
        }
        assert_eq!(from.forward(&to, &mut event_loop.handle()), Ok(5));
        // The rest of a source that is closed is forwarded, and then that is said.
        sender.write_all(b" world").unwrap();
        while from.input(&mut event_loop.handle()).is_empty() {
            event_loop.turn(&mut seen, None).unwrap();
        }
        let mut handle = event_loop.handle();
        assert!(from.close(&handle));
        let answer = from.forward(&to, &mut handle);
        assert_eq!(answer, Err(ForwardError::SourceClosed));
        let mut bytes = [0; 11];
        receiver.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"hello world");
        // A destination whose half is shut down takes nothing, and the input stays.
        let (from, mut sender) = pair();
        let from = handle.insert_stream(from, mode, keep).unwrap();
        sender.write_all(b"unheard").unwrap();
        to.shutdown(&handle);
        while from.input(&mut event_loop.handle()).is_empty() {
            event_loop.turn(&mut seen, None).unwrap();
        }
        let answer = from.forward(&to, &mut event_loop.handle());
        assert_eq!(answer, Err(ForwardError::DestinationClosed));
        assert_eq!(from.input(&mut event_loop.handle()).as_slice(), b"unheard");
    });
}

#[test]
fn a_destination_that_is_closed_after_it_had_everything_is_no_error() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let keep = |seen: &mut Seen, _: &_, notice, _: &mut In<'_, Seen>| {
            seen.has_ended |= matches!(notice, Notice::EndOfFile);
        };
        let (from, mut sender) = pair();
        let (to, _receiver) = pair();
        let handle = event_loop.handle();
        let from: Connection<UnixStream> = handle.insert_stream(from, mode, keep).unwrap();
        let to: Connection<UnixStream> = handle.insert_stream(to, mode, keep).unwrap();
        sender.write_all(b"hello").unwrap();
        sender.shutdown(std::net::Shutdown::Write).unwrap();
        let mut seen = Seen::default();
        turn_until(&mut event_loop, &mut seen, |seen| seen.has_ended);
        let mut handle = event_loop.handle();
        assert_eq!(from.forward(&to, &mut handle), Ok(5));
        assert_eq!(from.forward(&to, &mut handle), Ok(0), "it is shut down");
        assert!(to.close(&handle));
        assert_eq!(from.forward(&to, &mut handle), Ok(0));
        assert!(from.close(&handle));
        assert_eq!(from.forward(&to, &mut handle), Ok(0));
    });
}

#[test]
fn a_destination_whose_peer_is_gone_is_closed_to_forward() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Option<ForwardError>> = EventLoop::with_reactor(reactor);
        let (to, receiver) = tcp_pair();
        let (from, mut sender) = pair();
        let handle = event_loop.handle();
        let to = handle.insert_stream(to, mode, |_, _, _, _| ()).unwrap();
        to.pause_reading(&handle); // or it might be closed before
        reset(receiver);
        let forward = move |error: &mut Option<ForwardError>,
                            from: &Connection<UnixStream>,
                            _: Notice,
                            handle: &mut In<'_, Option<ForwardError>>| {
            *error = from.forward(&to, handle).err();
            assert!(from.close(handle));
        };
        drop(handle.insert_stream(from, mode, forward).unwrap());
        sender.write_all(b"hello").unwrap();
        let mut error = None;
        turn_until(&mut event_loop, &mut error, Option::is_some);
        assert_eq!(error, Some(ForwardError::DestinationClosed));
        assert_eq!(sender.read(&mut [0]).unwrap(), 0);
        let error = std::io::Error::from(ForwardError::DestinationClosed);
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_connection_that_the_reactor_cannot_let_go_of_is_closed_all_the_same() {
    on_every_mechanism_and_mode(|inner, mode| {
        for closes in [true, false] {
            let backend: waitset::Backend = inner.name().parse().unwrap();
            let clings = Arc::new(AtomicUsize::new(0));
            let reactor: AnyReactor = Box::new(Refuser {
                inner: backend.open().unwrap(),
                refusals: Arc::default(),
                clings: Arc::clone(&clings),
            });
            let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
            let (near, mut far) = pair();
            let handle = event_loop.handle();
            let near = handle
                .insert_stream(near, mode, told::<UnixStream>)
                .unwrap();
            clings.store(3, Ordering::Relaxed);
            let mut seen = Seen::default();
            if closes {
                far.write_all(b"unread").unwrap();
                assert!(near.close(&handle) && !near.close(&handle));
            } else {
                near.shutdown(&handle);
                drop(far);
                turn_until(&mut event_loop, &mut seen, |seen| seen.closed.is_some());
            }
            // `told` panics at a second `Closed`, or anything after it.
            let is_gone = |event_loop: &mut Loop<Seen>| event_loop.handle().is_empty();
            while !is_gone(&mut event_loop) {
                event_loop.turn(&mut seen, None).unwrap();
            }
            assert!(seen.received.is_empty() && seen.closed.is_some() != closes);
            assert_eq!(clings.load(Ordering::Relaxed), 0);
            let closed = Err(OutputError::Closed);
            assert_eq!(near.send(b"!", &event_loop.handle()), closed);
        }
    });
}

#[test]
fn a_stream_that_cannot_be_inserted_comes_back() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<()> = EventLoop::with_reactor(reactor);
        let local = event_loop.handle().local();
        drop(event_loop);
        let (near, mut far) = pair();
        let fd = near.as_raw_fd();
        let refused = local.insert_stream(near, Mode::Level, |(), _, _, _| ());
        let error = refused.unwrap_err();
        assert_eq!(error.error().kind(), ErrorKind::BrokenPipe);
        let mut near = error.into_source();
        near.write_all(b"!").unwrap();
        assert_eq!((near.as_raw_fd(), far.read(&mut [0]).unwrap()), (fd, 1));
    });
}

#[test]
fn what_only_sends_may_run_while_the_input_is_borrowed() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let (near, mut far) = pair();
        let lines = |seen: &mut Seen,
                     connection: &Connection<UnixStream>,
                     notice,
                     handle: &mut In<'_, Seen>| {
            let local = handle.local();
            let mut input = connection.input(handle);
            while let Some(line) = input.take_line() {
                connection.send(line, &local).unwrap();
                connection.pause_reading(&local);
                connection.resume_reading(&local);
            }
            drop(input);
            if let Notice::EndOfFile = notice {
                connection.shutdown(&local);
            }
            if !matches!(notice, Notice::Received) {
                seen.note(connection, notice, handle);
            }
        };
        let limits = Limits::new().with_input(100).with_output(1 << 20);
        let handle = event_loop.handle();
        let near = handle
            .insert_stream_with(near, mode, limits, lines)
            .unwrap();
        // Outside of the callback, where nobody looks again when it returns.
        {
            let mut handle = event_loop.handle();
            let local = handle.local();
            let input = near.input(&mut handle);
            near.send(b"hello\n", &local).unwrap();
            near.pause_reading(&local);
            near.resume_reading(&local);
            assert!(input.is_empty());
        }
        let text = "one line after the other\n".repeat(40);
        far.set_nonblocking(false).unwrap();
        far.write_all(text.as_bytes()).unwrap();
        far.shutdown(std::net::Shutdown::Write).unwrap();
        let mut seen = Seen::default();
        turn_until(&mut event_loop, &mut seen, |seen| seen.closed.is_some());
        let mut back = String::new();
        far.read_to_string(&mut back).unwrap();
        assert_eq!(back, format!("hello\n{text}"));
    });
}
