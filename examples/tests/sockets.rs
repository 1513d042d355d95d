//! What can be seen of the sockets of the examples: that small writes go out immediately, and
//! what comes of a listener that fails.
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::RawFd;
use std::process::Stdio;

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::{SockAddr, Socket};
use support::{LONGEST, Running, example, on_every_mechanism, once};

/// The sockets of a process, each by its descriptor there. They are the same sockets.
fn sockets(id: u32) -> Vec<(RawFd, Socket)> {
    let id = Pid::from_raw(id as i32).unwrap();
    let process = pidfd_open(id, PidfdFlags::empty()).unwrap();
    let files = fs::read_dir(format!("/proc/{}/fd", id.as_raw_pid())).unwrap();
    let numbers = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let files = numbers.map(|number| {
        let number = number.parse().unwrap();
        let file = pidfd_getfd(&process, number, PidfdGetfdFlags::empty()).unwrap();
        (number, Socket::from(file))
    });
    files.filter(|(_, file)| file.r#type().is_ok()).collect()
}

/// The connected TCP sockets of a process.
fn connected(id: u32) -> Vec<(RawFd, Socket)> {
    let mut sockets = sockets(id);
    let over_ip = |peer: SockAddr| peer.as_socket().is_some();
    sockets.retain(|(_, socket)| socket.peer_addr().is_ok_and(over_ip));
    sockets
}

/// Holds each of its connected sockets to the option; there are to be so many.
fn send_immediately(name: &str, id: u32, count: usize) {
    let sockets = connected(id);
    assert_eq!(sockets.len(), count, "{name}");
    for (number, socket) in sockets {
        let is_set = socket.tcp_nodelay().unwrap();
        assert!(is_set, "descriptor {number} of {name} delays small writes");
    }
}

fn write_write_read(client: &mut TcpStream, from: &mut impl Read) {
    client.set_read_timeout(Some(LONGEST)).unwrap();
    client.write_all(b"two ").unwrap();
    client.write_all(b"writes").unwrap();
    let mut text = [0; 10];
    from.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"two writes");
}

#[test]
fn proxy_sends_small_writes_immediately_on_both_sides() {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = upstream.local_addr().unwrap().to_string();
    for backend in support::mechanisms() {
        let running = support::Server::start("proxy", backend, &["--to", &to]);
        let mut client = running.connect().stream;
        let (mut server, _) = upstream.accept().unwrap();
        server.set_read_timeout(Some(LONGEST)).unwrap();
        write_write_read(&mut client, &mut server);
        send_immediately("proxy", running.id(), 2);
        running.stop();
    }
}

#[test]
fn echo_sends_small_writes_immediately() {
    for flags in [&[][..], &["--threads"]] {
        on_every_mechanism("echo", flags, |running| {
            let mut client = running.connect().stream;
            let mut answers = client.try_clone().unwrap();
            write_write_read(&mut client, &mut answers);
            send_immediately("echo", running.id(), 1);
            running.stop();
        });
    }
}

#[test]
fn chat_ports_and_the_web_servers_send_small_writes_immediately() {
    once("chat", &[], |running| {
        let mut client = running.connect();
        client.send("anna\n");
        client.take("anna joins\n".len());
        send_immediately("chat", running.id(), 1);
    });
    once("ports", &[], |mut running| {
        let _client = running.connect();
        // Two more ports, what is said of port 80, and the connection.
        (0..4).for_each(|_| drop(running.line()));
        send_immediately("ports", running.id(), 1);
    });
    for name in ["httpd", "ws_chat", "dashboard"] {
        once(name, &[], |running| {
            let mut client = running.connect();
            assert_eq!(client.get("/").status, 200);
            send_immediately(name, running.id(), 1);
        });
    }
}

#[test]
fn the_client_of_echo_sends_small_writes_immediately() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = example("echo");
    command.args(["--connect", &listener.local_addr().unwrap().to_string()]);
    let mut client = Running::start(command.stdin(Stdio::piped()));
    let mut input = client.input();
    let (mut server, _) = listener.accept().unwrap();
    input.write_all(b"x").unwrap();
    server.read_exact(&mut [0; 1]).unwrap();
    // The thread that sends has a descriptor of its own.
    send_immediately("echo --connect", client.id(), 2);
}

#[test]
fn a_server_whose_listener_fails_says_so_and_ends_with_exit_code_1() {
    let any = &["--addr", "127.0.0.1:0"][..];
    let servers = [
        ("echo", any),
        ("chat", any),
        ("ports", any),
        ("proxy", &["--addr", "127.0.0.1:0", "--to", "127.0.0.1:9"]),
        ("httpd", any),
        ("ws_chat", any),
        ("dashboard", any),
    ];
    for (name, flags) in servers {
        let mut command = example(name);

        command.args(flags);
        let mut running = Running::start(command.stderr(Stdio::piped()));
        let errors = running.errors();
        assert!(running.line().starts_with("listening on "));
        let mut listeners = sockets(running.id()).into_iter();
        let is_listener = |(_, socket): &(_, Socket)| socket.is_listener().unwrap();
        let (_, listener) = listeners.find(is_listener).unwrap();
        // From now on, accept(2) is EINVAL, for TCP at least.
        listener.shutdown(Shutdown::Both).unwrap();
        drop((listener, listeners));
        let (code, text) = running.end();
        let errors = errors.join().unwrap();
        assert_eq!(code, Some(1), "{name}: {text}{errors}");
        assert!(errors.contains("Invalid argument"), "{name}: {errors}");
    }
}
