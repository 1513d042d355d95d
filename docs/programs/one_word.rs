//! The same program on every mechanism: what it is told when the other end is gone.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;

use press::println; // end when the reader does, where those of std panic
use waitset::{Backend, Interest, Mode, WaitSet};

fn main() -> io::Result<()> {
    for backend in Backend::all() {
        let Ok(reactor) = backend.open() else {
            continue; // io_uring may be switched off
        };
        // [same]
        let mut set = WaitSet::with_reactor(reactor); // the only word that differs
        let (near, mut far) = UnixStream::pair()?;
        far.write_all(b"bye")?;
        drop(far);
        set.insert(near, Interest::READABLE, Mode::Level)?;
        set.wait(None)?;
        let (_key, event) = set.next_event().expect("the end is an event");
        println!(
            "{backend:<8}  readable {:<5}  and, as a hint, hang-up {}",
            event.is_readable(),
            event.is_hangup(),
        );
        // [/same]
        assert!(event.is_readable());
    }
    Ok(())
}
