use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::rc::Rc;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::{Domain, SockRef, Socket, Type};
use waitset::stream::{AcceptError, AcceptSource, Acceptor};
use waitset::{EventLoop, Key, Mode, WaitSet};

use super::*;
use crate::alone;

/// What a listener's callback was told.
type Told = Result<(TcpStream, SocketAddr), AcceptError<SocketAddr>>;

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[test]
fn a_full_backlog_is_taken_whole_in_bounded_turns() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        socket.bind(&any.into()).unwrap();
        socket.listen(512).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let clients: Vec<_> = (0..256)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        let mut event_loop: Loop<Vec<TcpStream>> = EventLoop::with_reactor(reactor);
        event_loop
            .handle()
            .listen(
                Acceptor::new(TcpListener::from(socket)).unwrap(),
                mode,
                |streams: &mut Vec<_>, accepted, _| streams.push(accepted.unwrap().0),
            )
            .unwrap();
        let mut streams = Vec::new();
        let mut turns = 0;
        while streams.len() < 256 {
            let before = streams.len();
            event_loop.turn(&mut streams, None).unwrap();
            assert!(streams.len() - before <= 32);
            turns += 1;
        }
        assert!((8..=16).contains(&turns), "{turns} turns");
        settle(&mut event_loop, &mut streams);
        for stream in &streams {
            assert_eq!(nonblocking_and_cloexec(stream), (true, true));
        }
        drop(clients);
    });
}

#[test]
fn a_backlog_of_one_serves_all_in_the_end() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        let path = std::env::temp_dir().join(format!("waitset-backlog-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        socket
            .bind(&socket2::SockAddr::unix(&path).unwrap())
            .unwrap();
        socket.listen(1).unwrap();
        let listener = UnixListener::from(socket);
        let mut event_loop: Loop<(usize, usize)> = EventLoop::with_reactor(reactor);
        let handle = event_loop.handle();
        let acceptor = Acceptor::new(listener).unwrap();
        handle
            .listen(
                acceptor,
                mode,
                |counts: &mut (usize, usize), accepted, _| {
                    accepted.unwrap();
                    counts.0 += 1;
                },
            )
            .unwrap();
        for _ in 0..64 {
            handle.connect_unix(
                &path,
                Duration::MAX,
                |counts: &mut (usize, usize), stream, _| {
                    stream.unwrap();
                    counts.1 += 1;
                },
            );
        }
        let mut counts = (0, 0);
        turn_until(&mut event_loop, &mut counts, |counts| *counts == (64, 64));
        std::fs::remove_file(&path).unwrap();
    });
}

#[test]
fn a_listener_that_is_disabled_or_removed_by_its_callback_takes_no_more() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let (listener, address) = listener();
        let clients = [(); 5].map(|()| TcpStream::connect(address).unwrap());
        let mut event_loop: Loop<(Option<Key>, usize)> = EventLoop::with_reactor(reactor);
        let key = event_loop
            .handle()
            .listen(
                Acceptor::new(listener).unwrap(),
                mode,
                |(key, taken): &mut (Option<Key>, usize), accepted, handle| {
                    accepted.unwrap();
                    *taken += 1;
                    match taken {
                        2 => assert!(handle.disable(key.unwrap())),
                        4 => assert!(handle.remove(key.unwrap())),
                        _ => {}
                    }
                },
            )
            .unwrap();
        let mut state = (Some(key), 0);
        turn_until(&mut event_loop, &mut state, |(_, taken)| *taken == 2);
        settle(&mut event_loop, &mut state);
        assert_eq!(state.1, 2);
        event_loop.handle().enable(key).unwrap();
        turn_until(&mut event_loop, &mut state, |(_, taken)| *taken == 4);
        settle(&mut event_loop, &mut state);
        assert_eq!(state.1, 4);
        assert!(event_loop.handle().is_empty());
        drop(clients);
    });
}

/// Leaves this process room for `count` more descriptors.
fn leave(count: u64) {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let next = TcpListener::bind("127.0.0.1:0").unwrap();
    let next = std::os::fd::AsRawFd::as_raw_fd(&next) as u64;
    setrlimit(Resource::RLIMIT_NOFILE, next + count, hard).unwrap();
}

fn unlimited() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
}

#[test]
fn without_descriptors_connections_are_refused_without_a_spin_until_there_are_some_again() {
    let name = "streams::accept::without_descriptors_connections_are_refused_without_a_spin_until_there_are_some_again";
    alone::on_every_mechanism(name, |reactor| {
        let supports_edge = reactor.capabilities().supports(Mode::Edge);
        let mode = if supports_edge {
            Mode::Edge
        } else {
            Mode::Level
        };
        let (listener, address) = listener();
        let mut event_loop: Loop<Vec<Told>> = EventLoop::with_reactor(reactor);
        let acceptor = Acceptor::new(listener).unwrap();
        event_loop
            .handle()
            .listen(acceptor, mode, |told: &mut Vec<Told>, accepted, _| {
                told.push(accepted);
            })
            .unwrap();
        // Five clients; descriptors for two of their peers.
        let mut clients: Vec<_> = (0..5)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        leave(2);
        let mut told = Vec::new();
        turn_until(&mut event_loop, &mut told, |told| told.len() == 5);
        settle(&mut event_loop, &mut told);
        assert!(told[..2].iter().all(Result::is_ok));
        for (told, client) in told[2..].iter().zip(&clients[2..]) {
            let Err(AcceptError::DescriptorLimit { peer, error }) = told else {
                panic!("{told:?}");
            };
            assert_eq!(*peer, client.local_addr().unwrap());
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
        }
        for client in &mut clients[2..] {
            assert_eq!(client.read(&mut [0]).unwrap(), 0, "it sees an end");
        }
        // Two have gone.
        told.clear();
        unlimited();
        let client = TcpStream::connect(address).unwrap();
        turn_until(&mut event_loop, &mut told, |told| told.len() == 1);
        let (_, peer) = told.pop().unwrap().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    });
}

#[test]
fn without_a_reserve_connections_wait_and_the_listener_rests() {
    let name = "streams::accept::without_a_reserve_connections_wait_and_the_listener_rests";
    alone::on_every_mechanism(name, |reactor| {
        let (listener, address) = listener();
        let mut event_loop: Loop<Vec<Told>> = EventLoop::with_reactor(reactor);
        let acceptor = Acceptor::new(listener).unwrap().without_reserve();
        event_loop
            .handle()
            .listen(
                acceptor,
                Mode::Level,
                |told: &mut Vec<Told>, accepted, _| {
                    told.push(accepted);
                },
            )
            .unwrap();
        let client = TcpStream::connect(address).unwrap();
        leave(0);
        let mut told = Vec::new();
        // Pauses of 10, 20 and 40 ms.
        turn_until(&mut event_loop, &mut told, |told| told.len() == 3);
        for (told, millis) in told.iter().zip([10, 20, 40]) {
            let Err(AcceptError::Backoff { error, delay }) = told else {
                panic!("{told:?}");
            };
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
            assert_eq!(*delay, Duration::from_millis(millis));
        }
        let waits = |event_loop: &mut Loop<_>| event_loop.handle().stats().waits;
        assert!(waits(&mut event_loop) <= 20, "it does not spin");
        unlimited();
        turn_until(&mut event_loop, &mut told, |told| told.len() == 4);
        let (_, peer) = told.pop().unwrap().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    });
}

/// Answers as the script has it, then that there is nothing. Readable for as long as there
/// is an answer left.
struct Scripted {
    near: UnixStream,
    script: RefCell<VecDeque<i32>>,
    calls: Rc<RefCell<usize>>,
}

/// Stands for a connection in a script.
const TAKEN: i32 = 0;

fn scripted(script: &[i32]) -> (Scripted, UnixStream) {
    let (near, far) = ready();
    let scripted = Scripted {
        near,
        script: RefCell::new(script.iter().copied().collect()),
        calls: Rc::default(),
    };
    (scripted, far)
}

impl AsFd for Scripted {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.near.as_fd()
    }
}

impl AcceptSource for Scripted {
    type Stream = ();
    type Peer = usize;

    fn try_accept(&self) -> io::Result<((), usize)> {
        *self.calls.borrow_mut() += 1;
        match self.script.borrow_mut().pop_front() {
            None => {
                drain(&self.near);
                Err(ErrorKind::WouldBlock.into())
            }
            Some(TAKEN) => Ok(((), *self.calls.borrow())),
            Some(error) => Err(io::Error::from_raw_os_error(error)),
        }
    }
}

/// One turn of a script, in short.
fn turn(script: &[i32]) -> Vec<String> {
    let (scripted, _far) = scripted(script);
    let acceptor = Acceptor::new(scripted).unwrap();
    let told = acceptor.accept_batch().map(|accepted| match accepted {
        Ok(((), call)) => format!("taken {call}"),
        Err(AcceptError::DescriptorLimit { peer, .. }) => format!("refused {peer}"),
        Err(AcceptError::Aborted(_)) => "lost".to_owned(),
        Err(AcceptError::Backoff { .. }) => "shortage".to_owned(),
        Err(AcceptError::Failed(_)) => "failed".to_owned(),
        Err(other) => panic!("{other}"),
    });
    told.collect()
}

#[test]
fn what_accept_tells_of_one_connection_passes_and_the_next_is_taken() {
    let transient = [
        libc::ECONNABORTED,
        libc::ECONNRESET,
        libc::EPERM,
        libc::EPROTO,
        libc::ENOPROTOOPT,
        libc::EOPNOTSUPP,
        libc::ENETDOWN,
        libc::ENETUNREACH,
        libc::ENONET,
        libc::EHOSTDOWN,
        libc::EHOSTUNREACH,
        libc::ETIMEDOUT,
    ];
    for error in transient {
        assert_eq!(turn(&[error, TAKEN]), ["lost", "taken 2"], "{error}");
    }
    assert_eq!(turn(&[libc::EINTR, TAKEN]), ["taken 2"]);
}

#[test]
fn a_shortage_ends_the_turn_and_so_does_a_broken_listener() {
    for error in [libc::ENOBUFS, libc::ENOMEM] {
        assert_eq!(turn(&[TAKEN, error, TAKEN]), ["taken 1", "shortage"]);
    }
    for error in [libc::EMFILE, libc::ENFILE] {
        // With the reserve's descriptor.
        assert_eq!(turn(&[error, TAKEN, TAKEN]), ["refused 2", "taken 3"]);
        // Somebody else has taken that.
        assert_eq!(turn(&[error, error, TAKEN]), ["shortage"]);
        // The connection has gone meanwhile, and so has the next.
        let gone = libc::ECONNABORTED;
        assert_eq!(
            turn(&[error, gone, gone, TAKEN]),
            ["lost", "lost", "taken 4"]
        );
        assert!(turn(&[error]).is_empty());
    }
    for error in [libc::EINVAL, libc::EBADF, libc::ENOTSOCK, libc::EFAULT] {
        assert_eq!(turn(&[TAKEN, error, TAKEN]), ["taken 1", "failed"]);
    }
}

#[test]
fn errors_of_the_network_that_last_end_the_turn_and_pass_again_after_a_connection() {
    let lost = |last: &'static str| [&["lost"; 7][..], &[last]].concat();
    for error in [libc::EPERM, libc::ENOPROTOOPT, libc::EOPNOTSUPP] {
        assert_eq!(turn(&[error; 20]), lost("failed"), "{error}");
    }
    let network = [
        libc::ENETDOWN,
        libc::ENETUNREACH,
        libc::ENONET,
        libc::EHOSTDOWN,
        libc::EHOSTUNREACH,
    ];
    for error in network {
        assert_eq!(turn(&[error; 20]), lost("shortage"), "{error}");
    }
    // Each of these is one connection, however many there are.
    for error in [
        libc::ECONNABORTED,
        libc::ECONNRESET,
        libc::EPROTO,
        libc::ETIMEDOUT,
    ] {
        assert_eq!(turn(&[error; 20]), ["lost"; 20], "{error}"); // 32 a turn
    }
    let (scripted, _far) = scripted(&[libc::ENETDOWN; 10]);
    let acceptor = Acceptor::new(scripted).unwrap();
    assert_eq!(acceptor.accept_batch().count(), 8);
    for pause in [20, 40] {
        assert_eq!(acceptor.accept_batch().count(), 1, "it rests at once");
        assert_eq!(acceptor.backoff(), Some(Duration::from_millis(pause)));
    }
    let script = &acceptor.get_ref().script;
    *script.borrow_mut() = [TAKEN, libc::ENETDOWN, TAKEN].into();
    assert_eq!(acceptor.accept_batch().count(), 3);
    assert_eq!(acceptor.backoff(), None);
}

/// Something readable that takes no connections, as a mistaken caller passes it.
fn no_listener() -> [(&'static str, TcpListener); 3] {
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    let here = datagrams.local_addr().unwrap();
    datagrams.send_to(b"!", here).unwrap();
    let (connected, mut peer) = tcp_pair();
    peer.write_all(b"!").unwrap();
    let (near, far) = UnixDatagram::pair().unwrap();
    far.send(b"!").unwrap();
    [
        ("UDP", OwnedFd::from(datagrams).into()),
        ("a connection", OwnedFd::from(connected).into()),
        ("Unix datagrams", OwnedFd::from(near).into()),
    ]
}

#[test]
fn a_socket_that_takes_no_connections_has_failed_once_and_is_out_of_the_loop() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Vec<AcceptError<SocketAddr>>> = EventLoop::with_reactor(reactor);
        for (name, listener) in no_listener() {
            let acceptor = Acceptor::new(listener).unwrap();
            let note = |told: &mut Vec<_>, accepted: Result<_, _>, _: &mut In<'_, _>| {
                told.push(accepted.map(drop).unwrap_err());
            };
            event_loop.handle().listen(acceptor, mode, note).unwrap();
            let mut told = Vec::new();
            turn_until(&mut event_loop, &mut told, |told| !told.is_empty());
            settle(&mut event_loop, &mut told);
            assert!(
                matches!(told[..], [AcceptError::Failed(_)]),
                "{name}: {told:?}"
            );
            assert!(event_loop.handle().is_empty());
        }
    });
}

/// TCP says so by `EINVAL`; a Unix socket is readable and returns `EAGAIN` forever.
#[test]
fn a_listener_that_was_shut_down_has_failed_once_and_is_out_of_the_loop() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let mut event_loop: Loop<Vec<AcceptError<()>>> = EventLoop::with_reactor(reactor);
        let name = format!("waitset-shut-down-{}", std::process::id());
        let address = std::os::unix::net::SocketAddr::from_abstract_name(name).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        let same = listener.try_clone().unwrap();
        let acceptor = Acceptor::new(listener).unwrap();
        let note =
            move |told: &mut Vec<_>, accepted: Result<_, _>, _: &mut In<'_, _>| match accepted {
                Ok(_) => SockRef::from(&same).shutdown(Shutdown::Both).unwrap(),
                Err(refusal) => told.push(refusal),
            };
        event_loop.handle().listen(acceptor, mode, note).unwrap();
        let _client = UnixStream::connect_addr(&address).unwrap();
        let mut told = Vec::new();
        turn_until(&mut event_loop, &mut told, |told| !told.is_empty());
        settle(&mut event_loop, &mut told);
        assert!(matches!(told[..], [AcceptError::Failed(_)]), "{told:?}");
        assert!(event_loop.handle().is_empty());
    });
}

#[test]
fn a_filter_that_refuses_every_accept_has_the_listener_fail_once() {
    for backend in waitset::Backend::all() {
        let calls = [libc::SYS_accept4, libc::SYS_accept];
        let refused = waitset_conformance::refusing(&calls, libc::EPERM, || {
            let Ok(reactor) = backend.open() else { return };
            let (listener, address) = listener();
            let mut event_loop: Loop<Vec<Told>> = EventLoop::with_reactor(reactor);
            let acceptor = Acceptor::new(listener).unwrap();
            let note = |told: &mut Vec<_>, accepted, _: &mut In<'_, _>| told.push(accepted);
            let handle = event_loop.handle();
            handle.listen(acceptor, Mode::Level, note).unwrap();
            let _client = TcpStream::connect(address).unwrap();
            let mut told = Vec::new();
            turn_until(&mut event_loop, &mut told, |told| told.len() == 8);
            settle(&mut event_loop, &mut told);
            assert!(matches!(told[7], Err(AcceptError::Failed(_))), "{told:?}");
            assert!(told.len() == 8 && event_loop.handle().is_empty());
        });
        refused.unwrap();
    }
}

#[test]
fn accepted_tcp_streams_send_small_writes_immediately_unless_told_otherwise() {
    on_every_mechanism(|reactor| {
        let mut event_loop: Loop<Vec<TcpStream>> = EventLoop::with_reactor(reactor);
        for is_set in [true, false] {
            let (listener, address) = listener();
            let acceptor = Acceptor::new(listener).unwrap();
            if !is_set {
                let listener = SockRef::from(acceptor.get_ref());
                listener.set_tcp_nodelay(false).unwrap();
            }
            let take = |streams: &mut Vec<_>, accepted: Told, _: &mut In<'_, _>| {
                streams.push(accepted.unwrap().0);
            };
            let handle = event_loop.handle();
            handle.listen(acceptor, Mode::Level, take).unwrap();
            let _client = TcpStream::connect(address).unwrap();
            let mut streams = Vec::new();
            turn_until(&mut event_loop, &mut streams, |streams| streams.len() == 1);
            assert_eq!(streams[0].nodelay().unwrap(), is_set);
        }
    });
}

#[test]
fn a_turn_calls_accept_a_bounded_number_of_times_whatever_it_answers() {
    for answer in [TAKEN, libc::EINTR, libc::ECONNABORTED] {
        let (scripted, _far) = scripted(&[answer; 100]);
        let calls = Rc::clone(&scripted.calls);
        let acceptor = Acceptor::new(scripted).unwrap().with_batch(7);
        for _ in acceptor.accept_batch() {}
        assert_eq!(*calls.borrow(), 7);
        assert!(acceptor.has_more());
    }
    let (scripted, _far) = scripted(&[TAKEN; 7]);
    let acceptor = Acceptor::new(scripted).unwrap().with_batch(7);
    assert_eq!(acceptor.accept_batch().count(), 7);
    assert!(acceptor.has_more(), "it has not seen the end");
    assert_eq!(acceptor.accept_batch().count(), 0);
    assert!(!acceptor.has_more());
}

#[test]
fn pauses_double_to_a_second_and_begin_anew_after_a_connection() {
    let (scripted, _far) = scripted(&[libc::ENOMEM; 10]);
    let acceptor = Acceptor::new(scripted).unwrap();
    let mut pauses = Vec::new();
    for _ in 0..9 {
        assert_eq!(acceptor.accept_batch().count(), 1);
        pauses.push(acceptor.backoff().unwrap().as_millis());
    }
    assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1_000, 1_000]);
    let script = &acceptor.get_ref().script;
    *script.borrow_mut() = [TAKEN, libc::ENOMEM].into();
    assert_eq!(acceptor.accept_batch().count(), 2);
    assert_eq!(acceptor.backoff(), Some(Duration::from_millis(10)));
    assert_eq!(acceptor.accept_batch().count(), 0);
    assert_eq!(acceptor.backoff(), None);
}

#[test]
fn a_listener_that_has_failed_is_out_of_the_loop_before_its_callback_is_told() {
    on_every_mechanism(|reactor| {
        let (scripted, _far) = scripted(&[libc::EINVAL; 9]);
        let mut event_loop: Loop<usize> = EventLoop::with_reactor(reactor);
        event_loop
            .handle()
            .listen(
                Acceptor::new(scripted).unwrap(),
                Mode::Level,
                |told: &mut usize, accepted, handle| {
                    assert!(matches!(accepted, Err(AcceptError::Failed(_))));
                    assert!(handle.is_empty());
                    *told += 1;
                },
            )
            .unwrap();
        let mut told = 0;
        settle(&mut event_loop, &mut told);
        assert_eq!(told, 1);
    });
}

#[test]
fn a_wait_set_accepts_with_the_same_acceptor() {
    on_every_mechanism_and_mode(|reactor, mode| {
        let (listener, address) = listener();
        let mut set: WaitSet<Acceptor<TcpListener>, (), AnyReactor> =
            WaitSet::with_reactor(reactor);
        let acceptor = Acceptor::new(listener).unwrap().with_batch(3);
        let key = set.insert(acceptor, READ, mode).unwrap();
        let clients = [(); 10].map(|()| TcpStream::connect(address).unwrap());
        let mut streams = Vec::new();
        while streams.len() < 10 {
            await_event(&mut set);
            while set.next_event().is_some() {
                let acceptor = set.get(key).unwrap();
                streams.extend(acceptor.accept_batch().map(|accepted| accepted.unwrap().0));
                if acceptor.has_more() || mode == Mode::Oneshot {
                    set.modify(key, READ, mode).unwrap();
                }
            }
        }
        drop(clients);
    });
}
