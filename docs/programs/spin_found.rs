//! How a loop that spins shows in its own counts.

use std::io;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use waitset::{Backend, Interest, Mode, Reactor, WaitSet};

fn main() -> io::Result<()> {
    for backend in [Backend::Select, Backend::Poll, Backend::Epoll] {
        // [found]
        let mut set = WaitSet::over(backend.open()?);
        let (near, _far) = UnixStream::pair()?;
        let key = set.insert(near, Interest::READABLE | Interest::WRITABLE, Mode::Level)?;

        let before = set.reactor().stats();
        let mut worked = 0;
        for _ in 0..1000 {
            set.wait(Some(Duration::from_secs(1)))?;
            while let Some((_key, event)) = set.next_event() {
                worked += usize::from(event.is_readable()); // there is nothing to write
            }
        }
        let turns = set.reactor().stats().since(&before);
        println!(
            "{backend:<6}  {} waits, {worked} with work in them",
            turns.waits
        );

        set.modify(key, Interest::READABLE, Mode::Level)?; // the mend
        let found = set.wait(Some(Duration::from_millis(50)))?;
        // [/found]
        assert_eq!((worked, found, turns.waits), (0, 0, 1000));
    }
    Ok(())
}
