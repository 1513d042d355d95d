use std::io::{self, ErrorKind};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use waitset::stream::{connect_tcp, connect_unix, is_connected};
use waitset::{EventLoop, Mode, WaitSet};

use super::*;

const LONG: Duration = Duration::from_secs(60);

/// A path for a socket, which is removed in the end.
struct Path(PathBuf);

impl Path {
    fn new() -> Self {
        let thread = std::thread::current().id();
        let name = format!("waitset-{}-{thread:?}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A port of this machine that nobody listens at, and what keeps it so.
fn deaf() -> (std::net::SocketAddr, Socket) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (address, socket)
}

/// A listener whose backlog is full, and the connections in it.
fn full_unix(path: &Path) -> (Socket, Vec<UnixStream>) {
    let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    let address = socket2::SockAddr::unix(&path.0).unwrap();
    listener.bind(&address).unwrap();
    listener.listen(0).unwrap();
    let mut waiting = Vec::new();
    let error = loop {
        match connect_unix(&path.0) {
            Ok(stream) => waiting.push(stream),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    (listener, waiting)
}

type Answer<S> = Option<io::Result<S>>;

#[test]
fn a_loop_connects_to_both_families_of_tcp_and_to_unix_sockets() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Vec<TcpStream>> = EventLoop::with_reactor(reactor);
        let mut expected = Vec::new();
        let listeners = ["127.0.0.1:0", "[::1]:0"].map(TcpListener::bind);
        for listener in listeners.iter().flatten() {
            let address = listener.local_addr().unwrap();
            expected.push(address);
            event_loop
                .handle()
                .connect_tcp(address, LONG, |streams: &mut Vec<_>, stream, _| {
                    streams.push(stream.unwrap());
                });
        }
        assert!(!expected.is_empty());
        let mut streams = Vec::new();
        turn_until(&mut event_loop, &mut streams, |streams| {
            streams.len() == expected.len()
        });
        for stream in &streams {
            assert!(expected.contains(&stream.peer_addr().unwrap()));
            assert_eq!(nonblocking_and_cloexec(stream), (true, true));
            assert!(stream.nodelay().unwrap(), "small writes would be delayed");
        }
        assert!(event_loop.handle().is_empty());
    });
    on_every_mechanism(|reactor| {
        let path = Path::new();
        let listener = UnixListener::bind(&path.0).unwrap();
        let mut event_loop: Loop<Answer<UnixStream>> = EventLoop::with_reactor(reactor);
        event_loop
            .handle()
            .connect_unix(&path.0, LONG, |answer, stream, _| *answer = Some(stream));
        let mut answer = None;
        turn_until(&mut event_loop, &mut answer, Option::is_some);
        let stream = answer.unwrap().unwrap();
        assert_eq!(nonblocking_and_cloexec(&stream), (true, true));
        listener.accept().unwrap();
    });
}

#[test]
fn a_refused_attempt_is_an_error_though_its_socket_is_writable() {
    on_every_mechanism(|reactor| {
        let (address, _deaf) = deaf();
        let mut set: WaitSet<TcpStream, (), AnyReactor> = WaitSet::with_reactor(reactor);
        let stream = match connect_tcp(address) {
            Ok(stream) => stream,
            Err(error) => return assert_eq!(error.kind(), ErrorKind::ConnectionRefused),
        };
        let key = set.insert(stream, WRITE, Mode::Level).unwrap();
        await_event(&mut set);
        let (_, event) = set.next_event().unwrap();
        assert!(event.is_writable());
        let error = is_connected(set.get(key).unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_loop_tells_of_a_refusal_once_and_keeps_nothing() {
    on_every_mechanism(|reactor| {
        let (address, _deaf) = deaf();
        let mut event_loop: Loop<Vec<io::Error>> = EventLoop::with_reactor(reactor);
        for _ in 0..10 {
            event_loop
                .handle()
                .connect_tcp(address, LONG, |errors: &mut Vec<_>, stream, _| {
                    errors.push(stream.unwrap_err());
                });
        }
        let mut errors = Vec::new();
        turn_until(&mut event_loop, &mut errors, |errors| errors.len() == 10);
        settle(&mut event_loop, &mut errors);
        assert_eq!(errors.len(), 10);
        for error in &errors {
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        }
        assert!(event_loop.handle().is_empty());
    });
}

#[test]
fn an_unreachable_network_is_told_of() {
    // A broadcast address, which TCP has no route to.
    let address = "127.255.255.255:9".parse().unwrap();
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Answer<TcpStream>> = EventLoop::with_reactor(reactor);
        event_loop
            .handle()
            .connect_tcp(address, LONG, |answer, stream, _| *answer = Some(stream));
        let mut answer = None;
        turn_until(&mut event_loop, &mut answer, Option::is_some);
        let error = answer.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NetworkUnreachable);
    });
}

#[test]
fn a_full_unix_backlog_is_tried_again_until_there_is_room() {
    on_every_mechanism(|reactor| {
        let path = Path::new();
        let (listener, waiting) = full_unix(&path);
        let mut event_loop: Loop<Answer<UnixStream>> = EventLoop::with_reactor(reactor);
        event_loop
            .handle()
            .connect_unix(&path.0, LONG, |answer, stream, _| *answer = Some(stream));
        let mut answer = None;
        for _ in 0..5 {
            event_loop
                .turn(&mut answer, Some(Duration::from_secs(1)))
                .unwrap();
            assert!(answer.is_none());
        }
        let taken = waiting.iter().map(|_| listener.accept().unwrap());
        let taken: Vec<_> = taken.collect();
        turn_until(&mut event_loop, &mut answer, Option::is_some);
        assert!(is_connected(&answer.unwrap().unwrap()).unwrap());
        drop(taken);
    });
}

#[test]
fn a_full_unix_backlog_ends_with_the_deadline_and_not_before() {
    on_every_mechanism(|reactor| {
        let path = Path::new();
        let _full = full_unix(&path);
        let mut event_loop: Loop<Answer<UnixStream>> = EventLoop::with_reactor(reactor);
        let timeout = Duration::from_millis(20);
        let start = Instant::now();
        event_loop
            .handle()
            .connect_unix(&path.0, timeout, |answer, stream, _| *answer = Some(stream));
        let mut answer = None;
        turn_until(&mut event_loop, &mut answer, Option::is_some);
        assert!(start.elapsed() >= timeout);
        let error = answer.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(
            error.to_string().contains("full backlog for 20ms"),
            "{error}"
        );
    });
}

#[test]
fn an_attempt_that_nobody_answers_ends_with_its_deadline_and_closes_its_socket() {
    on_every_mechanism(|reactor| {
        // A full backlog drops what comes.
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
        listener.bind(&any.into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let mut waiting = vec![TcpStream::connect(address).unwrap()];
        let hanging = loop {
            let stream = connect_tcp(address).unwrap();
            // Those that are answered are so within microseconds.
            std::thread::sleep(Duration::from_millis(20));
            match is_connected(&stream).unwrap() {
                true => waiting.push(stream),
                false => break stream,
            }
        };
        let mut event_loop: Loop<Answer<TcpStream>> = EventLoop::with_reactor(reactor);
        let timeout = Duration::from_millis(20);
        let start = Instant::now();
        event_loop
            .handle()
            .connect_tcp(address, timeout, |answer, stream, _| *answer = Some(stream));
        assert_eq!(event_loop.handle().len(), 1);
        let mut answer = None;
        turn_until(&mut event_loop, &mut answer, Option::is_some);
        assert!(start.elapsed() >= timeout);
        let error = answer.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(error.to_string().contains(&address.to_string()), "{error}");
        assert!(event_loop.handle().is_empty());
        drop(hanging);
    });
}

#[test]
fn a_socket_that_never_tried_is_not_connected_though_it_is_writable_and_hung_up() {
    on_every_mechanism(|reactor| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let mut set: WaitSet<TcpStream, (), AnyReactor> = WaitSet::with_reactor(reactor);
        let key = set.insert(socket.into(), WRITE, Mode::Oneshot).unwrap();
        await_event(&mut set);
        let (_, event) = set.next_event().unwrap();
        assert!(event.is_writable());
        assert!(!is_connected(set.get(key).unwrap()).unwrap());
    });
}

#[test]
fn a_socket_that_is_connected_already_is_connected() {
    let (near, far) = tcp_pair();
    assert!(is_connected(&near).unwrap() && is_connected(&far).unwrap());
}

#[test]
fn a_socket_that_has_connected_to_itself_is_refused() {
    let (address, socket) = deaf();
    socket.connect(&address.into()).unwrap();
    let error = is_connected(&TcpStream::from(socket)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert!(error.to_string().contains("itself"), "{error}");
}

#[test]
fn the_callback_runs_after_the_call_even_if_the_answer_is_known_at_once() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Answer<UnixStream>> = EventLoop::with_reactor(reactor);
        event_loop
            .handle()
            .connect_unix("/nobody/listens/here", LONG, |answer, stream, _| {
                *answer = Some(stream);
            });
        let mut answer = None;
        assert_eq!(event_loop.turn(&mut answer, None).unwrap(), 1);
        assert_eq!(answer.unwrap().unwrap_err().kind(), ErrorKind::NotFound);
    });
}
