//! Connecting, accepting, reading and writing, with a loop and without.

mod accept;
mod closed;
mod connect;
mod connections;
mod leaving;
mod no_sockets;
mod orders;
mod pausing;
mod reading;
mod writing;

use std::net::{TcpListener, TcpStream};

use waitset::{Mode, Reactor, WaitSet};

use crate::mechanisms::*;

/// Runs a test on each mechanism in each of the modes it has.
fn on_every_mechanism_and_mode(test: impl Fn(AnyReactor, Mode) + Sync) {
    for mode in [Mode::Level, Mode::Edge, Mode::Oneshot] {
        eprintln!("{mode:?}");
        on_every_mechanism(|reactor| {
            if reactor.capabilities().supports(mode) {
                test(reactor, mode);
            }
        });
    }
}

/// Waits for an event, and not for ever if none comes.
#[track_caller]
fn await_event<S: std::os::fd::AsFd>(set: &mut WaitSet<S, (), AnyReactor>) {
    let longest = std::time::Duration::from_secs(30);
    assert!(set.wait(Some(longest)).unwrap() > 0, "no event comes");
}

/// Two ends of a connection, which do not block.
fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (far, _) = listener.accept().unwrap();
    near.set_nonblocking(true).unwrap();
    far.set_nonblocking(true).unwrap();
    (near, far)
}

/// Closes a stream so that its peer sees a reset instead of an end.
fn reset(stream: TcpStream) {
    let socket = socket2::Socket::from(stream);
    socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
}

/// Bytes that show if any is lost, doubled or out of place.
fn numbered(len: usize) -> Vec<u8> {
    let words = (0_u32..).flat_map(|number| number.wrapping_mul(0x9E37_79B1).to_le_bytes());
    words.take(len).collect()
}

/// Whether a descriptor does not block, and is closed by programs that are executed.
fn nonblocking_and_cloexec(stream: impl std::os::fd::AsFd) -> (bool, bool) {
    use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
    let status = fcntl(&stream, FcntlArg::F_GETFL).unwrap();
    let flags = fcntl(&stream, FcntlArg::F_GETFD).unwrap();
    (
        OFlag::from_bits_retain(status).contains(OFlag::O_NONBLOCK),
        FdFlag::from_bits_retain(flags).contains(FdFlag::FD_CLOEXEC),
    )
}
