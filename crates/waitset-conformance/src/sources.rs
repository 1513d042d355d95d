//! Real descriptors in known states.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use nix::fcntl::OFlag;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn, bind, connect, getsockname, send,
    setsockopt, socket, sockopt,
};
use waitset_core::Readiness;

use crate::sys;
use crate::watch::BOUND;

/// A reader and a writer, neither of which blocks.
pub(crate) fn pipe() -> (File, File) {
    let (reader, writer) = nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).unwrap();
    (reader.into(), writer.into())
}

/// A pipe with one byte in it.
pub(crate) fn ready_pipe() -> (File, File) {
    let (reader, mut writer) = pipe();
    writer.write_all(b"!").unwrap();
    (reader, writer)
}

pub(crate) fn unix_pair() -> (UnixStream, UnixStream) {
    let (near, far) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    far.set_nonblocking(true).unwrap();
    (near, far)
}

pub(crate) fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (near, _) = listener.accept().unwrap();
    for stream in [&near, &far] {
        stream.set_nonblocking(true).unwrap();
        stream.set_nodelay(true).unwrap();
    }
    (near, far)
}

/// Sets whether closing the stream resets the connection.
pub(crate) fn linger(stream: &TcpStream, reset: bool) {
    let option = libc::linger {
        l_onoff: reset.into(),
        l_linger: 0,
    };
    setsockopt(stream, sockopt::Linger, &option).unwrap();
}

/// A stream whose peer has reset the connection.
pub(crate) fn reset_stream() -> TcpStream {
    let (near, far) = tcp_pair();
    linger(&far, true);
    drop(far);
    await_sign(&near, Readiness::HANGUP);
    near
}

/// Sends one urgent byte.
pub(crate) fn send_urgent(stream: &TcpStream) {
    let sent = send(stream.as_raw_fd(), b"!", MsgFlags::MSG_OOB).unwrap();
    assert_eq!(sent, 1);
}

/// Closes the writing half.
pub(crate) fn half_close(stream: &UnixStream) {
    stream.shutdown(Shutdown::Write).unwrap();
}

/// Writes until there is no room. Returns how many bytes that took.
pub(crate) fn fill(mut into: impl Write) -> usize {
    let mut filled = 0;
    // Whole pages first and then single bytes: a pipe without room for a page can have room for a
    // byte.
    for block in [&[0; 4096][..], &[0]] {
        loop {
            match into.write(block) {
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
    filled
}

/// Reads until there is nothing left. Returns how many bytes there were, and `true` at end of file.
pub(crate) fn drain(mut from: impl Read) -> (usize, bool) {
    let mut drained = 0;
    let mut buffer = [0; 65_536];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return (drained, true),
            Ok(count) => drained += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return (drained, false),
            Err(error) => panic!("{error}"),
        }
    }
}

/// A TCP socket that has never been connected, and takes an address of its own.
pub(crate) fn fresh_tcp() -> OwnedFd {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    socket(AddressFamily::Inet, SockType::Stream, flags, None).unwrap()
}

/// A connection attempt that was refused. The second socket keeps the port, so that nobody accepts.
pub(crate) fn refused_connection() -> (TcpStream, OwnedFd) {
    let deaf = fresh_tcp();
    bind(deaf.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).unwrap();
    let address: SockaddrIn = getsockname(deaf.as_raw_fd()).unwrap();
    let stream = fresh_tcp();
    // EINPROGRESS, or ECONNREFUSED immediately; both end in the same state.
    let _ = connect(stream.as_raw_fd(), &address);
    (stream.into(), deaf)
}

/// A datagram socket with a pending ICMP error, because nobody listens on the port. The second socket
/// keeps the port, and accepts datagrams from itself only.
pub(crate) fn refused_datagram() -> (UdpSocket, UdpSocket) {
    let deaf = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = deaf.local_addr().unwrap();
    deaf.connect(address).unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.set_nonblocking(true).unwrap();
    sender.connect(address).unwrap();
    sender.send(b"?").unwrap();
    await_sign(&sender, Readiness::ERROR);
    (sender, deaf)
}

/// A file of 64 KiB that no longer has a name.
pub(crate) fn regular_file() -> File {
    let path = std::env::temp_dir().join(format!(
        "waitset-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    ));
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(true);
    let mut file = options.open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    file.write_all(&[0; 65_536]).unwrap();
    file
}

/// Descriptors that are always ready: a regular file, a directory, `/dev/null`.
pub(crate) fn always_ready() -> [File; 3] {
    let mut options = File::options();
    [
        regular_file(),
        File::open("/").unwrap(),
        options.read(true).write(true).open("/dev/null").unwrap(),
    ]
}

/// Waits with raw poll(2) until `source` shows `sign`.
///
/// Loopback TCP delivers immediately, unless the machine is busy.
#[track_caller]
pub(crate) fn await_sign(source: impl AsFd, sign: Readiness) {
    let millis = i32::try_from(BOUND.as_millis()).unwrap();
    loop {
        match sys::poll(&source, sign, millis) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            seen => break assert!(seen.unwrap().intersects(sign)),
        }
    }
}

/// Raises this process's limit of descriptors as far as the system allows, and returns it.
pub(crate) fn raise_descriptor_limit() -> usize {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    usize::try_from(hard).unwrap()
}

/// Returns all descriptors of this process, without opening one.
pub(crate) fn open_descriptors() -> Vec<RawFd> {
    let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let numbers = 0..soft.min(65_536) as RawFd;
    numbers
        .filter(|fd| sys::descriptor_flags(*fd).is_some())
        .collect()
}
