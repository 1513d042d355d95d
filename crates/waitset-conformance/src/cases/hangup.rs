//! A hang-up or an error reads as readiness, so that the next read or write finds out.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;

use nix::pty::openpty;
use waitset_core::{Event, Interest, Mode, Readiness};

use crate::Make;
use crate::sources::{
    await_sign, drain, fill, fresh_tcp, half_close, pipe, ready_pipe, refused_connection,
    refused_datagram, reset_stream, tcp_pair, unix_pair,
};
use crate::watch::{ALL, P, R, W, Watch, directions, interests};

/// On Linux it is `POLLHUP` without `POLLIN`: who looks for the latter hangs.
pub fn the_end_of_a_drained_pipe_reads_as_readable(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, writer) = ready_pipe();
    watch.register(&reader, 7, R, Mode::Level);
    drain(&reader);
    watch.assert_silent();
    drop(writer);
    assert_eq!(directions(&watch.the_event()), R);
    assert_eq!(drain(&reader), (0, true));
}

/// On Linux it is `POLLERR` without `POLLOUT`.
pub fn a_full_pipe_without_a_reader_reads_as_writable(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, mut writer) = pipe();
    fill(&writer);
    watch.register(&writer, 7, W, Mode::Level);
    watch.assert_silent();
    drop(reader);
    assert_eq!(directions(&watch.the_event()), W);
    assert_eq!(
        writer.write(b"!").unwrap_err().kind(),
        ErrorKind::BrokenPipe
    );
}

/// What is shown of `cause` for each interest: the directions that were asked for and
/// that the capabilities name; without one of those, silence.
fn assert_shown(watch: &mut Watch, source: &OwnedFd, cause: Interest, hint: fn(&Event) -> bool) {
    watch.register(source, 0, ALL, Mode::Level);
    for interest in interests() {
        watch.modify(source, 7, interest, Mode::Level);
        match interest.intersection(cause) {
            None => watch.assert_silent(),
            Some(shown) => {
                let event = watch.the_event();
                assert_eq!(directions(&event), shown);
                assert_eq!(hint(&event), watch.can().hints);
            }
        }
    }
}

pub fn a_hangup_shows_in_every_direction_that_the_capabilities_name(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, _) = pipe();
    let shown = watch.can().hangup_shows_as;
    assert_shown(&mut watch, &reader.into(), shown, Event::is_hangup);
}

pub fn an_error_shows_in_every_direction_that_the_capabilities_name(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, writer) = pipe();
    fill(&writer);
    drop(reader);
    let shown = watch.can().error_shows_as;
    assert_shown(&mut watch, &writer.into(), shown, Event::is_error);
}

pub fn a_reset_reads_as_readiness_in_both_directions(make: Make) {
    let mut watch = Watch::new(make);
    let mut stream = reset_stream();
    for interest in [R, W, R | W] {
        watch.register(&stream, 7, interest, Mode::Level);
        assert_eq!(directions(&watch.the_event()), interest);
        watch.deregister(&stream);
    }
    let error = stream.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

/// netty#4325: who takes a half-close for the end loses what was sent before it.
pub fn a_half_close_leaves_its_tail_to_be_read(make: Make) {
    let mut watch = Watch::new(make);
    let (mut near, far) = unix_pair();
    let sent = fill(&far);
    half_close(&far);
    watch.register(&near, 7, R, Mode::Level);
    let (mut received, mut buffer) = (0, [0; 4096]);
    loop {
        assert!(watch.the_event().is_readable());
        match near.read(&mut buffer).unwrap() {
            0 => break,
            count => received += count,
        }
    }
    assert_eq!(received, sent);
}

/// netty#4013: the peer of an adopted descriptor is noticed as any other.
pub fn a_half_close_reads_as_readable_and_hints_at_it(make: Make) {
    let mut watch = Watch::new(make);
    let (near, far) = tcp_pair();
    let adopted = TcpStream::from(OwnedFd::from(near));
    watch.register(&adopted, 7, R, Mode::Level);
    watch.assert_silent();
    far.shutdown(std::net::Shutdown::Write).unwrap();
    let event = watch.the_event();
    assert_eq!(directions(&event), R);
    assert_eq!(event.is_peer_closed(), watch.can().peer_closed_hint);
    assert!(!event.is_hangup() && !event.is_error());
}

pub fn a_half_close_is_silent_for_those_who_ask_to_write(make: Make) {
    let mut watch = Watch::new(make);
    let (near, far) = unix_pair();
    fill(&near);
    half_close(&far);
    watch.register(&near, 7, W | P, Mode::Level);
    watch.assert_silent();
}

/// libuv#4997: data is left to be read after a terminal has hung up.
pub fn a_terminal_that_hung_up_keeps_its_tail(make: Make) {
    let mut watch = Watch::new(make);
    let terminal = openpty(None, None).unwrap();
    let (mut master, slave) = (std::fs::File::from(terminal.master), terminal.slave);
    nix::unistd::write(&slave, b"tail").unwrap();
    drop(slave);
    await_sign(&master, Readiness::HANGUP);
    watch.register(&master, 7, R, Mode::Level);
    assert_eq!(directions(&watch.the_event()), R);
    let mut buffer = [0; 64];
    assert_eq!(master.read(&mut buffer).unwrap(), 4);
    assert_eq!(directions(&watch.the_event()), R);
    master.read(&mut buffer).unwrap_err();
}

/// Linux says `POLLOUT` and `POLLHUP` of it.
pub fn a_socket_that_was_never_connected_reads_as_ready(make: Make) {
    let mut watch = Watch::new(make);
    let socket = fresh_tcp();
    for interest in [R, W, R | W] {
        watch.register(&socket, 7, interest, Mode::Level);
        assert_eq!(directions(&watch.the_event()), interest);
        watch.deregister(&socket);
    }
}

/// tokio#3879, mio#1523: writable is how a connection attempt ends, well or not.
pub fn a_refused_connection_reads_as_writable(make: Make) {
    let mut watch = Watch::new(make);
    let (stream, _port) = refused_connection();
    watch.register(&stream, 7, W, Mode::Level);
    assert_eq!(directions(&watch.the_event()), W);
    stream.peer_addr().unwrap_err();
}

/// libuv#4447, curl#9209: nobody but the caller can take the error off.
pub fn a_refused_datagram_is_told_until_its_error_is_taken(make: Make) {
    let mut watch = Watch::new(make);
    let (sender, _port) = refused_datagram();
    watch.register(&sender, 7, R, Mode::Level);
    for _ in 0..3 {
        let event = watch.the_event();
        assert_eq!(directions(&event), R);
        assert_eq!(event.is_error(), watch.can().hints);
    }
    let error = sender.take_error().unwrap().unwrap();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    watch.assert_silent();
}

/// h2o#603, cups#4605: without a source there is nothing to say of its hang-up.
pub fn a_hangup_after_deregister_is_silent(make: Make) {
    let mut watch = Watch::new(make);
    let (near, far) = unix_pair();
    watch.register(&near, 7, ALL, Mode::Level);
    watch.deregister(&near);
    drop(far);
    watch.assert_at_rest();
}
