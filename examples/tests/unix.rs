//! Drives `unix`, whose address is a file that others may have, or take.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use socket2::{Domain, SockAddr, Socket, Type};
use support::{LONGEST, Running, example, mechanisms};
use waitset_examples::web::scratch::Scratch;

fn command(path: &Path) -> Command {
    let mut command = example("unix");
    command.arg("--addr").arg(path);
    command
}

/// Starts one that listens.
fn start(path: &Path) -> Running {
    let mut running = Running::start(&mut command(path));
    assert!(running.line().starts_with("listening on "));
    running
}

/// What one says that does not start.
fn refused(path: &Path) -> String {
    let mut running = Running::start(command(path).stderr(Stdio::piped()));
    let errors = running.errors();
    assert_eq!(running.end(), (Some(1), String::new()));
    let errors = errors.join().unwrap();
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.starts_with(path.to_str().unwrap()), "{errors}");
    errors
}

fn is_echoed(path: &Path) {
    let mut client = UnixStream::connect(path).unwrap();
    client.set_read_timeout(Some(LONGEST)).unwrap();
    client.write_all(b"hello").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
}

fn place() -> (Scratch, PathBuf) {
    let scratch = Scratch::new();
    let path = scratch.path().join("socket");
    (scratch, path)
}

#[test]
fn it_echoes_knows_its_peer_and_takes_an_old_file_over_on_every_mechanism() {
    let (_scratch, path) = place();
    for backend in mechanisms() {
        let mut command = command(&path);
        let mut running = Running::start(command.args(["--backend", backend.name()]));
        assert!(running.line().starts_with("listening on "));
        is_echoed(&path);
        let who = format!("process {} of user ", std::process::id());
        assert!(running.line().starts_with(&who));
        assert!(running.stop().ends_with("served 1 connections\n"));
        assert!(!path.exists());
        // For the next: a file whose listener is gone.
        drop(UnixListener::bind(&path).unwrap());
    }
}

#[test]
fn what_has_taken_its_path_meanwhile_stays() {
    let (_scratch, path) = place();
    let takes: [&dyn Fn(); 3] = [
        &|| drop(UnixListener::bind(&path).unwrap()),
        &|| fs::write(&path, "a file").unwrap(),
        &|| fs::create_dir(&path).unwrap(),
    ];
    for take in takes {
        let old = start(&path);
        fs::remove_file(&path).unwrap();
        take();
        old.stop();
        assert!(path.exists());
        if path.is_dir() {
            fs::remove_dir(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
    }
    let old = start(&path);
    fs::remove_file(&path).unwrap();
    let new = start(&path);
    old.stop();
    is_echoed(&path);
    new.stop();
    assert!(!path.exists());
}

#[test]
fn one_whose_file_has_been_removed_ends_well() {
    let (_scratch, path) = place();
    let running = start(&path);
    fs::remove_file(&path).unwrap();
    running.stop();
}

#[test]
fn a_live_server_is_left_alone_though_its_backlog_is_full() {
    let (_scratch, path) = place();
    let server = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    server.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    server.listen(0).unwrap();
    assert!(refused(&path).contains("another program listens there"));
    // The first that was refused has left its connection in the backlog, which has room for one.
    assert!(refused(&path).contains("another program listens there"));
    let _first = server.accept().unwrap();
    let _second = UnixStream::connect(&path).unwrap();
    assert!(refused(&path).contains("another program listens there"));
    assert!(path.exists());
}

#[test]
fn a_live_socket_of_another_type_is_left_alone() {
    let (_scratch, path) = place();
    let _socket = UnixDatagram::bind(&path).unwrap();
    assert!(refused(&path).contains("another program listens there"));
    assert!(path.exists());
}

#[test]
fn no_file_that_is_not_a_socket_is_removed() {
    let (scratch, path) = place();
    fs::write(&path, "precious").unwrap();
    assert!(refused(&path).contains("not a socket"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    fs::remove_file(&path).unwrap();
    // A link to a socket that nobody has any more.
    let target = scratch.path().join("target");
    drop(UnixListener::bind(&target).unwrap());
    symlink(&target, &path).unwrap();
    assert!(refused(&path).contains("not a socket"));
    assert!(target.exists() && fs::symlink_metadata(&path).is_ok());
}

#[test]
fn the_file_of_one_that_was_killed_is_taken_over() {
    let (_scratch, path) = place();
    let killed = start(&path);
    killed.send(Signal::SIGKILL);
    drop(killed);
    assert!(path.exists());
    let running = start(&path);
    is_echoed(&path);
    running.stop();
    assert!(!path.exists());
}

#[test]
fn a_path_that_cannot_be_bound_is_named_with_the_reason() {
    let (scratch, _) = place();
    assert!(refused(&scratch.path().join("no/such")).contains("No such file"));
    assert!(refused(&scratch.path().join("x".repeat(200))).contains("SUN_LEN"));
}
