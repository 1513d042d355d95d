//! Connecting, accepting and datagrams, on every mechanism.

mod mechanisms;

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use futures::future::join_all;
use futures::io::{AsyncReadExt, AsyncWriteExt};
use futures::poll;
use socket2::{Domain, SockAddr, Socket, Type};
use waitset::stream::connect_unix;

use mechanisms::{complete, for_each_mechanism, on_every_mechanism};
use waitset_async::{Async, sleep, spawn};

/// A path for a socket of this test's thread, whose file is removed when it is dropped.
struct SocketPath(PathBuf);

impl SocketPath {
    fn new() -> Self {
        let thread = std::thread::current().id();
        let name = format!("waitset-async-{}-{thread:?}.socket", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for SocketPath {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_hundred_clients_of_a_unix_listener_are_echoed() {
    on_every_mechanism(|mut executor| {
        let path = &SocketPath::new();
        complete(&mut executor, async move {
            let listener = Async::<UnixListener>::bind(&path.0).unwrap();
            let server = spawn(async move {
                let mut incoming = listener.incoming();
                while let Some(stream) = incoming.next().await {
                    let stream = stream.unwrap();
                    drop(spawn(async move {
                        futures::io::copy(&stream, &mut &stream).await.unwrap();
                    }));
                }
            });
            let clients = (0..100_u8).map(|number| async move {
                let mut stream = Async::<UnixStream>::connect(&path.0).await.unwrap();
                stream.write_all(&[number; 100]).await.unwrap();
                stream.close().await.unwrap();
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).await.unwrap();
                assert_eq!(answer, [number; 100]);
            });
            join_all(clients).await;
            server.cancel();
        });
    });
}

#[test]
fn connecting_waits_while_the_backlog_of_a_unix_listener_is_full() {
    on_every_mechanism(|mut executor| {
        let path = SocketPath::new();
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        socket.bind(&SockAddr::unix(&path.0).unwrap()).unwrap();
        socket.listen(0).unwrap();
        let mut waiting = Vec::new();
        let error = loop {
            match connect_unix(&path.0) {
                Ok(stream) => waiting.push(stream),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        complete(&mut executor, async {
            let listener = Async::new(UnixListener::from(OwnedFd::from(socket))).unwrap();
            let mut connecting = pin!(Async::<UnixStream>::connect(&path.0));
            assert!(poll!(&mut connecting).is_pending());
            listener.accept().await.unwrap();
            connecting.await.unwrap();
        });
    });
}

#[test]
fn connecting_to_no_listener_is_an_error() {
    on_every_mechanism(|mut executor| {
        let path = SocketPath::new();
        complete(&mut executor, async {
            let error = Async::<UnixStream>::connect(&path.0).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            drop(Async::<UnixListener>::bind(&path.0).unwrap());
            let error = Async::<UnixStream>::connect(&path.0).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            let error = Async::<UnixListener>::bind(&path.0).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddrInUse);
        });
    });
}

#[cfg(feature = "stream")]
#[test]
fn incoming_connections_are_a_stream() {
    use futures::StreamExt;

    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
            let address = listener.get_ref().local_addr().unwrap();
            let clients = spawn(async move {
                let clients = (0..20).map(|_| Async::<TcpStream>::connect(address));
                join_all(clients).await
            });
            let streams: Vec<_> = listener.incoming().take(20).collect().await;
            let mut peers: Vec<_> = streams
                .iter()
                .map(|stream| {
                    let stream = stream.as_ref().unwrap().get_ref();
                    stream.peer_addr().unwrap()
                })
                .collect();
            let clients = clients.await.unwrap();
            let mut addresses: Vec<_> = clients
                .iter()
                .map(|client| {
                    let client = client.as_ref().unwrap().get_ref();
                    client.local_addr().unwrap()
                })
                .collect();
            peers.sort_unstable();
            addresses.sort_unstable();
            assert_eq!(peers, addresses);
        });
    });
}

#[test]
fn udp_datagrams_go_there_and_back() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let server = Async::<UdpSocket>::bind(([127, 0, 0, 1], 0)).unwrap();
            let address = server.get_ref().local_addr().unwrap();
            let echo = spawn(async move {
                let mut buffer = [0; 64];
                for _ in 0..10 {
                    let (length, peer) = server.recv_from(&mut buffer).await.unwrap();
                    server.send_to(&buffer[..length], peer).await.unwrap();
                }
            });
            let client = Async::<UdpSocket>::bind(([127, 0, 0, 1], 0)).unwrap();
            client.connect(address).unwrap();
            let mut buffer = [0; 64];
            for round in 0..10_u8 {
                assert_eq!(client.send(&[round; 5]).await.unwrap(), 5);
                let peeked = client.peek_from(&mut buffer).await.unwrap();
                assert_eq!((peeked, &buffer[..5]), ((5, address), &[round; 5][..]));
                assert_eq!(client.peek(&mut buffer[..2]).await.unwrap(), 2);
                assert_eq!(client.recv(&mut buffer).await.unwrap(), 5);
                assert_eq!(buffer[..5], [round; 5]);
            }
            echo.await.unwrap();
            assert!(poll!(pin!(client.recv(&mut buffer))).is_pending());
        });
    });
}

#[test]
fn unix_datagrams_go_there_and_back() {
    on_every_mechanism(|mut executor| {
        let path = SocketPath::new();
        complete(&mut executor, async {
            let server = Async::<UnixDatagram>::bind(&path.0).unwrap();
            let client = Async::<UnixDatagram>::unbound().unwrap();
            let mut buffer = [0; 64];
            let mut receive = Box::pin(server.recv_from(&mut buffer));
            assert!(poll!(&mut receive).is_pending());
            assert_eq!(client.send_to(b"hello", &path.0).await.unwrap(), 5);
            let (length, peer) = receive.await.unwrap();
            assert!(length == 5 && peer.is_unnamed());
            assert_eq!(&buffer[..5], b"hello");

            client.connect(&path.0).unwrap();
            assert_eq!(client.send(b"again").await.unwrap(), 5);
            assert_eq!(server.peek(&mut buffer[..3]).await.unwrap(), 3);
            assert_eq!(server.recv(&mut buffer).await.unwrap(), 5);
            assert_eq!(&buffer[..5], b"again");
        });
    });
}

/// Sends until it would wait, and returns how many datagrams were sent.
async fn fill(client: &Async<UnixDatagram>, path: &PathBuf) -> usize {
    let mut sent = 0;
    loop {
        let sending = client.write_with(|socket| match socket.send_to(&[0; 8], path) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            sent => sent.map(|_| true),
        });
        if !sending.await.unwrap() {
            return sent;
        }
        sent += 1;
    }
}

#[test]
fn sending_waits_without_spinning_while_the_queue_of_a_unix_datagram_socket_is_full() {
    for_each_mechanism(|mut executor, capabilities| {
        let path = SocketPath::new();
        let waits = |executor: &waitset_async::Executor| executor.stats().waits;
        let (server, client) = complete(&mut executor, async {
            let server = Async::<UnixDatagram>::bind(&path.0).unwrap();
            let client = Async::<UnixDatagram>::unbound().unwrap();
            assert!(fill(&client, &path.0).await > 0);
            (server, client)
        });
        let before = waits(&executor);
        complete(&mut executor, async {
            let mut sending = pin!(client.send_to(b"late", &path.0));
            let pause = sleep(Duration::from_millis(100));
            let first = futures::future::select(&mut sending, pause).await;
            assert!(matches!(first, futures::future::Either::Right(_)));
        });
        let waited = waits(&executor) - before;
        assert!(waited < 100 || !capabilities.sleeps, "{waited} waits");
        complete(&mut executor, async {
            let mut sending = pin!(client.send_to(b"late", &path.0));
            assert!(poll!(&mut sending).is_pending());
            server.recv(&mut [0; 8]).await.unwrap();
            assert_eq!(sending.await.unwrap(), 4);
        });
    });
}

#[test]
fn sending_to_a_connected_unix_datagram_socket_waits_for_room() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (near, far) = Async::<UnixDatagram>::pair().unwrap();
            loop {
                let mut sending = pin!(near.send(b"!"));
                if poll!(&mut sending).is_pending() {
                    far.recv(&mut [0; 8]).await.unwrap();
                    assert_eq!(sending.await.unwrap(), 1);
                    break;
                }
            }
        });
    });
}

#[test]
fn peeking_leaves_the_data_of_a_stream() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
            let address = listener.get_ref().local_addr().unwrap();
            let near = Async::<TcpStream>::connect(address).await.unwrap();
            let (mut far, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 8];
            {
                let mut peeking = Box::pin(far.peek(&mut buffer));
                assert!(poll!(&mut peeking).is_pending());
                (&near).write_all(b"hello").await.unwrap();
                assert!(peeking.await.unwrap() > 0);
            }
            far.read_exact(&mut buffer[..5]).await.unwrap();
            assert_eq!(&buffer[..5], b"hello");
        });
    });
}
