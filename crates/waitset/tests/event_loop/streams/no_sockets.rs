//! Streams that are no sockets: pipes, terminals, a child's standard streams.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{ChildStdout, Command, Stdio};
use std::thread;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;
use waitset::EventLoop;
use waitset::stream::{Connection, Limits, OutputError};

use super::connections::{Seen, told};
use super::*;
use crate::{alone, sys};

fn pipe_of_files() -> (File, File) {
    // Or a child of another test would keep it open.
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
    (reader.into(), writer.into())
}

/// A path of this process, which the caller removes.
fn temporary(what: &str) -> PathBuf {
    let name = format!("waitset-streams-{}.{what}", std::process::id());
    std::env::temp_dir().join(name)
}

fn until_closed(event_loop: &mut Loop<Seen>) -> Seen {
    let mut seen = Seen::default();
    turn_until(event_loop, &mut seen, |seen| seen.closed.is_some());
    assert!(event_loop.handle().is_empty());
    seen
}

#[test]
fn the_read_end_of_a_pipe_is_read_to_its_end_and_closes_well() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        for finishes in [false, true] {
            let (reader, mut writer) = pipe_of_files();
            let tell = move |seen: &mut Seen,
                             connection: &Connection<File>,
                             notice,
                             handle: &mut In<'_, Seen>| {
                let is_end = matches!(notice, waitset::stream::Notice::EndOfFile);
                seen.note(connection, notice, handle);
                if is_end && finishes {
                    connection.shutdown(handle);
                }
            };
            let reader = event_loop
                .handle()
                .insert_stream(reader, mode, tell)
                .unwrap();
            let refused = reader.send(b"!", &event_loop.handle()).unwrap_err();
            assert_eq!(refused, OutputError::Closed);
            assert!(refused.to_string().contains("reading only"));
            writer.write_all(&numbered(50_000)).unwrap();
            drop(writer);
            let seen = until_closed(&mut event_loop);
            seen.closed.unwrap().unwrap();
            assert!(seen.has_ended && seen.received == numbered(50_000));
        }
    });
}

#[test]
fn the_write_end_of_a_pipe_takes_all_in_order_and_its_reader_sees_the_end() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let (mut reader, writer) = pipe_of_files();
        let limits = Limits::new().with_output(1 << 20);
        let handle = event_loop.handle();
        let writer = handle
            .insert_stream_with(writer, mode, limits, told::<File>)
            .unwrap();
        writer.send(&numbered(1 << 20), &handle).unwrap();
        assert!(writer.unsent() > 0, "the pipe takes less than that");
        writer.shutdown(&handle);
        drop(writer);
        let reading = thread::spawn(move || {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).map(|_| bytes)
        });
        let seen = until_closed(&mut event_loop);
        seen.closed.unwrap().unwrap();
        assert!(!seen.has_ended, "it had no input that could end");
        assert!(reading.join().unwrap().unwrap() == numbered(1 << 20));
    });
}

#[test]
fn a_pipe_whose_reader_goes_is_closed_whether_or_not_there_is_something_to_write() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        for bytes in [0, 200_000] {
            let (reader, writer) = pipe_of_files();
            let handle = event_loop.handle();
            let writer = handle.insert_stream(writer, mode, told::<File>).unwrap();
            writer.send(&numbered(bytes), &handle).unwrap();
            settle(&mut event_loop, &mut Seen::default());
            drop(reader);
            let seen = until_closed(&mut event_loop);
            let error = seen.closed.unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        }
    });
}

#[test]
fn a_socket_whose_peer_goes_raises_no_signal_in_a_program_that_does_not_ignore_it() {
    let name = "streams::no_sockets::a_socket_whose_peer_goes_raises_no_signal_in_a_program_that_does_not_ignore_it";
    alone::on_every_mechanism(name, |reactor| {
        sys::let_sigpipe_end_this_process();
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let (near, far) = pair();
        let handle = event_loop.handle();
        let near = handle
            .insert_stream(near, Mode::Level, told::<std::os::unix::net::UnixStream>)
            .unwrap();
        drop(far);
        assert_eq!(near.send(b"!", &handle), Err(OutputError::Closed));
        assert!(until_closed(&mut event_loop).closed.unwrap().is_err());
    });
}

#[test]
fn a_terminal_is_read_and_written() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let terminal = nix::pty::openpty(None, None).unwrap();
        let (near, mut far) = (File::from(terminal.slave), File::from(terminal.master));
        let near = event_loop
            .handle()
            .insert_stream(near, mode, told::<File>)
            .unwrap();
        far.write_all(b"typed\n").unwrap();
        let mut seen = Seen::default();
        turn_until(&mut event_loop, &mut seen, |seen| {
            seen.received == b"typed\n"
        });
        near.send(b"shown", &event_loop.handle()).unwrap();
        let mut shown = [0; 12];
        far.read_exact(&mut shown).unwrap();
        assert_eq!(&shown, b"typed\r\nshown", "the first is the echo");
        far.write_all(&[4]).unwrap(); // Ctrl-D
        turn_until(&mut event_loop, &mut seen, |seen| seen.has_ended);
        settle(&mut event_loop, &mut seen);
        near.shutdown(&event_loop.handle());
        turn_until(&mut event_loop, &mut seen, |seen| seen.closed.is_some());
        seen.closed.unwrap().unwrap();
    });
}

#[test]
fn a_child_s_standard_streams_are_written_and_read() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (into, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let handle = event_loop.handle();
        // As it is, and as a file.
        let into = handle.insert_stream(into, mode, |_, _, _, _| ()).unwrap();
        let from = File::from(OwnedFd::from(from));
        drop(handle.insert_stream(from, mode, told::<File>).unwrap());
        into.send(&numbered(200_000), &handle).unwrap();
        into.shutdown(&handle);
        drop(into); // after which it is closed by the loop
        let seen = until_closed(&mut event_loop);
        seen.closed.unwrap().unwrap();
        assert!(seen.has_ended && seen.received == numbered(200_000));
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn a_regular_file_is_read_to_its_end_and_written() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let path = temporary("file");
        let mut options = File::options();
        let options = options.read(true).write(true);
        let mut file = options.create_new(true).open(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        file.write_all(&numbered(200_000)).unwrap();
        file.rewind().unwrap();
        let handle = event_loop.handle();
        let file = handle.insert_stream(file, mode, told::<File>).unwrap();
        let mut seen = Seen::default();
        turn_until(&mut event_loop, &mut seen, |seen| seen.has_ended);
        assert!(seen.received == numbered(200_000));
        settle(&mut event_loop, &mut seen);
        file.send(b"appended", &event_loop.handle()).unwrap();
        file.shutdown(&event_loop.handle());
        turn_until(&mut event_loop, &mut seen, |seen| seen.closed.is_some());
        seen.closed.unwrap().unwrap();
        assert_eq!(file.stream().metadata().unwrap().len(), 200_008);
    });
}

#[test]
fn a_fifo_that_is_open_in_both_directions_is_written_and_read() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let path = temporary("fifo");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let fifo = File::options().read(true).write(true).open(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        let handle = event_loop.handle();
        let fifo = handle.insert_stream(fifo, mode, told::<File>).unwrap();
        fifo.send(&numbered(200_000), &handle).unwrap();
        assert!(fifo.unsent() > 0, "it takes less than that");
        let mut seen = Seen::default();
        let is_all = |seen: &Seen| seen.received.len() == 200_000;
        turn_until(&mut event_loop, &mut seen, is_all);
        assert!(seen.received == numbered(200_000));
    });
}

#[test]
fn a_child_that_is_read_slowly_waits() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Seen> = EventLoop::with_reactor(reactor);
        let mut child = Command::new("head")
            .args(["-c", "300000", "/dev/zero"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let handle = event_loop.handle();
        let from = child.stdout.take().unwrap();
        let from = handle
            .insert_stream(from, mode, told::<ChildStdout>)
            .unwrap();
        from.pause_reading(&handle);
        let mut seen = Seen::default();
        settle(&mut event_loop, &mut seen);
        // A pipe holds less, so the child cannot have ended.
        assert!(child.try_wait().unwrap().is_none() && seen.received.is_empty());
        from.resume_reading(&event_loop.handle());
        let seen = until_closed(&mut event_loop);
        assert!(seen.has_ended && seen.received == vec![0; 300_000]);
        assert!(child.wait().unwrap().success());
    });
}
