//! Drives the README's example, and holds the README to it.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Cargo builds examples beside the directory of the tests.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    profile.join("examples").join(name)
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_first_example_echoes_on_each_of_its_ports() {
    let child = Command::new(example("first"))
        .stdout(Stdio::piped())
        .spawn();
    let mut child = Running(child.unwrap());
    let output = BufReader::new(child.0.stdout.take().unwrap());
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let lines: Vec<_> = output.lines().take(3).map(Result::unwrap).collect();
    for (number, line) in lines.iter().enumerate() {
        let server: SocketAddr = line.strip_prefix("listening on ").unwrap().parse().unwrap();
        let text = format!("datagram {number}");
        client.send_to(text.as_bytes(), server).unwrap();
        let mut buffer = [0; 64];
        let (length, from) = client.recv_from(&mut buffer).unwrap();
        assert_eq!((from, &buffer[..length]), (server, text.as_bytes()));
    }
}

#[test]
fn the_readme_shows_the_first_example_as_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let source = std::fs::read_to_string(root.join("examples/first.rs")).unwrap();
    let (_doc, code) = source.split_once("\n\n").unwrap();
    assert!(
        readme.contains(code),
        "splice examples/first.rs into README.md"
    );
}
