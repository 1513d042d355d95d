//! What a small program takes along.

use std::path::PathBuf;

use waitset_checks::Program;

/// As many packages as an echo server may have in its lock file, itself included.
const MOST: usize = 15;

const ECHO: &str = r#"
use std::net::UdpSocket;
use waitset::{Interest, WaitSet};

fn main() -> std::io::Result<()> {
    let mut set = WaitSet::new()?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    set.insert(socket, Interest::READABLE)?;
    Ok(())
}
"#;

#[test]
fn the_lock_file_of_an_echo_server_is_short() {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("echo");
    let manifest = "[dependencies]\nwaitset = { path = \"CRATES/waitset\" }";
    let echo = Program::write(directory, manifest, ECHO).unwrap();
    let output = echo.cargo(&["update", "--workspace"]).unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let locked = echo.locked().unwrap();
    assert!(locked.len() <= MOST, "{}: {locked:?}", locked.len());
    assert!(!locked.iter().any(|name| name == "loom"), "{locked:?}");
}
