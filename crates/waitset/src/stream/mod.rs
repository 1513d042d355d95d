//! Connecting, accepting, reading and writing without blocking: the readiness code that is
//! written wrong most often, written once.
//!
//! Each part is a plain value beside a socket of the standard library. It makes the system
//! calls, says what [`Interest`](crate::Interest) it has left, and knows nothing of
//! reactors, so that it serves a bare [`Reactor`](crate::Reactor), a
//! [`WaitSet`](crate::WaitSet) and an [`EventLoop`](crate::EventLoop) alike:
//!
//! | to | use | what it gets right |
//! |---|---|---|
//! | connect | [`connect_tcp`], [`connect_unix`], [`is_connected`] | a socket whose attempt failed is writable too |
//! | accept | [`Acceptor`] | descriptors run out, connections are gone before they are taken |
//! | read | [`ReadBuffer`] | an edge comes once; only `read() = 0` is the end |
//! | write | [`WriteBuffer`] | write interest while there is something to write, and a bound |
//!
//! With an event loop there is less to write: [`Handle::connect_tcp`] and
//! [`Handle::connect_unix`] connect with a deadline, [`Handle::listen`] accepts, and
//! [`Handle::insert_stream`] makes a [`Connection`] of a stream, which reads and writes by itself.
//! An echo server is
//!
//! ```
//! use std::io::{Read, Write};
//! use std::net::{TcpListener, TcpStream};
//! use waitset::stream::{Acceptor, Connection, Notice};
//! use waitset::{EventLoop, Handle, Mode};
//!
//! fn echo(
//!     served: &mut usize,
//!     connection: &Connection<TcpStream>,
//!     notice: Notice,
//!     handle: &mut Handle<'_, usize>,
//! ) {
//!     match notice {
//!         Notice::Closed(_) => {
//!             *served += 1;
//!             handle.stop();
//!         }
//!         // What has no room stays in the input, which stops the reading.
//!         _ => connection.forward(connection, handle),
//!     }
//! }
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let address = listener.local_addr()?;
//! let mut event_loop = EventLoop::new()?;
//! let acceptor = Acceptor::new(listener)?;
//! let handle = event_loop.handle();
//! handle.listen(acceptor, Mode::Level, |_, accepted, handle| match accepted {
//!     Ok((stream, _peer)) => drop(handle.insert_stream(stream, Mode::Level, echo)),
//!     Err(refusal) => eprintln!("{refusal}"),
//! })?;
//! # let client = std::thread::spawn(move || -> std::io::Result<String> {
//! #     let mut stream = TcpStream::connect(address)?;
//! #     stream.write_all(b"hello")?;
//! #     stream.shutdown(std::net::Shutdown::Write)?;
//! #     let mut text = String::new();
//! #     stream.read_to_string(&mut text)?;
//! #     Ok(text)
//! # });
//! let mut served = 0;
//! event_loop.run(&mut served)?;
//! # assert_eq!(client.join().unwrap()?, "hello");
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! [`Handle::connect_tcp`]: crate::Handle::connect_tcp
//! [`Handle::connect_unix`]: crate::Handle::connect_unix
//! [`Handle::listen`]: crate::Handle::listen
//! [`Handle::insert_stream`]: crate::Handle::insert_stream

mod accept;
mod accept_errors;
mod arm;
mod connect;
mod connecting;
mod connection;
mod hearing;
mod input;
mod listen;
mod reader;
mod serve;
mod sys;
mod writer;

pub use accept::{AcceptBatch, AcceptError, AcceptSource, Acceptor};
#[doc(hidden)]
pub use accept_errors::{AcceptErrors, AcceptVerdict};
pub use connect::{connect_tcp, connect_unix, is_connected};
pub use connection::{Connection, Limits, Notice};
pub use reader::{Fill, ReadBuffer};
pub use writer::{OutputError, WriteBuffer};
