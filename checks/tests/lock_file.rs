//! What a small program takes along.

use std::path::PathBuf;

use waitset_checks::Program;

/// As many packages as an echo server may have in its lock file, itself included.
const MOST: usize = 15;

const ECHO: &str = r#"
use std::net::UdpSocket;
use waitset::{Interest, Mode, WaitSet};

fn main() -> std::io::Result<()> {
    let mut set = WaitSet::new()?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    set.insert(socket, Interest::READABLE, Mode::Level)?;
    Ok(())
}
"#;

/// The same with futures.
const ASYNC_ECHO: &str = r#"
use std::net::UdpSocket;
use waitset_async::Async;

fn main() -> std::io::Result<()> {
    let _serve = async {
        let socket = Async::<UdpSocket>::bind(([127, 0, 0, 1], 0))?;
        let mut datagram = [0; 1500];
        let (length, peer) = socket.recv_from(&mut datagram).await?;
        socket.send_to(&datagram[..length], peer).await
    };
    Ok(())
}
"#;

/// Returns the names of the packages that a program over this crate locks.
fn locked(name: &str, source: &str) -> Vec<String> {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let manifest = format!("[dependencies]\n{name} = {{ path = \"CRATES/{name}\" }}");
    let echo = Program::write(directory, &manifest, source).unwrap();
    let output = echo.cargo(&["update", "--workspace"]).unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    echo.locked().unwrap()
}

#[test]
fn the_lock_file_of_an_echo_server_is_short() {
    for (name, source) in [("waitset", ECHO), ("waitset-async", ASYNC_ECHO)] {
        let locked = locked(name, source);
        assert!(locked.len() <= MOST, "{}: {locked:?}", locked.len());
        // What is optional, or only for tests.
        for absent in ["loom", "blocking", "hyper", "rustls"] {
            assert!(!locked.iter().any(|name| name == absent), "{locked:?}");
        }
    }
}
