use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::thread;

use waitset::stream::{OutputError, WriteBuffer};
use waitset::{Key, WaitSet};

use super::*;
use crate::{alone, sys};

const MEBIBYTE: usize = 1 << 20;

/// Flushes a source in a set until all is written, as its mode wants it.
fn flush<S>(set: &mut WaitSet<S, (), AnyReactor>, key: Key, output: &mut WriteBuffer, mode: Mode)
where
    S: std::os::fd::AsFd,
{
    set.modify(key, output.interest().unwrap(), mode).unwrap();
    loop {
        await_event(set);
        while set.next_event().is_some() {
            if output.flush(set.get(key).unwrap()).unwrap() {
                return;
            }
            if mode == Mode::Oneshot {
                set.modify(key, output.interest().unwrap(), mode).unwrap();
            }
        }
    }
}

#[test]
fn what_a_socket_does_not_take_at_once_follows_in_order_and_the_half_close_after_it() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let (near, mut far) = tcp_pair();
        far.set_nonblocking(false).unwrap();
        let mut set: WaitSet<TcpStream, (), _> = WaitSet::with_reactor(reactor);
        let key = set.insert(near, WRITE, mode).unwrap();
        let mut output = WriteBuffer::new(8 * MEBIBYTE);
        let bytes = numbered(8 * MEBIBYTE);
        let (front, back) = bytes.split_at(1_000);
        let parts = [IoSlice::new(front), IoSlice::new(&[]), IoSlice::new(back)];
        output.send_vectored(set.get(key).unwrap(), &parts).unwrap();
        assert!(!output.is_empty(), "the socket takes less than that");
        output.shutdown(set.get(key).unwrap());
        assert!(!output.is_shut_down() && output.send_capacity() == 0);
        let reader = thread::spawn(move || {
            let mut bytes = Vec::new();
            far.read_to_end(&mut bytes).unwrap();
            far.write_all(b"still open").unwrap();
            bytes
        });
        flush(&mut set, key, &mut output, mode);
        assert!(output.is_shut_down() && output.interest().is_none());
        assert!(reader.join().unwrap() == bytes);
        set.modify(key, READ, Mode::Level).unwrap();
        await_event(&mut set);
        let mut text = [0; 10];
        let mut near = set.get(key).unwrap();
        near.read_exact(&mut text).unwrap();
        assert_eq!(&text, b"still open");
    });
}

#[test]
fn a_full_output_takes_nothing_and_says_what_there_was() {
    let (near, mut far) = pair();
    let mut output = WriteBuffer::new(MEBIBYTE);
    output.send(&near, &numbered(MEBIBYTE)).unwrap();
    let queued = output.len();
    assert!(queued > 0 && output.send_capacity() == MEBIBYTE - queued);
    let refused = output.send_capacity() + 1;
    let full = output.send(&near, &vec![0; refused]).unwrap_err();
    let expected = OutputError::Full {
        refused,
        unsent: queued,
        limit: MEBIBYTE,
    };
    assert_eq!((full, output.len()), (expected, queued));
    assert!(full.to_string().contains("close the connection"));
    let error = std::io::Error::from(full);
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    // What fits is taken.
    output.send(&near, &vec![0; refused - 1]).unwrap();
    assert_eq!(output.send_capacity(), 0);
    let mut taken = 0;
    while !output.flush(&near).unwrap() {
        taken += far.read(&mut [0; 65_536]).unwrap();
    }
    assert!(taken > 0);
}

#[test]
fn a_socket_that_takes_all_at_once_is_never_asked_for_more() {
    let (near, _far) = pair();
    let mut output = WriteBuffer::new(10);
    for _ in 0..100 {
        output.send(&near, b"0123456789").unwrap();
        assert_eq!((output.interest(), output.send_capacity()), (None, 10));
    }
    assert!(output.flush(&near).unwrap());
}

#[test]
fn more_parts_than_one_call_takes_are_written_all() {
    let (near, mut far) = pair();
    let bytes = numbered(3_000);
    let parts: Vec<_> = bytes.chunks(1).map(IoSlice::new).collect();
    let mut output = WriteBuffer::new(MEBIBYTE);
    output.send_vectored(&near, &parts).unwrap();
    assert!(output.is_empty(), "there is room, so no edge will follow");
    let mut read = vec![0; 3_000];
    far.read_exact(&mut read).unwrap();
    assert!(read == bytes);
}

#[test]
fn nothing_is_taken_after_the_end() {
    let (near, mut far) = pair();
    let mut output = WriteBuffer::new(10);
    output.send(&near, b"all").unwrap();
    output.shutdown(&near);
    output.shutdown(&near);
    assert!(output.is_shut_down());
    let closed = output.send(&near, b"more").unwrap_err();
    assert_eq!(closed, OutputError::Closed);
    let error = std::io::Error::from(closed);
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    let mut text = String::new();
    far.read_to_string(&mut text).unwrap();
    assert_eq!(text, "all");
}

#[test]
fn a_send_that_fails_is_told_by_the_next_flush_for_which_an_event_comes() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let (near, far) = pair();
        drop(far);
        let mut set: WaitSet<UnixStream, (), _> = WaitSet::with_reactor(reactor);
        let key = set.insert(near, READ, mode).unwrap();
        let mut output = WriteBuffer::new(10);
        for _ in 0..2 {
            let answer = output.send(set.get(key).unwrap(), b"lost");
            assert_eq!(answer, Err(OutputError::Closed));
            assert!(output.has_failed() && output.send_capacity() == 0);
        }
        set.modify(key, output.interest().unwrap(), mode).unwrap();
        await_event(&mut set);
        let (_, event) = set.next_event().unwrap();
        assert!(event.is_writable());
        let error = output.flush(set.get(key).unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        assert!(output.interest().is_none() && output.is_shut_down());
        assert!(output.flush(set.get(key).unwrap()).unwrap(), "once");
    });
}

#[test]
fn a_reset_amid_writing_is_an_error_and_no_signal() {
    let name = "streams::writing::a_reset_amid_writing_is_an_error_and_no_signal";
    alone::on_every_mechanism(name, |reactor| {
        sys::let_sigpipe_end_this_process();
        let (near, far) = tcp_pair();
        let mut set: WaitSet<TcpStream, (), _> = WaitSet::with_reactor(reactor);
        let key = set.insert(near, WRITE, Mode::Level).unwrap();
        let near = set.get(key).unwrap();
        let mut output = WriteBuffer::new(64 * MEBIBYTE);
        output.send(near, &vec![0; 32 * MEBIBYTE]).unwrap();
        assert!(!output.is_empty());
        reset(far);
        let error = loop {
            await_event(&mut set);
            while set.next_event().is_some() {}
            match output.flush(set.get(key).unwrap()) {
                Ok(is_done) => assert!(!is_done),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(output.is_empty() && output.interest().is_none());
        // And once more where the error has been told: this is what raises the signal.
        let mut output = WriteBuffer::new(10);
        let answer = output.send(set.get(key).unwrap(), b"!");
        assert_eq!(answer, Err(OutputError::Closed));
        let error = output.flush(set.get(key).unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}
