//! Host names, several addresses, and threads for what blocks, on every mechanism.
#![cfg(feature = "blocking")]

mod mechanisms;

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::mpsc;

use futures::poll;
use socket2::{Domain, Socket, Type};

use mechanisms::{complete, on_every_mechanism};
use waitset_async::{Async, resolve, spawn, unblock};

fn listener() -> (Async<TcpListener>, SocketAddr) {
    let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
    let address = listener.get_ref().local_addr().unwrap();
    (listener, address)
}

/// An address at which nobody listens, as long as the socket lives, which holds its port.
fn refusing() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

#[test]
fn a_host_name_is_resolved_and_connected_to() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (listener, address) = listener();
            let port = address.port();
            let peers = [
                Async::<TcpStream>::connect(format!("localhost:{port}")).await,
                Async::<TcpStream>::connect(("localhost", port)).await,
                Async::<TcpStream>::connect(("localhost".to_owned(), port)).await,
                Async::<TcpStream>::connect(&*address.to_string()).await,
                Async::<TcpStream>::connect(("127.0.0.1", port)).await,
                Async::<TcpStream>::connect((Ipv4Addr::LOCALHOST, port)).await,
                Async::<TcpStream>::connect(&address).await,
            ];
            for peer in peers {
                let peer = peer.unwrap();
                assert_eq!(peer.get_ref().peer_addr().unwrap(), address);
                listener.accept().await.unwrap();
            }
        });
    });
}

#[test]
fn addresses_are_tried_in_order_until_one_accepts() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let ((_first, first), (_second, second)) = (listener(), listener());
            let (_socket, refused) = refusing();
            let addresses = [refused, first, second];
            let stream = Async::<TcpStream>::connect(&addresses[..]).await.unwrap();
            assert_eq!(stream.get_ref().peer_addr().unwrap(), first);
        });
    });
}

#[test]
fn the_error_is_that_of_the_last_address() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            // TCP has no broadcasts.
            let unreachable = SocketAddr::from((Ipv4Addr::BROADCAST, 1));
            let (_socket, refused) = refusing();
            let addresses = [unreachable, refused];
            let connecting = Async::<TcpStream>::connect(&addresses[..]);
            let last = connecting.await.unwrap_err().kind();
            assert_eq!(last, ErrorKind::ConnectionRefused);

            let addresses = [refused, unreachable];
            let connecting = Async::<TcpStream>::connect(&addresses[..]);
            let last = connecting.await.unwrap_err().kind();
            assert_ne!(last, ErrorKind::ConnectionRefused);

            let error = Async::<TcpStream>::connect(&[][..]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        });
    });
}

#[test]
fn what_cannot_be_resolved_is_an_error() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let error = resolve("localhost").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "it has no port");
            // Longer than a name can be, so that no server is asked.
            let name = "n".repeat(300);
            let error = resolve((&*name, 80)).await.unwrap_err();
            let connecting = Async::<TcpStream>::connect((name, 80));
            assert_eq!(connecting.await.unwrap_err().kind(), error.kind());
        });
    });
}

#[test]
fn tasks_run_while_a_thread_is_blocked() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (sender, receiver) = mpsc::channel();
            let mut blocked = pin!(unblock(move || receiver.recv().unwrap()));
            assert!(poll!(&mut blocked).is_pending());
            drop(spawn(async move { sender.send(7).unwrap() }));
            assert_eq!(blocked.await, 7);
        });
    });
}

#[test]
fn a_function_runs_to_its_end_even_if_its_future_is_dropped() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (begin, begun) = mpsc::channel();
            let (answer, answered) = mpsc::channel();
            let (go_on, may_go_on) = mpsc::channel::<()>();
            let blocked = unblock(move || {
                begin.send(()).unwrap();
                may_go_on.recv().unwrap();
                answer.send(7).unwrap();
            });
            unblock(move || begun.recv()).await.unwrap();
            drop(blocked);
            go_on.send(()).unwrap();
            assert_eq!(unblock(move || answered.recv()).await, Ok(7));
        });
    });
}

#[test]
fn a_panic_on_a_thread_is_that_of_the_future() {
    on_every_mechanism(|mut executor| {
        let blocked = async { unblock(|| panic!("on purpose")).await };
        let panic = catch_unwind(AssertUnwindSafe(|| complete(&mut executor, blocked)));
        let panic = panic.unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"on purpose"));
        complete(&mut executor, async { assert_eq!(unblock(|| 7).await, 7) });
    });
}
