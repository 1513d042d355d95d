//! What is ready is reported, as what it is, and nothing else is.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;

use waitset_core::{Events, Mode, Readiness, Token};

use crate::Make;
use crate::sources::{
    always_ready, await_sign, drain, fill, half_close, pipe, ready_pipe, reset_stream, send_urgent,
    tcp_pair, unix_pair,
};
use crate::watch::{ALL, P, R, W, Watch, directions, interests};

pub fn data_reads_as_readable(make: Make) {
    let mut watch = Watch::new(make);
    let (near, mut far) = unix_pair();
    watch.register(&near, 7, R, Mode::Level);
    watch.assert_silent();
    far.write_all(b"!").unwrap();
    let event = watch.the_event();
    assert_eq!(event.token(), Token(7));
    assert_eq!(directions(&event), R);
}

pub fn room_reads_as_writable(make: Make) {
    let mut watch = Watch::new(make);
    let (near, far) = unix_pair();
    watch.register(&near, 7, W, Mode::Level);
    assert_eq!(directions(&watch.the_event()), W);
    fill(&near);
    watch.assert_silent();
    drain(&far);
    assert_eq!(directions(&watch.the_event()), W);
}

pub fn a_pending_connection_reads_as_readable(make: Make) {
    let mut watch = Watch::new(make);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    watch.register(&listener, 7, R, Mode::Level);
    watch.assert_silent();
    let _stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    assert_eq!(directions(&watch.the_event()), R);
}

pub fn every_connection_of_a_backlog_is_reported(make: Make) {
    let mut watch = Watch::new(make);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let _streams: Vec<_> = (0..32)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    watch.register(&listener, 7, R, Mode::Level);
    for _ in 0..32 {
        watch.the_event();
        listener.accept().unwrap();
    }
    watch.assert_silent();
}

pub fn level_readiness_is_reported_for_as_long_as_it_lasts(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, _writer) = ready_pipe();
    watch.register(&reader, 7, R, Mode::Level);
    for _ in 0..100 {
        assert_eq!(directions(&watch.the_event()), R);
    }
    drain(&reader);
    watch.assert_silent();
}

/// A wait that only looks finds what is ready, whatever the kernel saw of the source before.
pub fn a_source_that_became_ready_is_found_by_the_first_look(make: Make) {
    for mode in [Mode::Level, Mode::Oneshot] {
        // What the look finds in any case, and whether the buffer was full of it before.
        for (is_woken, fillers) in [(false, 0), (true, 0), (false, 1), (true, 1)] {
            let mut watch = Watch::with_capacity(make, 1);
            let (near, far) = unix_pair();
            fill(&near);
            half_close(&far);
            let (filler, _peer) = unix_pair();
            if fillers > 0 {
                watch.register(&filler, 1, W, Mode::Level);
            }
            // It is not asked whether it can be read.
            watch.register(&near, 7, W, mode);
            assert_eq!(watch.look().len(), fillers);
            drain(&far);
            if is_woken {
                watch.reactor.waker().wake();
            }
            watch.events = Events::with_capacity(8);
            let tokens = watch.look_for_tokens();
            assert!(tokens.contains(&7), "{mode:?} {is_woken} {fillers}");
            assert_eq!(tokens.len(), 1 + fillers);
        }
    }
}

/// It becomes writable, and then its peer goes: two reasons, one event.
pub fn a_level_source_is_reported_once_in_a_wait(make: Make) {
    let mut watch = Watch::with_capacity(make, 1);
    let (near, far) = unix_pair();
    fill(&near);
    half_close(&far);
    watch.register(&near, 7, W, Mode::Level);
    watch.assert_silent();
    let (filler, _peer) = unix_pair();
    watch.register(&filler, 1, W, Mode::Level);
    assert_eq!(watch.look_for_tokens(), [1]);
    drain(&far);
    watch.look();
    drop(far);
    watch.events = Events::with_capacity(8);
    for _ in 0..3 {
        assert_eq!(watch.look_for_tokens(), [1, 7]);
    }
}

pub fn only_what_was_asked_for_is_reported(make: Make) {
    let mut watch = Watch::new(make);
    let (near, mut far) = unix_pair();
    far.write_all(b"!").unwrap();
    watch.register(&near, 7, R, Mode::Level);
    for interest in interests() {
        watch.modify(&near, 7, interest, Mode::Level);
        match interest.intersection(R | W) {
            None => watch.assert_silent(),
            Some(ready) => assert_eq!(directions(&watch.the_event()), ready),
        }
    }
}

pub fn both_directions_come_in_one_event(make: Make) {
    let mut watch = Watch::new(make);
    let (near, mut far) = unix_pair();
    far.write_all(b"!").unwrap();
    watch.register(&near, 7, R | W, Mode::Level);
    assert_eq!(directions(&watch.the_event()), R | W);
}

/// mio 0.8.6 and libuv's `poll_oob`: an urgent byte is `POLLPRI` alone.
pub fn urgent_data_is_a_priority_and_not_readable(make: Make) {
    let mut watch = Watch::new(make);
    let (near, far) = tcp_pair();
    watch.register(&near, 7, R | P, Mode::Level);
    send_urgent(&far);
    await_sign(&near, Readiness::PRIORITY);
    assert_eq!(directions(&watch.the_event()), P);
}

pub fn urgent_data_is_silent_for_those_who_ask_to_read(make: Make) {
    let mut watch = Watch::new(make);
    let (near, far) = tcp_pair();
    watch.register(&near, 7, R, Mode::Level);
    send_urgent(&far);
    await_sign(&near, Readiness::PRIORITY);
    watch.assert_silent();
}

/// io_uring's polls that ask for urgent data alone were not woken by it.
pub fn urgent_data_is_told_to_those_who_ask_for_nothing_else(make: Make) {
    for mode in [Mode::Level, Mode::Oneshot, Mode::Edge] {
        let mut watch = Watch::new(make);
        if !watch.can().supports(mode) {
            continue;
        }
        let (near, mut far) = tcp_pair();
        watch.register(&near, 7, P, mode);
        watch.assert_silent();
        send_urgent(&far);
        assert_eq!(directions(&watch.the_event()), P);
        far.write_all(b"and more").unwrap();
        watch.modify(&near, 7, P | R, mode);
        await_sign(&near, Readiness::READABLE);
        assert_eq!(directions(&watch.the_event()), P | R);
    }
}

/// The same registration asks for more, which has been there.
pub fn data_is_told_to_those_who_asked_for_urgent_data_only(make: Make) {
    let mut watch = Watch::new(make);
    let (near, mut far) = tcp_pair();
    far.write_all(b"!").unwrap();
    await_sign(&near, Readiness::READABLE);
    watch.register(&near, 7, P, Mode::Level);
    for mode in [Mode::Level, Mode::Oneshot] {
        watch.modify(&near, 7, P, mode);
        watch.assert_at_rest();
        watch.modify(&near, 7, P | R, mode);
        assert_eq!(directions(&watch.the_event()), R);
    }
}

/// Whatever comes, a socket wakes those who wait for urgent data (`sock_def_readable` in
/// Linux).
pub fn data_that_comes_is_not_told_as_urgent(make: Make) {
    let mut watch = Watch::new(make);
    let modes = [Mode::Level, Mode::Oneshot, Mode::Edge];
    let can = watch.can();
    for mode in modes.into_iter().filter(|mode| can.supports(*mode)) {
        let (near, mut far) = unix_pair();
        watch.register(&near, 7, P | R, mode);
        watch.assert_silent();
        far.write_all(b"!").unwrap();
        assert_eq!(directions(&watch.the_event()), R);
        drain(&near);
        watch.modify(&near, 7, P, mode);
        watch.assert_silent();
        far.write_all(b"!").unwrap();
        watch.assert_silent();
        watch.deregister(&near);
    }
}

pub fn a_token_comes_back_as_it_was_given(make: Make) {
    let mut watch = Watch::new(make);
    let (reader, _writer) = ready_pipe();
    watch.register(&reader, 0, R, Mode::Level);
    for token in [
        0,
        1,
        u64::from(u32::MAX),
        1 << 32,
        0xdead_beef_cafe,
        Token::MAX.0,
    ] {
        for mode in [Mode::Level, Mode::Oneshot] {
            watch.modify(&reader, token, R, mode);
            assert_eq!(watch.the_event().token(), Token(token));
        }
    }
}

pub fn two_sources_may_share_a_token(make: Make) {
    let mut watch = Watch::new(make);
    let (one, two) = (ready_pipe(), ready_pipe());
    watch.register(&one.0, 7, R, Mode::Level);
    watch.register(&two.0, 7, R, Mode::Level);
    assert_eq!(watch.look_for_tokens(), [7, 7]);
    watch.deregister(&one.0);
    assert_eq!(watch.look_for_tokens(), [7]);
}

pub fn no_event_is_empty(make: Make) {
    let (reader, writer) = pipe();
    let (drained, _) = pipe();
    let (near, far) = unix_pair();
    let (urged, urging) = tcp_pair();
    send_urgent(&urging);
    await_sign(&urged, Readiness::PRIORITY);
    let (reset, files) = (reset_stream(), always_ready());
    let mut sources = vec![
        reader.as_fd(),
        writer.as_fd(),
        drained.as_fd(),
        near.as_fd(),
    ];
    sources.extend([far.as_fd(), urged.as_fd(), urging.as_fd(), reset.as_fd()]);
    sources.extend(files.iter().map(AsFd::as_fd));
    for interest in interests() {
        for mode in [Mode::Level, Mode::Oneshot, Mode::Edge] {
            let mut watch = Watch::new(make);
            if !watch.can().supports(mode) {
                continue;
            }
            for (source, token) in sources.iter().zip(0..) {
                watch.register(source, token, interest, mode);
            }
            for event in watch.look() {
                assert!(interest.contains(directions(&event)), "{event:?}");
            }
        }
    }
}

pub fn hints_are_given_for_a_cause_only(make: Make) {
    let mut watch = Watch::new(make);
    let (near, mut far) = unix_pair();
    far.write_all(b"!").unwrap();
    watch.register(&near, 7, ALL, Mode::Level);
    let event = watch.the_event();
    assert!(!event.is_error() && !event.is_hangup() && !event.is_peer_closed());
}
