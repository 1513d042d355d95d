//! Drives the README's example, and holds the README to it.

mod support;

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;

use support::{LONGEST, Running, example};

#[test]
fn the_first_example_echoes_on_each_of_its_ports() {
    let mut running = Running::start(&mut example("first"));
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_read_timeout(Some(LONGEST)).unwrap();
    let lines: Vec<_> = (0..3).map(|_| running.line()).collect();
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
