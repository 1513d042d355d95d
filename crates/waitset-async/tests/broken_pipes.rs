//! Writing to a peer that is gone is an error, and no signal ends the process, even where
//! `SIGPIPE` does what it does by default. On every mechanism.
#![cfg(all(feature = "hyper", any(target_os = "linux", target_os = "android")))]

mod mechanisms;

use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice, Read};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::pin::Pin;

use futures::AsyncWrite;
use futures::io::{AsyncReadExt, AsyncWriteExt};
use hyper::rt::Write as HyperWrite;
use socket2::Socket;
use waitset::{AsSource, BorrowedSource};

use mechanisms::sys::let_broken_pipes_end_the_process;
use mechanisms::{alone, complete, on_every_mechanism};
use waitset_async::Async;

fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (near, listener.accept().unwrap().0)
}

/// A stream whose peer has reset it, and has been heard to.
async fn reset<T: AsSource + 'static>(stream: Async<T>) -> Async<T>
where
    for<'a> &'a T: Read,
{
    let met = (&stream).read(&mut [0]).await;
    assert!(matches!(met, Ok(0) | Err(_)));
    stream
}

/// Writes in every way that there is, until each has failed.
async fn assert_broken<T: AsSource + 'static>(stream: T)
where
    for<'a> &'a T: Read + io::Write,
{
    let mut stream = reset(Async::new(stream).unwrap()).await;
    let buffers = [IoSlice::new(b"!"), IoSlice::new(b"?")];
    for _ in 0..2 {
        // The first may still be taken, and met by a reset.
        let _ = stream.write(b"!").await;
        let _ = stream.readable().await;
    }
    let told = [
        stream.write(b"!").await,
        (&stream).write(b"!").await,
        stream.write_vectored(&buffers).await,
        (&stream).write_vectored(&buffers).await,
        poll_fn(|context| HyperWrite::poll_write(Pin::new(&mut stream), context, b"!")).await,
        poll_fn(|context| {
            HyperWrite::poll_write_vectored(Pin::new(&mut stream), context, &buffers)
        })
        .await,
    ];
    for told in told {
        assert_eq!(told.unwrap_err().kind(), ErrorKind::BrokenPipe);
    }
    stream.flush().await.unwrap();
    stream.close().await.unwrap();
}

/// Runs `body`, the whole of the test of this name, where a broken pipe ends the process.
fn where_signals_end_the_process(test: &str, body: impl AsyncFn() + Sync) {
    alone(test, || {
        let_broken_pipes_end_the_process();
        on_every_mechanism(|mut executor| complete(&mut executor, body()));
    });
}

#[test]
fn a_tcp_stream_that_its_peer_has_reset_is_a_broken_pipe() {
    let test = "a_tcp_stream_that_its_peer_has_reset_is_a_broken_pipe";
    where_signals_end_the_process(test, async || {
        let (near, far) = tcp_pair();
        drop(far);
        assert_broken(near).await;
    });
}

#[test]
fn a_unix_stream_whose_peer_is_gone_is_a_broken_pipe() {
    let test = "a_unix_stream_whose_peer_is_gone_is_a_broken_pipe";
    where_signals_end_the_process(test, async || {
        let (near, far) = UnixStream::pair().unwrap();
        drop(far);
        assert_broken(near).await;
    });
}

#[test]
fn a_socket_of_socket2_whose_peer_is_gone_is_a_broken_pipe() {
    let test = "a_socket_of_socket2_whose_peer_is_gone_is_a_broken_pipe";
    where_signals_end_the_process(test, async || {
        let (near, far) = tcp_pair();
        drop(far);
        assert_broken(Socket::from(OwnedFd::from(near))).await;
    });
}

#[test]
fn more_buffers_than_one_call_takes_are_written_as_many_as_it_does() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (mut near, mut far) = Async::<UnixStream>::pair().unwrap();
            let bytes: Vec<u8> = (0..2_000_u32).map(|number| number as u8).collect();
            let buffers: Vec<_> = bytes.chunks(1).map(IoSlice::new).collect();
            let written = poll_fn(|context| {
                AsyncWrite::poll_write_vectored(Pin::new(&mut near), context, &buffers)
            });
            let written = written.await.unwrap();
            assert!(written > 0 && written <= buffers.len(), "{written}");
            let mut read = vec![0; written];
            far.read_exact(&mut read).await.unwrap();
            assert_eq!(read, bytes[..written]);
        });
    });
}

/// A source with a `Write` of its own, which says what it was given.
struct Shouting(UnixStream);

impl AsSource for Shouting {
    fn as_fd(&self) -> BorrowedSource<'_> {
        AsSource::as_fd(&self.0)
    }
}

impl io::Write for &Shouting {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        (&self.0).write(&buffer.to_ascii_uppercase())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_source_with_a_write_of_its_own_is_written_by_that() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (near, far) = UnixStream::pair().unwrap();
            let mut near = Async::new(Shouting(near)).unwrap();
            let mut far = Async::new(far).unwrap();
            near.write_all(b"hello ").await.unwrap();
            let buffers = [IoSlice::new(b"world")];
            assert_eq!(near.write_vectored(&buffers).await.unwrap(), 5);
            let mut text = [0; 11];
            far.read_exact(&mut text).await.unwrap();
            assert_eq!(&text, b"HELLO WORLD");
        });
    });
}
