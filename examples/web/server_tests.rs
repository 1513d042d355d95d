use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tungstenite::{Message, WebSocket};
use waitset::{Backend, EventLoop, Key};

use super::limits::Limits;
use super::narrator::Narrator;
use super::scratch::Scratch;
use super::server::Server;
use super::site::{Outbox, Site};
use super::tree::Tree;

/// Says everything back, but for what it panics at.
struct Fragile;

impl Site for Fragile {
    const SOCKETS: &'static [&'static str] = &["/ws"];

    fn heard(&mut self, who: Key, message: Message, outbox: &mut Outbox) {
        assert_ne!(message, Message::text("panic"), "as it was told to");
        outbox.send(who, message);
    }

    fn left(&mut self, _: Key, _: &mut Outbox) {
        panic!("it cannot say goodbye either");
    }
}

/// Serves on a loop of its own while `clients` does what it does.
fn serving(clients: impl FnOnce(SocketAddr)) {
    let scratch = Scratch::new();
    let tree = Tree::new(scratch.path()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, remote) = mpsc::channel();
    thread::scope(|scope| {
        let server = scope.spawn(move || {
            let mut event_loop = EventLoop::with_reactor(Backend::default().open()?);
            let mut server = Server::new(Fragile, tree, Limits::default(), Narrator::new(false));
            server.listen(listener, &mut event_loop.handle())?;
            let _ = sender.send(event_loop.handle().remote());
            event_loop.run(&mut server)
        });
        let remote = remote.recv().unwrap();
        clients(address);
        let _ = remote.post(|_, handle| handle.stop());
        server.join().expect("no panic ends the loop").unwrap();
    });
}

fn open(address: SocketAddr) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(address).unwrap();
    let longest = Some(Duration::from_secs(60));
    stream.set_read_timeout(longest).unwrap();
    let (socket, _) = tungstenite::client(format!("ws://{address}/ws"), stream).unwrap();
    socket
}

fn is_heard(socket: &mut WebSocket<TcpStream>) -> bool {
    socket.send(Message::text("hello")).unwrap();
    socket.read().unwrap() == Message::text("hello")
}

#[test]
fn a_panic_ends_the_connection_that_it_comes_from_and_no_other() {
    serving(|address| {
        let mut other = open(address);
        for _ in 0..3 {
            let mut socket = open(address);
            socket.send(Message::text("panic")).unwrap();
            let error = socket.read().unwrap_err();
            assert!(
                !matches!(&error, tungstenite::Error::Io(error) if is_late(error)),
                "{error}"
            );
            assert!(is_heard(&mut other));
        }
        assert!(is_heard(&mut open(address)));
    });
}

fn is_late(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
