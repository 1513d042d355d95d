//! Connecting, accepting, reading and writing without blocking: the readiness code that is
//! written wrong most often, written once.
//!
//! The module has two layers. In an [`EventLoop`](crate::EventLoop), start with the upper one: it
//! makes the system calls by itself and runs your callback when something has happened.
//!
//! | to | call | and get |
//! |---|---|---|
//! | connect | [`Handle::connect_tcp`], [`Handle::connect_unix`] | a stream, or the reason, before a deadline |
//! | accept connections | [`Handle::listen`] with an [`Acceptor`] | each connection |
//! | read and write a stream | [`Handle::insert_stream`] | a [`Connection`], and a [`Notice`] of each thing that happens |
//!
//! The lower layer is plain values next to a socket of the standard library. They make the system
//! calls when you say so, compute the [`Interest`](crate::Interest) to register, and know nothing
//! of reactors, so that they serve a bare [`Reactor`](crate::Reactor) and a
//! [`WaitSet`](crate::WaitSet) alike. Take it when you own the loop:
//!
//! | to | call | what it gets right |
//! |---|---|---|
//! | connect | [`connect_tcp`], [`connect_unix`], then [`is_connected`] | a socket whose attempt failed is writable too |
//! | accept | [`Acceptor::accept_batch`] | descriptors run out, connections are gone before they are taken |
//! | read | [`ReadBuffer`] | an edge comes once; only `read() = 0` is the end of file |
//! | write | [`WriteBuffer`] | write interest while there is something to write, and a bound |
//!
//! Above both is waitset-async: take it when a protocol reads better as an `async fn` that awaits
//! one step after the other.
//!
//! An echo server over the upper layer:
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
//!     if let Notice::Closed(_) = notice {
//!         *served += 1;
//!         handle.stop();
//!     } else if connection.forward(connection, handle).is_err() {
//!         // The peer reads no more, and `Closed` comes next. Input that merely does not fit
//!         // stays, which stops the reading: that is backpressure, and no error.
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
//!     Err(error) => eprintln!("{error}"),
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
//! [`Handle::connect_tcp`]: crate::LocalHandle::connect_tcp
//! [`Handle::connect_unix`]: crate::LocalHandle::connect_unix
//! [`Handle::listen`]: crate::LocalHandle::listen
//! [`Handle::insert_stream`]: crate::LocalHandle::insert_stream

mod accept_error;
mod accept_source;
mod accept_verdict;
mod acceptor;
mod arm;
mod connect;
mod connecting;
mod connection;
mod hearing;
mod input;
mod insert;
mod interest;
mod listen;
mod notice;
mod output_error;
mod reader;
mod serve;
mod sys;
mod transfer;
mod writer;

pub use accept_error::AcceptError;
pub use accept_source::AcceptSource;
#[doc(hidden)]
pub use accept_verdict::{AcceptErrors, AcceptVerdict};
pub use acceptor::{AcceptBatch, Acceptor};
pub use connect::{connect_tcp, connect_unix, is_connected};
pub use connection::Connection;
pub use insert::Limits;
pub use notice::Notice;
pub use output_error::{ForwardError, OutputError};
pub use reader::{Fill, ReadBuffer};
pub use writer::WriteBuffer;
