//! The same echo with callbacks: the loop calls, and the program keeps no list.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use press::println; // end when the reader does, where those of std panic
use waitset::{EventLoop, Interest, Mode};

fn main() -> io::Result<()> {
    let (mut chatty, first) = UnixStream::pair()?;
    first.set_nonblocking(true)?;
    // [callback]
    let mut event_loop = EventLoop::new()?;
    let handle = event_loop.handle();
    handle.insert(
        first,
        Interest::READABLE,
        Mode::Level,
        |lines, mut socket, _, handle| {
            let mut line = [0; 64];
            match socket.read(&mut line) {
                Ok(0) => handle.stop(), // the other side is gone
                Ok(length) => {
                    *lines += 1;
                    socket.write_all(&line[..length]).expect("room for a line");
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => drop(handle.remove(handle.key())),
            }
        },
    )?;
    handle.arm_after(Duration::from_secs(20), |_lines, _tick, handle| {
        handle.stop()
    });

    let mut lines = 0; // what the callbacks share
    // [/callback]
    let client = std::thread::spawn(move || -> io::Result<()> {
        let mut answer = [0; 5];
        for _ in 0..3 {
            chatty.write_all(b"hello")?;
            chatty.read_exact(&mut answer)?;
        }
        Ok(())
    });
    event_loop.run(&mut lines)?;
    client.join().expect("no panic")?;
    println!("{lines} lines echoed by a callback");
    assert_eq!(lines, 3);
    Ok(())
}
