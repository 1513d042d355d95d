//! What the tests share: every mechanism, and pairs of streams.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use waitset::Backend;
use waitset_async::{Async, block_on, timeout};

/// Runs a test on each mechanism that this machine has, which must end in good time.
///
/// # Panics
///
/// If a reactor cannot be opened, if it fails, and if the test hangs.
pub fn on_every_mechanism<F: Future<Output = ()>>(test: impl Fn() -> F + Sync) {
    for backend in Backend::all() {
        let reactor = match backend.open() {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                eprintln!("NOT CHECKED: {error}");
                continue;
            }
            opened => opened.expect("it opens"),
        };
        eprintln!("on {backend}");
        // Each has a thread of its own: closing an io_uring interrupts a later system call of the
        // thread that used it.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let bounded = async { timeout(Duration::from_secs(60), test()).await };
                let ended = block_on(reactor, bounded).expect("the reactor waits");
                ended.expect("the test ends");
            });
        });
    }
}

/// Returns the two ends of a TCP connection.
///
/// # Errors
///
/// Those of binding, connecting and accepting.
pub async fn tcp_pair() -> io::Result<(Async<TcpStream>, Async<TcpStream>)> {
    let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0))?;
    let near = Async::<TcpStream>::connect(listener.get_ref().local_addr()?).await?;
    let (far, _) = listener.accept().await?;
    Ok((near, far))
}
