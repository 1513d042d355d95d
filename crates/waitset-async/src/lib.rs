#![doc = include_str!("../README.md")]
//!
//! # To do this, call that
//!
//! | to | call |
//! |---|---|
//! | run a future to its end | [`block_on`], or [`Executor::block_on`] to keep the tasks for later |
//! | start another task, await it, cancel it | [`spawn`], [`JoinHandle`], [`JoinHandle::cancel`] |
//! | run tasks among the callbacks of an event loop | [`Spawn`], [below](#futures-and-callbacks-in-one-loop) |
//! | wait for several futures, or for the first | `join!` and `select!` of the crate futures |
//! | listen, and accept connections | [`bind`][listener] and [`incoming`](Async::incoming), or [`accept`](Async#method.accept) |
//! | connect | [`connect`][stream], for [Unix sockets](Async#impl-Async%3CUnixStream%3E) too |
//! | read and write | `AsyncReadExt` and `AsyncWriteExt` of the crate futures, on [`Async`] and on `&Async` |
//! | read in one task and write in another | [`into_split`](Async::into_split) |
//! | turn `TCP_NODELAY` off, which is on | `stream.get_ref().set_nodelay(false)` |
//! | send and receive datagrams | [`send_to`, `recv_from`](Async#impl-Async%3CUdpSocket%3E), for [Unix sockets](Async#impl-Async%3CUnixDatagram%3E) too |
//! | sleep, limit the time, repeat | [`sleep`], [`timeout`], [`interval`] |
//! | await signals | [`next`](Async#method.next) of `Async<Signals>` |
//! | run another program | [`Child`] |
//! | resolve a host name | [`resolve`][resolve], with the feature `blocking` |
//! | call what blocks | [`unblock`][unblock], with the feature `blocking` |
//! | read and write files | the crate async-fs |
//! | send messages to tasks | the crate async-channel, or the channels of futures and tokio |
//! | keep a loop over a channel fair | [`consume_budget`] |
//! | await any other descriptor | [`Async::new`], then [`read_with`](Async::read_with), [`write_with`](Async::write_with), [`readable`](Async::readable) |
//! | speak HTTP | [`Hyper`][hyper], with the feature `hyper` |
//! | speak TLS, or WebSocket | the crates futures-rustls and async-tungstenite, on [`Async`] |
//! | use a library over tokio's IO traits | `compat` of the crate tokio-util, on [`Async`] |
//!
//! [listener]: Async#impl-Async%3CTcpListener%3E
//! [stream]: Async#impl-Async%3CTcpStream%3E
#![cfg_attr(feature = "blocking", doc = "[resolve]: crate::resolve")]
#![cfg_attr(feature = "blocking", doc = "[unblock]: crate::unblock")]
#![cfg_attr(feature = "hyper", doc = "[hyper]: crate::Hyper")]
#![cfg_attr(not(feature = "blocking"), doc = "[resolve]: #features")]
#![cfg_attr(not(feature = "blocking"), doc = "[unblock]: #features")]
#![cfg_attr(not(feature = "hyper"), doc = "[hyper]: #features")]
//!
//! # Futures and callbacks in one loop
//!
//! An [`EventLoop`](waitset::EventLoop) runs tasks among its callbacks, with one wait, one set of
//! timers and one waker for both. With the trait [`Spawn`], a [`Handle`](waitset::Handle) starts
//! tasks from outside of the loop and in callbacks, and a [`Remote`](waitset::Remote) from other
//! threads. A task reaches the state of the loop with
//! [`with_state`](waitset::LocalHandle::with_state).
//!
//! ```
//! use futures::io::{AsyncReadExt, AsyncWriteExt};
//! use std::io;
//! use std::net::{TcpListener, TcpStream};
//! use waitset::{EventLoop, Interest, LocalHandle, Mode};
//! use waitset_async::{Async, Spawn};
//!
//! /// Answers a client, and counts it in the state of the loop.
//! async fn serve(stream: TcpStream, local: LocalHandle<u32>) -> io::Result<()> {
//!     let mut stream = Async::new(stream)?;
//!     let mut question = String::new();
//!     stream.read_to_string(&mut question).await?;
//!     stream.write_all(question.to_uppercase().as_bytes()).await?;
//!     local.with_state(|served, _| *served += 1).await;
//!     Ok(())
//! }
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! listener.set_nonblocking(true)?;
//! let address = listener.local_addr()?;
//! let mut event_loop = EventLoop::new()?;
//! let handle = event_loop.handle();
//! // A callback accepts clients, and starts a task for each.
//! handle.insert(
//!     listener,
//!     Interest::READABLE,
//!     Mode::Level,
//!     |_: &mut u32, listener, _, handle| match listener.accept() {
//!         Ok((stream, _)) => drop(handle.spawn(serve(stream, handle.local()))),
//!         Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
//!         Err(error) => eprintln!("cannot accept: {error}"),
//!     },
//! )?;
//! let client = handle.spawn(async move {
//!     let mut stream = Async::<TcpStream>::connect(address).await?;
//!     stream.write_all(b"hello").await?;
//!     stream.close().await?;
//!     let mut answer = String::new();
//!     stream.read_to_string(&mut answer).await?;
//!     Ok::<_, io::Error>(answer)
//! });
//! let local = handle.local();
//! handle.spawn(async move {
//!     assert_eq!(client.await.unwrap().unwrap(), "HELLO");
//!     local.stop();
//! });
//! let mut served = 0;
//! event_loop.run(&mut served)?;
//! assert_eq!(served, 1);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! [`Spawn`] says what a task can do, when it is polled, and what happens when it panics or the
//! loop is dropped. A program that is all futures doesn't need this: [`block_on`] and [`Executor`]
//! are shorter, and take fewer instructions per turn.
//!
//! # How it works
//!
//! [`Executor::block_on`] repeats four steps:
//!
//! 1. It polls the tasks that have been woken, each once.
//! 2. It waits until a source is ready, a timer is due, or another thread wakes it. If a task
//!    has been woken meanwhile, it checks without blocking.
//! 3. It wakes the tasks whose timers are due.
//! 4. It wakes the tasks that wait for sources that are ready.
//!
//! An [`Executor`] has an event loop inside, without callbacks, and polls tasks between its turns.
//! In an event loop of yours, each turn polls them after the callbacks.
//!
//! A source is one-shot: it is armed while a task waits for it, and silent otherwise. So
//! readiness that no task uses never causes a spin, on any mechanism, and edge-triggered mode is
//! not needed.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg(unix)]

mod budget;
mod child;
mod context;
mod executor;
mod host;
#[cfg(feature = "hyper")]
mod hyper;
mod inbox;
mod interval;
mod join;
mod net;
mod panics;
mod process;
mod shared;
mod source;
mod spawn;
mod split;
mod stream;
mod sys;
mod task;
mod timer;
#[cfg(feature = "blocking")]
mod unblock;
mod waiters;
mod waking;

pub use budget::consume_budget;
pub use child::Child;
pub use executor::{Executor, block_on};
#[cfg(feature = "hyper")]
pub use hyper::Hyper;
pub use interval::{Interval, Tick, interval, interval_at};
pub use join::{JoinError, JoinHandle, spawn};
#[cfg(feature = "blocking")]
pub use net::resolve;
pub use net::{Address, Incoming};
pub use source::{Async, Ready};
pub use spawn::Spawn;
pub use split::{ReadHalf, ReuniteError, WriteHalf};
pub use task::{YieldNow, yield_now};
pub use timer::{Elapsed, Sleep, sleep, sleep_until, timeout};
#[cfg(feature = "blocking")]
pub use unblock::unblock;
