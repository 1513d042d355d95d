//! Sources that are awaited, on every mechanism.

mod mechanisms;

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::pin::pin;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::future::{Either, join, join_all, select};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use futures::poll;
use socket2::{Domain, Socket, Type};
use waitset::Interest;

use mechanisms::{complete, for_each_mechanism, on_every_mechanism};
use waitset_async::{Async, Executor, sleep, spawn, yield_now};

fn listener() -> Async<TcpListener> {
    Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap()
}

/// What tells that nobody spins: waits that found nothing.
fn empty_returns(executor: &Executor) -> u64 {
    executor.stats().empty_returns
}

#[test]
fn a_hundred_clients_are_echoed() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let listener = listener();
            let address = listener.get_ref().local_addr().unwrap();
            let server = spawn(async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    drop(spawn(async move {
                        futures::io::copy(&stream, &mut &stream).await.unwrap();
                    }));
                }
            });
            let clients = (0..100_u8).map(|number| async move {
                let mut stream = Async::<TcpStream>::connect(address).await.unwrap();
                stream.write_all(&[number; 100]).await.unwrap();
                stream.close().await.unwrap();
                let mut answer = Vec::new();
                stream.read_to_end(&mut answer).await.unwrap();
                assert_eq!(answer, [number; 100]);
            });
            join_all(clients).await;
            server.cancel();
        });
    });
}

#[test]
fn a_half_close_leaves_the_other_half_open() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (mut near, mut far) = Async::<UnixStream>::pair().unwrap();
            near.write_all(b"question").await.unwrap();
            near.close().await.unwrap();
            let mut text = String::new();
            far.read_to_string(&mut text).await.unwrap();
            far.write_all(b"answer").await.unwrap();
            drop(far);
            near.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "questionanswer");
            near.close().await.unwrap();
        });
    });
}

#[test]
fn a_writer_waits_for_its_reader_and_ten_megabytes_arrive_as_they_were() {
    const LENGTH: usize = 10 << 20;
    let data = noise(LENGTH);
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (mut near, mut far) = Async::<UnixStream>::pair().unwrap();
            let written = Rc::new(Cell::new(0));
            let (sent, progress) = (Arc::clone(&data), Rc::clone(&written));
            let writer = spawn(async move {
                for chunk in sent.chunks(60_000) {
                    near.write_all(chunk).await.unwrap();
                    progress.set(progress.get() + chunk.len());
                }
            });
            while !is_full(&far, &written).await {}
            assert!(written.get() < LENGTH / 2, "nothing was read so far");

            let mut read = 0;
            let mut chunk = vec![0; 1 << 16];
            loop {
                let count = far.read(&mut chunk).await.unwrap();
                if count == 0 {
                    break;
                }
                assert!(chunk[..count] == data[read..read + count], "at {read}");
                read += count;
            }
            assert_eq!(read, LENGTH);
            writer.await.unwrap();
        });
    });
}

/// Whether the writer has come no further in a few turns, and so waits.
async fn is_full(reader: &Async<UnixStream>, written: &Cell<usize>) -> bool {
    reader.readable().await.unwrap();
    let before = written.get();
    for _ in 0..10 {
        yield_now().await;
    }
    before == written.get()
}

fn noise(length: usize) -> Arc<[u8]> {
    let mut state = 1_u64;
    let bytes = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    });
    bytes.take(length).collect()
}

#[test]
fn a_source_that_is_dropped_while_it_is_awaited_is_deregistered_and_closed() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (near, far) = Async::<UnixStream>::pair().unwrap();
            let waiting = spawn(async move { far.readable().await });
            yield_now().await;
            waiting.cancel();
            assert!(waiting.await.unwrap_err().is_cancelled());
            assert_eq!((&near).read(&mut [0]).await.unwrap(), 0, "it is closed");

            // One of the next is likely to have its number, and can be registered.
            let (mut near, mut far) = Async::<UnixStream>::pair().unwrap();
            near.write_all(b"!").await.unwrap();
            assert_eq!(far.read(&mut [0; 9]).await.unwrap(), 1);
        });
        let none_left = format!("{executor:?}");
        assert!(none_left.contains("sources: 0"), "{none_left}");
    });
}

#[test]
fn a_wait_that_was_given_up_costs_one_early_return_at_most() {
    for_each_mechanism(|mut executor, capabilities| {
        complete(&mut executor, async {
            let (near, far) = Async::<UnixStream>::pair().unwrap();
            let mut waiting = pin!(far.readable());
            assert!(poll!(waiting.as_mut()).is_pending());
            let given_up = far.readable();
            assert!(poll!(pin!(given_up)).is_pending());
            near.get_ref().write_all(b"!").unwrap();
            waiting.await.unwrap();
            // Readable from now on, and nobody reads.
            let mut late = Box::pin(far.readable());
            assert!(poll!(late.as_mut()).is_pending());
            drop(late);
            sleep(Duration::from_millis(20)).await;
        });
        let returns = executor.stats().waits;
        assert!(returns < 20 || !capabilities.sleeps, "{returns} waits");
    });
}

#[test]
fn an_idle_executor_does_not_wake_up() {
    on_every_mechanism(|mut executor| {
        let before = empty_returns(&executor);
        complete(&mut executor, async {
            let (near, far) = Async::<UnixStream>::pair().unwrap();
            // Writable all the time, readable from soon on, and nobody asks.
            let reading = spawn(async move { (&far).read(&mut [0]).await });
            yield_now().await;
            near.get_ref().write_all(b"!!").unwrap();
            reading.await.unwrap().unwrap();
            sleep(Duration::from_millis(50)).await;
            drop(near);
        });
        let woken = empty_returns(&executor) - before;
        assert!(woken <= 5, "woke up {woken} times for nothing");
    });
}

#[test]
fn two_tasks_can_wait_for_one_source() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (near, far) = Async::<UnixStream>::pair().unwrap();
            let far = Rc::new(far);
            let read = |far: Rc<Async<UnixStream>>| async move {
                let mut byte = [0];
                (&*far).read_exact(&mut byte).await.unwrap();
            };
            // By polling and by waiting; both must be told.
            let polling = [spawn(read(Rc::clone(&far))), spawn(read(Rc::clone(&far)))];
            let waiting = spawn({
                let far = Rc::clone(&far);
                async move { far.read_with(|mut far| far.read(&mut [0])).await.unwrap() }
            });
            yield_now().await;
            for _ in 0..3 {
                near.get_ref().write_all(b"!").unwrap();
                sleep(Duration::from_millis(1)).await;
            }
            for task in polling {
                task.await.unwrap();
            }
            assert_eq!(waiting.await.unwrap(), 1);
        });
    });
}

#[test]
fn one_source_is_read_and_written_at_once() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (near, far) = Async::<UnixStream>::pair().unwrap();
            let echo = spawn(async move { futures::io::copy(&far, &mut &far).await });
            let data = noise(1 << 20);
            let write = async {
                (&near).write_all(&data).await.unwrap();
                (&near).close().await.unwrap();
            };
            let mut answer = Vec::new();
            let mut reader = &near;
            join(write, reader.read_to_end(&mut answer))
                .await
                .1
                .unwrap();
            assert!(answer[..] == data[..]);
            assert_eq!(echo.await.unwrap().unwrap(), 1 << 20);
        });
    });
}

#[test]
fn a_refused_connection_is_an_error() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            // Bound and not listening: nobody else is given the port meanwhile.
            let deaf = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
            deaf.bind(&any.into()).unwrap();
            let address = deaf.local_addr().unwrap().as_socket().unwrap();
            let error = Async::<TcpStream>::connect(address).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        });
    });
}

#[test]
fn a_connection_that_is_accepted_later_connects() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let listener = listener();
            let address = listener.get_ref().local_addr().unwrap();
            let stream = Async::<TcpStream>::connect(address).await.unwrap();
            let (accepted, peer) = listener.accept().await.unwrap();
            assert_eq!(stream.get_ref().local_addr().unwrap(), peer);
            assert_eq!(accepted.get_ref().peer_addr().unwrap(), peer);
        });
    });
}

#[test]
fn a_reset_is_told_to_who_waits() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let listener = listener();
            let address = listener.get_ref().local_addr().unwrap();
            let mut stream = Async::<TcpStream>::connect(address).await.unwrap();
            let (accepted, _) = listener.accept().await.unwrap();
            stream
                .write_all(b"unread, so that closing resets")
                .await
                .unwrap();
            let reading = spawn(async move { stream.read(&mut [0]).await });
            accepted.readable().await.unwrap();
            drop(accepted);
            let error = reading.await.unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        });
    });
}

#[test]
fn unix_connections_are_accepted() {
    on_every_mechanism(|mut executor| {
        let name = format!("waitset-async-{:?}.socket", std::thread::current().id());
        let path = std::env::temp_dir().join(format!("{}-{name}", std::process::id()));
        let path = &path;
        complete(&mut executor, async move {
            let listener = Async::new(UnixListener::bind(path).unwrap()).unwrap();
            let mut client = UnixStream::connect(path).unwrap();
            client.write_all(b"hello").unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            let mut text = String::new();
            let mut server = listener.accept().await.unwrap();
            server.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "hello");
        });
        std::fs::remove_file(path).unwrap();
    });
}

#[test]
fn a_child_process_is_talked_to_through_its_pipes() {
    on_every_mechanism(|mut executor| {
        let mut cat = Command::new("cat");
        let cat = cat.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut cat = cat.spawn().unwrap();
        let stdin = File::from(OwnedFd::from(cat.stdin.take().unwrap()));
        let stdout = File::from(OwnedFd::from(cat.stdout.take().unwrap()));
        complete(&mut executor, async move {
            let mut stdin = Async::new(stdin).unwrap();
            let mut stdout = Async::new(stdout).unwrap();
            let write = async move {
                stdin.write_all(&[b'x'; 200_000]).await.unwrap();
                // A pipe has no half to end: it closes when it is dropped.
                stdin.close().await.unwrap();
            };
            let mut text = String::new();
            let (_, read) = join(write, stdout.read_to_string(&mut text)).await;
            assert_eq!(read.unwrap(), 200_000);
        });
        assert!(cat.wait().unwrap().success());
    });
}

#[test]
fn the_first_of_two_sources_wins_and_the_other_stays_usable() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (near_a, a) = Async::<UnixStream>::pair().unwrap();
            let (near_b, b) = Async::<UnixStream>::pair().unwrap();
            for _ in 0..100 {
                near_b.get_ref().write_all(b"!").unwrap();
                match select(a.readable(), b.readable()).await {
                    Either::Right((ready, _)) => ready.unwrap(),
                    Either::Left(_) => panic!("nothing was written to the first"),
                }
                (&b).read_exact(&mut [0]).await.unwrap();
            }
            near_a.get_ref().write_all(b"!").unwrap();
            a.readable().await.unwrap();
        });
    });
}

#[test]
fn a_readiness_that_has_come_stays_so_however_often_it_is_polled() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (near, far) = Async::<UnixStream>::pair().unwrap();
            near.get_ref().write_all(b"!").unwrap();
            let mut ready = far.readable();
            for _ in 0..3 {
                (&mut ready).await.unwrap();
                let _ = far.get_ref().read(&mut [0; 8]);
            }
        });
    });
}

#[test]
fn a_source_comes_back_open_and_unwatched() {
    on_every_mechanism(|mut executor| {
        let mut far = complete(&mut executor, async {
            let (mut near, far) = Async::<UnixStream>::pair().unwrap();
            near.write_all(b"hello").await.unwrap();
            far.readable().await.unwrap();
            far.into_inner()
        });
        let mut text = [0; 5];
        far.read_exact(&mut text).unwrap();
        assert_eq!(&text, b"hello");
        assert!(format!("{executor:?}").contains("sources: 0"));
    });
}

#[test]
fn a_source_tells_that_its_executor_is_not_here() {
    let error = Async::new(UnixStream::pair().unwrap().0).unwrap_err();
    assert!(error.to_string().contains("executor"), "{error}");

    on_every_mechanism(|mut executor| {
        let (near, far) = complete(&mut executor, async {
            Async::<UnixStream>::pair().unwrap()
        });
        let mut other = Executor::new(waitset::PollReactor::new().unwrap());
        complete(&mut other, async {
            far.readable().await.unwrap_err();
            (&far).read(&mut [0]).await.unwrap_err();
        });
        // What does not have to wait works, also after its executor.
        drop(executor);
        complete(&mut other, async {
            (&near).write_all(b"!").await.unwrap();
            assert_eq!((&far).read(&mut [0; 9]).await.unwrap(), 1);
            far.readable().await.unwrap_err();
        });
    });
}

#[test]
fn who_waits_is_told_when_the_executor_is_no_longer_the_one_it_waits_with() {
    on_every_mechanism(|mut executor| {
        let (_near, far) = complete(&mut executor, async {
            Async::<UnixStream>::pair().unwrap()
        });
        let mut waiting = Box::pin(far.readable());
        complete(&mut executor, async {
            assert!(poll!(waiting.as_mut()).is_pending());
        });
        let mut other = Executor::new(waitset::PollReactor::new().unwrap());
        complete(&mut other, waiting).unwrap_err();
    });
}

/// A waker that does nothing.
struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_source_keeps_no_waker_of_who_was_refused() {
    on_every_mechanism(|mut executor| {
        let (_near, far) = complete(&mut executor, async {
            Async::<UnixStream>::pair().unwrap()
        });
        let mut other = Executor::new(waitset::PollReactor::new().unwrap());
        let nobody = Arc::new(Nobody);
        let waker = Waker::from(Arc::clone(&nobody));
        let refused = complete(&mut other, async {
            let mut context = Context::from_waker(&waker);
            far.poll_with(&mut context, Interest::READABLE, |mut far| {
                far.read(&mut [0])
            })
        });
        assert!(matches!(refused, Poll::Ready(Err(_))));
        drop(waker);
        assert_eq!(Arc::strong_count(&nobody), 1);
    });
}

thread_local! {
    /// What a [`Reader`] polls.
    static SOURCE: RefCell<Option<Rc<Async<UnixStream>>>> = const { RefCell::new(None) };
}

/// A waker that, where it is dropped, polls the source that it was waiting for.
struct Reader;

impl Wake for Reader {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Reader {
    fn drop(&mut self) {
        let source = SOURCE.with_borrow(Clone::clone).unwrap();
        let mut context = Context::from_waker(Waker::noop());
        let polled = source.poll_with(&mut context, Interest::WRITABLE, |_| {
            Err::<(), _>(ErrorKind::WouldBlock.into())
        });
        assert!(polled.is_pending());
        assert!(
            Box::pin(source.readable())
                .as_mut()
                .poll(&mut context)
                .is_pending()
        );
    }
}

#[test]
fn a_waker_that_is_dropped_may_use_the_source_it_waited_for() {
    on_every_mechanism(|mut executor| {
        complete(&mut executor, async {
            let (_near, far) = Async::<UnixStream>::pair().unwrap();
            let far = Rc::new(far);
            SOURCE.set(Some(Rc::clone(&far)));
            let reader = || Waker::from(Arc::new(Reader));
            let mut waiting = Box::pin(far.readable());
            // Exchanged for another, and then no longer needed.
            for _ in 0..2 {
                let waker = reader();
                let polled = waiting.as_mut().poll(&mut Context::from_waker(&waker));
                assert!(polled.is_pending());
            }
            drop(waiting);
            SOURCE.set(None);
        });
    });
}
