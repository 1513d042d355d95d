//! A TCP echo server over waitset.

use std::io;
use std::net::TcpListener;

use waitset::stream::{Acceptor, Notice};
use waitset::{EventLoop, Mode};

fn main() -> io::Result<()> {
    let mut event_loop = EventLoop::<()>::new()?;
    let handle = event_loop.handle();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    handle.listen(
        Acceptor::new(listener)?,
        Mode::Level,
        |(), accepted, handle| match accepted {
            Ok((stream, peer)) => {
                let opened =
                    handle.insert_stream(
                        stream,
                        Mode::Level,
                        |(), connection, notice, handle| match notice {
                            Notice::Closed(Err(error)) => eprintln!("{error}"),
                            Notice::Closed(Ok(())) => {}
                            _ => drop(connection.forward(connection, handle)),
                        },
                    );
                if let Err(error) = opened {
                    eprintln!("{peer}: {error}");
                }
            }
            Err(refusal) => eprintln!("{refusal}"),
        },
    )?;
    event_loop.run(&mut ())
}
