//! Sources that are split into halves, on every mechanism.

mod mechanisms;

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::pin::pin;

use futures::io::{AsyncReadExt, AsyncWriteExt};
use futures::poll;

use mechanisms::{complete, on_every_mechanism};
use waitset_async::{Async, spawn};

async fn tcp_pair() -> (Async<TcpStream>, Async<TcpStream>) {
    let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
    let address = listener.get_ref().local_addr().unwrap();
    let near = Async::<TcpStream>::connect(address).await.unwrap();
    let (far, _) = listener.accept().await.unwrap();
    (near, far)
}

#[test]
fn halves_read_and_write_in_tasks_of_their_own() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (near, far) = tcp_pair().await;
            let echo = spawn(async move { futures::io::copy(&far, &mut &far).await });
            let (mut read, mut write) = near.into_split();
            let data = vec![7; 1 << 20];
            let writing = spawn(async move { write.write_all(&data).await });
            let mut answer = Vec::new();
            // Ends because the half that writes has been dropped with its task.
            read.read_to_end(&mut answer).await.unwrap();
            assert_eq!(answer, vec![7; 1 << 20]);
            writing.await.unwrap().unwrap();
            assert_eq!(echo.await.unwrap().unwrap(), 1 << 20);
        });
    });
}

#[test]
fn the_reading_half_goes_on_after_the_writing_half_was_dropped() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (near, mut far) = Async::<UnixStream>::pair().unwrap();
            let (mut read, write) = near.into_split();
            drop(write);
            assert_eq!(far.read(&mut [0]).await.unwrap(), 0, "end of file");
            far.write_all(b"still here").await.unwrap();
            let mut text = [0; 10];
            read.read_exact(&mut text).await.unwrap();
            assert_eq!(&text, b"still here");
        });
    });
}

#[test]
fn neither_forgetting_nor_reuniting_ends_the_writing() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (near, far) = Async::<UnixStream>::pair().unwrap();
            let (read, write) = near.into_split();
            let mut near = read.reunite(write).unwrap();
            let mut buffer = [0; 8];
            assert!(poll!(pin!((&far).read(&mut buffer))).is_pending());
            near.write_all(b"one").await.unwrap();
            assert_eq!((&far).read(&mut buffer).await.unwrap(), 3);
            let (read, write) = near.into_split();
            write.forget();
            assert!(poll!(pin!((&far).read(&mut buffer))).is_pending());
            drop(read);
            assert_eq!((&far).read(&mut buffer).await.unwrap(), 0, "it is closed");
        });
    });
}

#[test]
fn halves_of_two_sources_come_back() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (near, far) = Async::<UnixStream>::pair().unwrap();
            let (near_read, near_write) = near.into_split();
            let (far_read, far_write) = far.into_split();
            let error = near_read.reunite(far_write).unwrap_err();
            assert!(error.to_string().contains("different sources"), "{error}");
            error.read.reunite(near_write).unwrap();
            far_read.reunite(error.write).unwrap();
        });
    });
}

#[cfg(any(target_os = "linux", target_os = "android"))]
#[test]
fn a_forked_child_that_drops_a_half_leaves_the_connection_alone() {
    on_every_mechanism(|mut executor| {
        let (near, far) = complete(&mut executor, async {
            Async::<UnixStream>::pair().unwrap()
        });
        let (read, write) = near.into_split();
        let mut halves = Some((read, write));
        mechanisms::sys::in_a_fork(|| drop(halves.take()));
        let (_read, mut write) = halves.unwrap();
        complete(&mut executor, async {
            write.write_all(b"!").await.unwrap();
            assert_eq!((&far).read(&mut [0; 8]).await.unwrap(), 1);
        });
    });
}
